import { byClose, failureBy } from './failure.ts';
import { Line } from './line.ts';
import type { Mark } from './mark.ts';

export class Socket extends Line {
  private _socket: any;
  private _ref = 0;
  // By ref. Who sends commands bounds how many there are.
  private _answers = new Map<number, (answer: any) => void>();
  // What the server said before it closed.
  private _said?: any;

  protected async _run(marks: Mark[]): Promise<void> {
    const { _options, _origin, _name, _tokens } = this._host;
    const socket = this._socket = new (_options.WebSocket ?? WebSocket)(`${_origin.replace('http', 'ws')}/v1/ws`, 'wsbridge.v1');
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this._send({ type: 'connect', token: _tokens._current, client: _name });
      this._follow(marks);
    };
    socket.onmessage = ({ data }: any) => {
      this._heard = Date.now();
      try {
        if (typeof data === 'string') this._take(JSON.parse(data));
        else {
          const length = new DataView(data).getUint32(0);
          this._take(JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length))), new Uint8Array(data, 4 + length));
        }
      } catch (error) {
        this._fail(error); // whoever answers here is no wsbridge
      }
    };
    socket.onclose = ({ code, reason }: any) => {
      const retry: any = /^retry=(\d+)/.exec(reason)?.[1];
      this._fail(byClose(code, retry ? '' : reason, retry && +retry, this._said));
    };
    socket.onerror = () => {}; // the close follows
  }

  protected _changed(mark: Mark): void {
    const { _name: channel, _since: since } = mark;
    const wanted = () => this._marks.get(channel) === mark;
    // The token may have joined it by itself, from now.
    if (!wanted() || this._host._tokens._current) this._send({ type: 'unsubscribe', channel });
    if (!wanted()) return;
    this._ask({ type: 'subscribe', channel, since, streams: [...mark._subs].some((sub) => sub._streams) }, (answer) => {
      if (!wanted()) return;
      if (answer.type === 'subscribed') this._host._confirmed(this, mark, answer.pos);
      else this._refuse(channel, answer);
    });
  }

  override _command(command: object): Promise<any> {
    return new Promise((resolve, reject) => {
      this._ask(command, (answer) => {
        if (answer.type === 'ok') resolve(answer);
        else reject(failureBy(answer));
      });
    });
  }

  override _refresh(token?: string): Promise<any> {
    return this._command({ type: 'refresh', token });
  }

  protected _shut(): void {
    this._socket?.close(1000);
    this._marks.clear();
    for (const answered of this._answers.values()) answered({ code: 'outcome_unknown' });
  }

  private _refuse(channel: string, answer: any): void {
    this._marks.delete(channel);
    this._host._refused(this, channel, failureBy(answer));
  }

  private _ask(command: object, answered: (answer: any) => void): void {
    this._answers.set(++this._ref, answered);
    this._send({ ...command, ref: this._ref });
  }

  private _send(command: object): void {
    // Between its close and the word of it a socket swallows what is sent.
    if (this._socket.readyState === 1) this._socket.send(JSON.stringify(command));
  }

  private _take(object: any, payload?: Uint8Array): void {
    const { type, ref, channel } = object;
    const answered = this._answers.get(ref);
    if (answered) {
      this._answers.delete(ref);
      answered(object);
    } else if (type === 'unsubscribed') this._refuse(channel, object);
    else if (type === 'error') this._said = object;
    else if (type === 'welcome') {
      this._silence = object.heartbeat * 2000;
      this._opening?._open();
    } else this._host._hear(this, object, payload);
  }
}
