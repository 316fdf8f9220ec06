// Counts by node-redis's client of clusters until its input ends.
const { createCluster } = require('redis');
const c = createCluster({ rootNodes: [{ url: `redis://${process.argv[2]}` }] });
let acked = 0, last = '', failed = 0, over = false;
c.on('error', () => {}); // each command says what became of it
process.stdin.resume().on('end', () => { over = true; });
(async () => {
  await c.connect();
  for (let i = 0; !over; i++) {
    try {
      await c.incr(`node-redis:${i % 20}`);
      acked++;
    } catch (e) {
      failed++;
      last = String(e);
    }
  }
  console.log(acked, failed, last);
  c.destroy();
})();
