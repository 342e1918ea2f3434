// Steps 3 and 4: the client of wsbridge, over a WebSocket or whatever gets through.

import { getToken, load, show } from './board.js';

const client = new wsbridge.Client({ token: getToken });
const orders = client.channel('orders').subscribe();
orders.addEventListener('message', ({ data }) => show([data]));
orders.addEventListener('gap', load);

await load(); // something to show meanwhile
await orders.ready; // from here on each order comes
await load(); // and these are the ones before
