// Hooks for React 18 and newer.

import { createContext, createElement, useContext, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type { ReactNode } from 'react';
import type { Client, GapEvent, MessageEvent, State, SubscribeOptions, Transport } from '@wsbridge/client';

const Context = createContext<Client | undefined>(undefined);

/** Gives a client to all hooks below it. */
export const ClientProvider = ({ client, children }: { client: Client; children?: ReactNode }) =>
  createElement(Context.Provider, { value: client }, children);

export function useClient(client?: Client): Client {
  const provided = useContext(Context);
  const found = client ?? provided;
  if (!found) throw new Error('there is no client: give one, or put a ClientProvider around');
  return found;
}

export interface Connection {
  state: State;
  transport?: Transport;
}

/** How the client is connected. */
export function useConnection(client?: Client): Connection {
  const it = useClient(client);
  const store = useMemo(() => {
    let now: Connection = { state: it.state, transport: it.transport };
    return {
      get: () => (now.state === it.state && now.transport === it.transport ? now : now = { state: it.state, transport: it.transport }),
      subscribe: (changed: () => void) => {
        it.addEventListener('state', changed);
        return () => it.removeEventListener('state', changed);
      },
    };
  }, [it]);
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}

export interface ChannelOptions<T = any> extends Pick<SubscribeOptions, 'since'> {
  /** Is handed each message; then none are kept. */
  onMessage?: (message: MessageEvent<T>) => void;
  onGap?: (gap: GapEvent) => void;
  /** How many of the newest messages are kept. Default: 100. */
  keep?: number;
  /** Default: the one of the ClientProvider. */
  client?: Client;
}

export interface ChannelState<T = any> {
  /** The newest messages, oldest first. Empty where there is an onMessage. */
  messages: readonly MessageEvent<T>[];
  /** The last gap. */
  gap?: GapEvent;
  /** Whether the server has begun with it. */
  subscribed: boolean;
  /** Why it ended. */
  error?: { code: string; detail: string };
}

/** Follows a channel while the component is there. Without a name, none. */
export function useChannel<T = any>(name: string | null | undefined, options: ChannelOptions<T> | ChannelOptions<T>['onMessage'] = {}): ChannelState<T> {
  const given = typeof options === 'function' ? { onMessage: options } : options;
  const client = useClient(given.client);
  // A handler that is another function in each rendering subscribes to nothing anew.
  const latest = useRef(given);
  useEffect(() => { latest.current = given; });
  const store = useMemo(() => {
    let now: ChannelState<T> = { messages: [], subscribed: false };
    let since = latest.current.since;
    return {
      get: () => now,
      subscribe: (changed: () => void) => {
        if (!name) return () => {};
        const sub = client.channel(name).subscribe<T>({ since });
        const set = (members: Partial<ChannelState<T>>) => {
          now = { ...now, ...members };
          changed();
        };
        sub.addEventListener('message', (message) => {
          const { onMessage, keep = 100 } = latest.current;
          if (onMessage) onMessage(message);
          else set({ messages: [...now.messages, message].slice(-keep) });
        });
        sub.addEventListener('gap', (gap) => {
          latest.current.onGap?.(gap);
          set({ gap });
        });
        sub.addEventListener('subscribed', () => { if (!now.subscribed) set({ subscribed: true }); });
        sub.addEventListener('error', ({ code, detail }) => set({ error: { code, detail }, subscribed: false }));
        return () => {
          since = sub.pos ?? since; // a component that is shown again goes on
          sub.unsubscribe();
        };
      },
    };
  }, [client, name]);
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}
