// Step 2: the same loop on the long polling of wsbridge. Instead of a number it keeps the cursor that each answer has.

import { getToken, load, pause, show } from './board.js';

let token = '';
let cursor = '';
for (;;) {
  try {
    token ||= await getToken();
    // The first answer comes at once and says where the channel stands.
    const body = JSON.stringify({ channels: ['orders'], cursor, token, wait: cursor ? 25 : 0 });
    const answer = await fetch('/v1/poll', { method: 'POST', body });
    if (answer.status === 401) token = ''; // it has expired
    if (!answer.ok) throw new Error(answer.statusText);
    const { messages, gaps, cursor: next, retry } = await answer.json();
    // Cursor first, state then: whatever is published after the cursor comes with the next answers.
    if (!cursor || gaps.length) await load();
    show(messages.map(({ data }) => data));
    cursor = next;
    await pause(retry);
  } catch {
    await pause(1000);
  }
}
