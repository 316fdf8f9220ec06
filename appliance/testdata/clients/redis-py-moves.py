"""Counts by redis-py's client of clusters in each way it has, until its input ends."""
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import redis.cluster

host, port = sys.argv[1].rsplit(":", 1)
c = redis.cluster.RedisCluster(host=host, port=int(port))
blocked = redis.cluster.RedisCluster(host=host, port=int(port))
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
beside = ThreadPoolExecutor(1)
acked = failed = i = 0
last = ""


def one(k):
    c.incr(f"redis-py:{k}")
    return 1


def pipeline(k):
    p = c.pipeline()
    for k in range(20):
        p.incr(f"redis-py:{k}")
    return len(p.execute())


def pop(k):
    key = "{redis-py:%d}:list" % k
    popped = beside.submit(blocked.blpop, key, 30)
    c.rpush(key, k)
    if popped.result()[1] != b"%d" % k:
        raise ValueError("another item was popped")
    return 0


ways = [one, pipeline, pop]
while not over.is_set():
    try:
        acked += ways[i % len(ways)](i % 20)
    except Exception as e:  # whatever an application would see
        failed += 1
        last = f"{ways[i % len(ways)].__name__}: {e!r}"
    i += 1
print(acked, failed, last)
