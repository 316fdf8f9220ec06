// Counts by node-redis's client of clusters in each way it has, until its input ends.
const { createCluster } = require('redis');
const c = createCluster({ rootNodes: [{ url: `redis://${process.argv[2]}` }] });
const blocked = createCluster({ rootNodes: [{ url: `redis://${process.argv[2]}` }] });
let acked = 0, last = '', failed = 0, over = false;
c.on('error', () => {}); // each command says what became of it
blocked.on('error', () => {});
process.stdin.resume().on('end', () => { over = true; });
const ways = [
  async (i) => { await c.incr(`node-redis:${i}`); acked++; },
  async () => { // a pipeline to each node
    await Promise.all([...Array(20).keys()].map(async (k) => { await c.incr(`node-redis:${k}`); acked++; }));
  },
  async (i) => {
    const popped = blocked.blPop(`{node-redis:${i}}:list`, 0);
    await c.rPush(`{node-redis:${i}}:list`, `${i}`);
    if ((await popped).element !== `${i}`) throw new Error('another item was popped');
  },
];
(async () => {
  await c.connect();
  await blocked.connect();
  for (let i = 0; !over; i++) {
    try { await ways[i % ways.length](i % 20); } catch (e) { failed++; last = `way ${i % ways.length}: ${e}`; }
  }
  console.log(acked, failed, last);
  c.destroy();
  blocked.destroy();
})();
