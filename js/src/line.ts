// A line is one way to the server that stands: a WebSocket, a stream, or polls one after
// the other. It takes marks, which say what to follow and from where, and tells its host
// what comes.

import type { State } from './connection.ts';
import type { Failure } from './failure.ts';
import type { Options, Transport } from './options.ts';
import type { Mark } from './topic.ts';

/** What lines use of the client. */
export interface Host {
  readonly _origin: string;
  readonly _name: string;
  readonly _token: string | undefined;
  readonly _options: Options;
  readonly _fetch: typeof fetch;
  readonly _WebSocket: any;
  /** The mark is followed now, from pos on. */
  _confirmed(line: Line, mark: Mark, pos: string): void;
  /** A message, a gap, or a piece of a stream with its bytes. */
  _hear(line: Line, object: any, payload?: Uint8Array): void;
  _report(line: Line, state: State): void;
  /** The server does not let the client follow a channel, or does no longer. */
  _refused(line: Line, name: string, failure: Failure): void;
  _broke(line: Line, failure: Failure): void;
}

/** What a line calls once it is started: at its first answer, or when there will be none. */
export interface Opening {
  _open(): void;
  _fail(failure: Failure): void;
}

export abstract class Line {
  /** What it follows, by channel. */
  readonly _marks = new Map<string, Mark>();
  readonly _since = Date.now();
  /** When the last bytes came. */
  _heard = Date.now();
  /** Milliseconds without a byte after which it is dead; 0: it minds that itself. */
  _silence = 0;
  /** Set when it is over. */
  _over = false;
  // Until the race is decided, what comes is kept back. That is for the moment in which a
  // better line is given its chance; a loser's is dropped.
  private _held?: (() => void)[] = [];

  constructor(public _transport: Transport, protected readonly _host: Host, private readonly _opening: Opening) {}

  /** Opens it. */
  abstract _start(marks: Mark[]): void;

  /** Takes marks that changed. false: it cannot; another line has to be opened. */
  abstract _follow(marks: Mark[]): boolean;

  /** Closes what is beneath. */
  protected abstract _shut(): void;

  /** Sends a command, if this is a line that takes any. */
  _command?(command: object, payload?: Uint8Array): Promise<any>;

  /** The first answer came. */
  protected _opened(): void {
    if (this._held && !this._over) this._opening._open();
  }

  /** Lets through what comes. */
  _accept(): void {
    const held = this._held;
    this._held = undefined;
    held?.forEach((tell) => tell());
  }

  protected _tell(tell: () => void): void {
    if (this._over) return;
    if (this._held) this._held.push(tell);
    else tell();
  }

  _fail(failure: Failure): void {
    if (this._over) return;
    this._close();
    if (this._held) this._opening._fail(failure);
    else this._host._broke(this, failure);
  }

  _close(): void {
    if (this._over) return;
    this._over = true;
    this._shut();
  }
}
