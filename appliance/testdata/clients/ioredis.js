// Counts by ioredis's client of clusters until its input ends.
const Redis = require('ioredis');
const c = new Redis.Cluster([process.argv[2]]);
let acked = 0, last = '', failed = 0, over = false;
c.on('error', () => {}); // each command says what became of it
process.stdin.resume().on('end', () => { over = true; });
(async () => {
  for (let i = 0; !over; i++) {
    try {
      await c.incr(`ioredis:${i % 20}`);
      acked++;
    } catch (e) {
      failed++;
      last = String(e);
    }
  }
  console.log(acked, failed, last);
  c.disconnect();
})();
