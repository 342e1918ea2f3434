// A line is one way to the server that stands: a WebSocket, a stream, or polls one after
// the other. It takes marks, which say what to follow and from where, and tells its host
// what comes.

import type { Failure } from './failure.ts';
import type { Message, Gap } from './message.ts';
import type { Transport } from './options.ts';
import type { Mark } from './topic.ts';

/** What lines use of the client. */
export interface Host {
  readonly base: URL;
  readonly name: string;
  readonly token: string | undefined;
  readonly pollEvery: number;
  readonly fetch: typeof fetch;
  readonly WebSocket: any;
  /** The mark is followed now, from pos on. */
  confirmed(line: Line, mark: Mark, pos: string): void;
  message(line: Line, message: Message): void;
  gap(line: Line, gap: Gap): void;
  stream(line: Line, piece: any, payload: Uint8Array): void;
  /** The server does not let the client follow a channel, or does no longer. */
  refused(line: Line, name: string, failure: Failure): void;
  ended(line: Line, failure: Failure): void;
}

/** What a line calls once it is opened: at its first answer, or when there will be none. */
export interface Opening {
  open(): void;
  fail(failure: Failure): void;
}

export abstract class Line {
  /** What it follows, by channel. */
  readonly marks = new Map<string, Mark>();
  readonly since = Date.now();
  /** When the last bytes came. */
  heard = Date.now();
  /** Milliseconds without a byte after which it is dead; 0: it minds that itself. */
  silence = 0;
  /** Set when it is over. */
  over = false;
  private _opened = false;
  // Until the race is decided, what comes is kept back. That is for the moment in which a
  // better line is given its chance; a loser's is dropped.
  private _held?: (() => void)[] = [];

  constructor(readonly transport: Transport, protected readonly host: Host, private readonly _opening: Opening) {}

  /** Opens it. */
  abstract start(marks: Mark[]): void;

  /** Takes marks that changed. false: it cannot; another line has to be opened. */
  abstract follow(marks: Mark[]): boolean;

  /** Closes what is beneath. */
  protected abstract shut(): void;

  /** Sends a command, if this is a line that takes any. */
  command?(command: object, payload?: Uint8Array): Promise<any>;

  /** The first answer came. */
  protected opened(): void {
    if (!this._opened && !this.over) {
      this._opened = true;
      this._opening.open();
    }
  }

  /** Lets through what comes. */
  accept(): void {
    const held = this._held;
    this._held = undefined;
    held?.forEach((tell) => tell());
  }

  protected tell(tell: () => void): void {
    if (this.over) return;
    if (this._held) this._held.push(tell);
    else tell();
  }

  fail(failure: Failure): void {
    if (this.over) return;
    this.close();
    if (this._held) this._opening.fail(failure);
    else this.host.ended(this, failure);
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.shut();
  }
}
