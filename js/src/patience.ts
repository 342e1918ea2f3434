// Waiting with an end.

import { Failure } from './failure.ts';

/**
 * What call gives, or a Failure `timeout` after so many milliseconds, or the reason of one
 * of the outer signals once that is aborted. The signal that call is given ends with any.
 */
export function within<T>(ms: number, call: (signal: AbortSignal) => T | Promise<T>, ...outer: (AbortSignal | undefined)[]): Promise<T> {
  const inner = new AbortController();
  const end = () => inner.abort(outer.find((signal) => signal?.aborted)?.reason ?? new Failure('timeout', 'next'));
  const timer = setTimeout(end, ms);
  return new Promise<T>((resolve, reject) => {
    inner.signal.addEventListener('abort', () => reject(inner.signal.reason));
    for (const signal of outer) {
      if (signal?.aborted) end();
      signal?.addEventListener('abort', end);
    }
    if (!inner.signal.aborted) Promise.resolve(inner.signal).then(call).then(resolve, reject);
  }).finally(() => {
    clearTimeout(timer);
    for (const signal of outer) signal?.removeEventListener('abort', end);
  });
}

/** Resolves after so many milliseconds. Rejects once the signal is aborted. */
export const sleep = (ms: number, signal: AbortSignal) =>
  within(ms, () => new Promise<void>(() => {}), signal).catch((error) => { if (signal.aborted) throw error; });
