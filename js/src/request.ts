// Requests by POST. The body is sent as text/plain with the token inside, which no browser
// asks permission for, and which leaves no token in a URL.

import { Failure } from './failure.ts';
import type { Host } from './line.ts';

/** POSTs a body. Whatever is no 2xx is thrown as a Failure. */
export async function post(host: Host, path: string, body: object, signal: AbortSignal): Promise<Response> {
  const answer = await host._fetch(host._origin + path, {
    method: 'POST', body: JSON.stringify({ ...body, token: host._token, client: host._name }), cache: 'no-store', credentials: 'omit', signal,
  });
  if (answer.ok) return answer;
  throw Failure._byAnswer(answer.status, await answer.json().catch(() => 0), Number(answer.headers.get('Retry-After')) * 1000 || undefined);
}
