// Several tabs share one line: the tab that holds a lock has it, and the others are told
// over a BroadcastChannel. When it goes, the lock goes to another tab, whose line goes on
// from where each of the tabs stands.

import { Client, Failure } from '@wsbridge/client';
import type { Options, Subscription } from '@wsbridge/client';
import type { Host, Opening } from './line.ts';
import type { Mark } from './mark.ts';

/**
 * A client whose line is shared by all tabs of this origin that give the same name. All of
 * them get what one of them may: put the user into the name. Where there are no locks
 * (without TLS, outside of browsers) it is a client of its own.
 */
export function share(name: string, url?: string | URL, options: Options = {}): Client {
  if (!globalThis.navigator?.locks) return new Client(url, options);
  const tab = newName();
  const lock = `wsbridge:${name}`;
  const end = new AbortController();
  const { signal } = end;
  // Held as long as this tab lives, so that whoever has the line sees when it does not. It
  // is held before a word is said: else whoever has the line might be given it.
  const alive = hold(`${lock}:${tab}`, signal, () => signal);
  const client = new Client(url, { ...options, token: undefined, transports: ['tab'], _line: (host, opening) => new TabLine(lock, tab, alive, host, opening) });
  const lead = () => hold(lock, signal, () => serve(lock, new Client(url, options), signal));
  alive.then(lead);
  addEventListener('pageshow', ({ persisted }) => { if (persisted) lead(); });
  client.addEventListener('state', ({ state }) => { if (state === 'closed') end.abort(); });
  return client;
}

const newName = () => Math.random().toString(36).slice(2);

// Has the lock from when it is given until the signal that use gives is aborted.
const hold = (name: string, signal: AbortSignal, use: () => AbortSignal) => new Promise<void>((held) => {
  navigator.locks.request(name, { signal }, () => {
    held();
    const until = use();
    return new Promise<void>((resolve) => {
      if (until.aborted) resolve();
      until.addEventListener('abort', () => resolve());
    });
  }).catch(held); // closed before its turn
});

// What is said over the channel: to one tab, to all (to is ''), or to the one
// that has the line (to is undefined).
type Note = { to?: string; tab?: string; [member: string]: any };

class TabLine extends Client._Line {
  private _channel: BroadcastChannel;
  private _leader?: string;
  private _answers = new Map<string, (note: Note) => void>();

  constructor(lock: string, private _tab: string, private _alive: Promise<void>, host: Host, opening: Opening) {
    super('tab', host, opening);
    this._channel = new BroadcastChannel(lock);
  }

  protected async _run(marks: Mark[]): Promise<void> {
    this._channel.onmessage = ({ data }) => {
      if (data.to === '' || data.to === this._tab) this._note(data);
    };
    this._follow(marks);
  }

  override _follow(marks: Mark[]): void {
    this._marks.clear();
    for (const mark of marks) this._marks.set(mark._name, mark);
    this._post({ marks: marks.map((mark) => [mark._name, mark._since, mark._id ??= newName()]) });
  }

  override _command(command: object): Promise<any> {
    return new Promise((resolve, reject) => {
      const ref = newName();
      this._answers.set(ref, ({ answer, failure }) => {
        this._answers.delete(ref);
        if (failure) reject(failed(failure));
        else resolve(answer);
      });
      this._post({ ref, command });
    });
  }

  protected _changed(): void {}

  protected _shut(): void {
    this._post({ marks: [] });
    this._alive.then(() => this._channel.close());
    for (const answered of this._answers.values()) answered({ failure: ['network', 'next'] });
  }

  private _post(note: Note): void {
    this._alive.then(() => this._channel.postMessage({ ...note, tab: this._tab }));
  }

  private _note({ leader, state, transport, failure, ref, id, pos, object }: Note): void {
    if (leader !== this._leader) {
      if (this._leader) return this._fail(new Failure('handover', 'again'));
      this._leader = leader;
      this._opening?._open();
      this._follow([...this._marks.values()]); // it may have been too early
    }
    if (ref) this._answers.get(ref)?.(arguments[0]);
    else if (id) {
      const mark = [...this._marks.values()].find((mark) => mark._id === id);
      if (mark && failure) this._host._refused(this, mark._name, failed(failure));
      else if (mark) this._host._confirmed(this, mark, pos);
    } else if (object) this._host._hear(this, object);
    else if (failure) this._fail(failed(failure));
    else {
      this._transport = transport ?? 'tab';
      this._host._become(state);
    }
  }
}

const told = ({ code, _next = 'stop', detail }: any) => [code, _next, detail];
const failed = ([code, next, detail]: any) => new Failure(code, next, detail);

// Has the line, and serves it to the tabs until the page goes. Returns what is aborted then.
function serve(lock: string, client: Client, ended: AbortSignal): AbortSignal {
  const channel = new BroadcastChannel(lock);
  const leader = newName();
  const tabs = new Map<string, Map<string, [string, Subscription]>>();
  const over = new AbortController();
  const post = (to: string, note: Note) => { if (!over.signal.aborted) channel.postMessage({ ...note, to, leader }); };
  const tell = () => post('', { state: client.state === 'idle' ? 'connecting' : client.state, transport: client.transport });

  const follow = (tab: string, marks: [string, string | undefined, string][]) => {
    let subs = tabs.get(tab)!;
    if (!subs) {
      tabs.set(tab, subs = new Map());
      hold(`${lock}:${tab}`, over.signal, () => AbortSignal.abort()).then(() => {
        if (!over.signal.aborted) follow(tab, []);
        tabs.delete(tab);
      });
    }
    for (const [name, [id, sub]] of subs) {
      if (!marks.some((mark) => mark[2] === id)) {
        subs.delete(name);
        sub.unsubscribe();
      }
    }
    for (const [name, since, id] of marks) {
      if (subs.has(name)) continue;
      const sub = client.channel(name).subscribe({ since });
      subs.set(name, [id, sub]);
      let begun = false;
      sub.addEventListener('subscribed', ({ pos }) => {
        if (!begun) post(tab, { id, pos });
        begun = true;
      });
      // What an event has of its own is what came over the line.
      const pass = (event: Event) => {
        const { isTrusted, ...object } = event;
        post(tab, { object: { ...object, type: event.type } });
      };
      sub.addEventListener('message', pass);
      sub.addEventListener('gap', pass);
      sub.addEventListener('error', (failure) => post(tab, { id, failure: told(failure) }));
    }
  };

  channel.onmessage = ({ data: { to, tab, marks, ref, command } }) => {
    if (to !== undefined) return; // not for whoever has the line
    if (marks) {
      tell();
      follow(tab, marks);
    } else client._send(command).then((answer) => post(tab, { ref, answer }), (failure) => post(tab, { ref, failure: told(failure) }));
  };
  client.addEventListener('state', tell);
  client.addEventListener('error', ({ code, detail }) => { if (client.state === 'closed') post('', { failure: [code, 'stop', detail] }); });
  tell();
  const stop = () => {
    over.abort();
    channel.close();
    client.close();
  };
  ended.addEventListener('abort', stop);
  addEventListener('pagehide', stop);
  return over.signal;
}
