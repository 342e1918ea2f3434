// A line is one way to the server that stands: a WebSocket, or requests one after the other.
// It takes marks, which say what to follow and from where, and tells its host what comes.

import type { State } from './connection.ts';
import { failureOf } from './failure.ts';
import type { Failure } from './failure.ts';
import type { Mark } from './mark.ts';
import type { Options, Transport } from './options.ts';
import type { Tokens } from './token.ts';

/** What lines use of the client. */
export interface Host {
  readonly _origin: string;
  readonly _name: string;
  readonly _tokens: Tokens;
  readonly _options: Options;
  /** The mark is followed now, from pos on. */
  _confirmed(line: Line, mark: Mark, pos: string): void;
  /** A message, a gap, or a piece of a stream with its bytes. */
  _hear(line: Line, object: any, payload?: Uint8Array): void;
  /** The server does not let the client follow a channel, or does no longer. */
  _refused(line: Line, name: string, failure: Failure): void;
  _broke(line: Line, failure: Failure): void;
  _become(state: State): void;
}

/** What a line tells once it is started: its first answer, or that there will be none. */
export interface Opening {
  /** Is over when the line was accepted, or closed. */
  _open(): Promise<void>;
  _fail(failure: Failure): void;
}

export abstract class Line {
  /** What it follows, by channel. */
  readonly _marks = new Map<string, Mark>();
  readonly _begun = Date.now();
  /** When the last bytes came. */
  _heard = Date.now();
  /** Milliseconds without a byte after which it is dead; 0: it minds that itself. */
  _silence = 0;
  /** Set when it is over. */
  _over = false;

  /** _opening: until it is accepted. */
  constructor(public _transport: Transport, protected readonly _host: Host, public _opening?: Opening) {}

  /** Opens it. */
  _start(marks: Mark[]): void {
    this._run(marks).catch((error) => this._fail(error));
  }

  protected abstract _run(marks: Mark[]): Promise<void>;

  /** Takes marks that changed. A channel is followed once: to begin anew it is left first. */
  _follow(marks: Mark[]): void {
    const wanted = new Set(marks);
    for (const mark of this._marks.values()) {
      if (wanted.delete(mark)) continue;
      this._marks.delete(mark._name);
      this._changed(mark);
    }
    for (const mark of wanted) {
      this._marks.set(mark._name, mark);
      this._changed(mark);
    }
  }

  /** A mark came, or went. */
  protected abstract _changed(mark: Mark): void;

  /** Closes what is beneath. */
  protected abstract _shut(): void;

  /** Sends a command, if this is a line that takes any. */
  _command?(command: object): Promise<any>;

  /** There is another token. */
  _refresh?(token?: string): unknown;

  _fail(error: unknown): void {
    if (this._over) return;
    const failure = failureOf(error);
    this._close();
    if (this._opening) this._opening._fail(failure);
    else this._host._broke(this, failure);
  }

  _close(): void {
    if (this._over) return;
    this._over = true;
    this._shut();
  }
}
