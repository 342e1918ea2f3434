import { Failure, byClose, byCode } from './failure.ts';
import { Line } from './line.ts';
import { messageOf } from './message.ts';
import type { Mark } from './topic.ts';

// How long a command may wait for its answer.
const patience = 10_000;

export class Socket extends Line {
  private _socket: any;
  private _ref = 0;
  private _answers = new Map<number, (answer: any) => void>();
  // What the server said before it closed.
  private _said?: Failure;

  start(marks: Mark[]): void {
    const { host } = this;
    const url = new URL('/v1/ws', host.base);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = this._socket = new host.WebSocket(url.href, 'wsbridge.v1');
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this._send({ type: 'connect', token: host.token, client: host.name });
      this.follow(marks);
    };
    socket.onmessage = ({ data }: any) => {
      this.heard = Date.now();
      let object: any;
      let payload: Uint8Array | undefined;
      try {
        if (typeof data !== 'string') {
          const length = new DataView(data).getUint32(0);
          payload = new Uint8Array(data, 4 + length);
          data = new TextDecoder().decode(new Uint8Array(data, 4, length));
        }
        object = JSON.parse(data);
      } catch {
        return this.fail(new Failure('bad_answer', 'a frame that is not the server\'s', 'next'));
      }
      this._hear(object, payload);
    };
    socket.onclose = ({ code, reason }: any) => {
      const [, retry] = /^retry=(\d+)$/.exec(reason) ?? [];
      const closed = byClose(code, retry ? '' : reason, retry ? Number(retry) : undefined);
      const said = this._said;
      this.fail(said ? new Failure(said.code, said.detail, closed.consequence, { channel: said.channel, after: closed.after }) : closed);
    };
    socket.onerror = () => {}; // the close follows
  }

  follow(marks: Mark[]): boolean {
    const wanted = new Map(marks.map((mark) => [mark.name, mark]));
    for (const name of this.marks.keys()) {
      if (!wanted.has(name)) {
        this.marks.delete(name);
        this._send({ type: 'unsubscribe', channel: name });
      }
    }
    for (const [name, mark] of wanted) {
      const known = this.marks.get(name);
      if (known === mark) continue;
      this.marks.set(name, mark);
      // A channel is followed once: to begin anew it is left first. That also undoes what
      // the token joined by itself.
      this._send({ type: 'unsubscribe', channel: name });
      const streams = [...mark.subs].some((sub) => sub._streams) || undefined;
      this._ask({ type: 'subscribe', channel: name, since: mark.since, streams }, (answer) => {
        if (this.marks.get(name) !== mark) return;
        if (answer.type === 'subscribed') this.tell(() => this.host.confirmed(this, mark, answer.pos));
        else {
          this.marks.delete(name);
          this.tell(() => this.host.refused(this, name, byCode(answer)));
        }
      });
    }
    return true;
  }

  override command(command: object, payload?: Uint8Array): Promise<any> {
    return new Promise((resolve, reject) => {
      if (this.over) throw new Failure('network', 'the line is down', 'next');
      const timer = setTimeout(() => {
        this._answers.delete(ref);
        reject(new Failure('timeout', `no answer came within ${patience} ms`, 'next'));
      }, patience);
      const ref = this._ask(command, (answer) => {
        clearTimeout(timer);
        if (answer.type === 'ok') resolve(answer);
        else reject(answer instanceof Failure ? answer : byCode(answer));
      }, payload);
    });
  }

  protected shut(): void {
    const { _socket: socket } = this;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Closing what is not open yet is an error in some programs, and reported as one in all.
    try { socket.close(1000); } catch { /* it never opened */ }
    const lost = new Failure('network', 'the line broke before the answer came', 'next');
    for (const answered of this._answers.values()) answered(lost);
    this._answers.clear();
  }

  private _ask(command: object, answered: (answer: any) => void, payload?: Uint8Array): number {
    const ref = ++this._ref;
    this._answers.set(ref, answered);
    this._send({ ...command, ref }, payload);
    return ref;
  }

  private _send(command: object, payload?: Uint8Array): void {
    let frame: string | Uint8Array = JSON.stringify(command);
    if (payload) {
      const head = new TextEncoder().encode(frame);
      frame = new Uint8Array(4 + head.length + payload.length);
      new DataView(frame.buffer).setUint32(0, head.length);
      frame.set(head, 4);
      frame.set(payload, 4 + head.length);
    }
    // Between its close and the word of it a socket swallows what is sent.
    if (this._socket.readyState === 1) this._socket.send(frame);
  }

  private _hear(object: any, payload?: Uint8Array): void {
    const { type, ref } = object;
    const answered = this._answers.get(ref);
    if (answered) {
      this._answers.delete(ref);
      answered(object);
    } else if (type === 'message') this.tell(() => this.host.message(this, messageOf(object, payload)));
    else if (type === 'gap') this.tell(() => this.host.gap(this, object));
    else if (type === 'stream') this.tell(() => this.host.stream(this, object, payload!));
    else if (type === 'welcome') {
      this.silence = object.heartbeat * 2000;
      this.opened();
    } else if (type === 'unsubscribed') {
      this.marks.delete(object.channel);
      this.tell(() => this.host.refused(this, object.channel, byCode(object)));
    } else if (type === 'error' && ref === undefined) this._said = byCode(object);
  }
}
