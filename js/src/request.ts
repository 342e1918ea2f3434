// Requests by POST. The body is sent as text/plain with the token inside, which no browser
// asks permission for, and which leaves no token in a URL.

import { Failure, byCode, failureOf } from './failure.ts';
import type { Host } from './line.ts';

/** POSTs a body. Whatever is no 2xx is thrown as a Failure. */
export async function post(host: Host, path: string, body: object, signal: AbortSignal): Promise<Response> {
  let answer: Response;
  try {
    answer = await host.fetch(new URL(path, host.base).href, {
      method: 'POST', body: JSON.stringify({ ...body, token: host.token, client: host.name }),
      headers: { 'Content-Type': 'text/plain' }, cache: 'no-store', credentials: 'omit', signal,
    });
  } catch (error) {
    throw failureOf(error);
  }
  if (answer.ok) return answer;
  const seconds = Number(answer.headers.get('Retry-After'));
  const after = seconds > 0 ? seconds * 1000 : undefined;
  const { status } = answer;
  const said = await answer.json().catch(() => null);
  // Only the server has codes. Pages of proxies and portals say nothing about it, and what
  // is not known at the path may be known by another transport.
  if (typeof said?.code !== 'string' || [404, 405, 415, 426, 501].includes(status)) {
    throw new Failure(`http_${status}`, `an answer that is not the server's, with status ${status}`, 'next', { after });
  }
  throw byCode(said, after);
}

/** Calls back with a signal that is aborted after so many milliseconds or with outer. */
export async function within<T>(ms: number, outer: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const end = () => abort.abort();
  const timer = setTimeout(end, ms);
  outer?.addEventListener('abort', end);
  if (outer?.aborted) end();
  try {
    return await call(abort.signal);
  } catch (error) {
    throw abort.signal.aborted && !outer?.aborted ? new Failure('timeout', `nothing came within ${ms} ms`, 'next') : error;
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', end);
  }
}
