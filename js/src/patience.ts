// Waiting with an end.

import { Failure } from './failure.ts';

/**
 * What call gives, or a Failure `timeout` after so many milliseconds, or the reason of one
 * of the outer signals once that is aborted. The signal that call is given ends with any.
 */
export function within<T>(ms: number, call: (signal: AbortSignal) => T | Promise<T>, ...outer: (AbortSignal | undefined)[]): Promise<T> {
  const inner = new AbortController();
  const { signal } = inner;
  let timer: ReturnType<typeof setTimeout>;
  return new Promise<T>((resolve, reject) => {
    timer = setTimeout(reject, ms, new Failure('timeout', 'next'));
    for (const other of outer) {
      other?.throwIfAborted();
      other?.addEventListener('abort', () => reject(other.reason), { signal });
    }
    Promise.resolve(signal).then(call).then(resolve, reject);
  }).finally(() => {
    clearTimeout(timer);
    inner.abort();
  });
}

/** Resolves after so many milliseconds. Rejects once one of the signals is aborted. */
export const sleep = (ms: number, ...outer: (AbortSignal | undefined)[]) =>
  within(ms, () => new Promise<void>(() => {}), ...outer).catch((error) => { if (error.code !== 'timeout') throw error; });

/**
 * How long to wait after so many tries, in milliseconds: anywhere between nothing and a bound
 * that doubles, so that clients that lost their lines together do not come back together.
 */
export const jitter = (tries: number) => Math.random() * Math.min(20_000, 500 * 2 ** tries);
