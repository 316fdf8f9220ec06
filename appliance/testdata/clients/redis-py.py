"""Counts by redis-py's client of clusters until its input ends."""
import sys
import threading

import redis.cluster

host, port = sys.argv[1].rsplit(":", 1)
c = redis.cluster.RedisCluster(host=host, port=int(port))
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
acked = failed = i = 0
last = ""
while not over.is_set():
    try:
        c.incr(f"redis-py:{i % 20}")
        acked += 1
    except Exception as e:  # whatever an application would see
        failed += 1
        last = repr(e)
    i += 1
print(acked, failed, last)
