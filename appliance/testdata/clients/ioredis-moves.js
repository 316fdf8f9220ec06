// Counts by ioredis's client of clusters in each way it has, until its input ends.
const Redis = require('ioredis');
const c = new Redis.Cluster([process.argv[2]]);
const blocked = new Redis.Cluster([process.argv[2]]);
let acked = 0, last = '', failed = 0, over = false;
const fails = (how, e) => { failed++; last = `${how}: ${e}`; };
c.on('error', () => {}); // each command says what became of it
blocked.on('error', () => {});
process.stdin.resume().on('end', () => { over = true; });
const ways = [
  async (i) => { await c.incr(`ioredis:${i}`); acked++; },
  async (i) => {
    for (const [e] of await c.multi().incr(`{ioredis:${i}}:a`).incr(`{ioredis:${i}}:b`).exec()) {
      if (e) throw e;
      acked++;
    }
  },
  async (i) => {
    const popped = blocked.blpop(`{ioredis:${i}}:list`, 0);
    await c.rpush(`{ioredis:${i}}:list`, i);
    if ((await popped)[1] !== `${i}`) throw new Error('another item was popped');
  },
];
(async () => {
  for (let i = 0; !over; i++) {
    try { await ways[i % ways.length](i % 20); } catch (e) { fails(`way ${i % ways.length}`, e); }
  }
  console.log(acked, failed, last);
  c.disconnect();
  blocked.disconnect();
})();
