// Steps 0 and 1: long polling of the site's own endpoint, as it always was.

import { load, newest, pause, show } from './board.js';

await load();
for (;;) {
  const answer = await fetch(`/orders/poll?after=${newest()}`).catch(() => null);
  if (answer?.status === 404) location.reload(); // step 4: the endpoint is gone, there is a newer page
  if (answer?.ok) show(await answer.json().catch(() => []));
  else await pause(1000);
}
