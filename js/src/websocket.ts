import { Failure, byClose, byCode, failureOf } from './failure.ts';
import { Line } from './line.ts';
import type { Mark } from './topic.ts';

export class Socket extends Line {
  private _socket: any;
  private _ref = 0;
  // By ref. Who sends commands bounds how many there are.
  private _answers = new Map<number, (answer: any) => void>();
  // What the server said before it closed.
  private _said?: Failure;

  _start(marks: Mark[]): void {
    const socket = this._socket = new this._host._WebSocket(`${this._host._origin.replace('http', 'ws')}/v1/ws`, 'wsbridge.v1');
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this._send({ type: 'connect', token: this._host._token, client: this._host._name });
      this._follow(marks);
    };
    socket.onmessage = ({ data }: any) => {
      this._heard = Date.now();
      try {
        if (typeof data === 'string') this._hear(JSON.parse(data));
        else {
          const length = new DataView(data).getUint32(0);
          this._hear(JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length))), new Uint8Array(data, 4 + length));
        }
      } catch (error) {
        this._fail(failureOf(error)); // whoever answers here is no wsbridge
      }
    };
    socket.onclose = ({ code, reason }: any) => {
      const retry = /^retry=(\d+)/.exec(reason)?.[1];
      this._fail(byClose(code, retry ? '' : reason, Number(retry) || undefined, this._said));
    };
    socket.onerror = () => {}; // the close follows
  }

  _follow(marks: Mark[]): boolean {
    const wanted = new Set(marks);
    for (const mark of this._marks.values()) {
      if (!wanted.has(mark)) {
        // A channel is followed once: to begin anew it is left first.
        this._marks.delete(mark._name);
        this._send({ type: 'unsubscribe', channel: mark._name });
      }
    }
    for (const mark of marks) {
      const { _name: channel, _since: since } = mark;
      if (this._marks.has(channel)) continue;
      // The token may have joined it by itself, from now.
      if (this._host._token) this._send({ type: 'unsubscribe', channel });
      this._marks.set(channel, mark);
      this._ask({ type: 'subscribe', channel, since, streams: [...mark._subs].some((sub) => sub._streams) || undefined }, (answer) => {
        if (this._marks.get(channel) !== mark) return;
        if (answer.type === 'subscribed') this._tell(() => this._host._confirmed(this, mark, answer.pos));
        else this._refuse(answer, channel);
      });
    }
    return true;
  }

  override _command(command: object, payload?: Uint8Array): Promise<any> {
    return new Promise((resolve, reject) => {
      this._ask(command, (answer) => {
        if (answer.type === 'ok') resolve(answer);
        else reject(answer instanceof Failure ? answer : byCode(answer));
      }, payload);
    });
  }

  protected _shut(): void {
    this._socket?.close(1000);
    for (const answered of this._answers.values()) answered(new Failure('network', 'next'));
  }

  private _refuse(answer: any, channel: string): void {
    this._marks.delete(channel);
    this._tell(() => this._host._refused(this, channel, byCode(answer)));
  }

  private _ask(command: object, answered: (answer: any) => void, payload?: Uint8Array): void {
    this._answers.set(++this._ref, answered);
    this._send({ ...command, ref: this._ref }, payload);
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
    const { type, ref, channel } = object;
    const answered = this._answers.get(ref);
    if (answered) {
      this._answers.delete(ref);
      answered(object);
    } else if (type === 'unsubscribed') this._refuse(object, channel);
    else if (type === 'error' && !ref) this._said = byCode(object);
    else if (type === 'welcome') {
      this._silence = object.heartbeat * 2000;
      this._opened();
    } else this._tell(() => this._host._hear(this, object, payload));
  }
}
