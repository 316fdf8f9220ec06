"""Watches starts of a node; start.sh calls it: LEDGE DIR KEYS SIZE ROUNDS PORT."""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

ledge, data, keys, size, rounds, port = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
every = 0.05  # between two looks


def dial(limit):
    end = time.monotonic() + limit
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.002)


class Client:
    def __init__(self, limit=60):
        self.s = dial(limit)
        self.f = self.s.makefile("rb")

    def ask(self, *args):
        self.s.sendall(b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in map(str.encode, args)))
        line = self.f.readline()
        if line[:1] == b"$":
            return self.f.read(int(line[1:]) + 2)
        return line


running = []  # all that were started


def serve():
    p = subprocess.Popen(
        [ledge, "serve", "--dir", data, "--listen", f"127.0.0.1:{port}", "--nats-listen", "off", "--sync", "interval",
         "--snapshot-every", "100TiB", "--log-level", "error"], stdout=subprocess.DEVNULL)
    running.append(p)
    return p


def load():
    c = Client()
    while b"loading:1" in c.ask("INFO", "persistence"):
        time.sleep(every)
    value = b"x" * size
    def drain():
        left = keys
        while left > 0:
            left -= c.s.recv(1 << 20).count(b"\n")
    reader = threading.Thread(target=drain)
    reader.start()
    for i in range(0, keys, 1000):
        c.s.sendall(b"".join(b"*3\r\n$3\r\nSET\r\n$14\r\nkey:%010d\r\n$%d\r\n%s\r\n" % (k, size, value)
                             for k in range(i, min(keys, i + 1000))))
    reader.join()
    time.sleep(1.5)  # the interval of its syncs


def watch(name):
    began = time.monotonic()
    p = serve()
    c = Client()
    first = c.ask("PING")
    ping = time.monotonic() - began
    seen = []
    while True:
        info = c.ask("INFO", "persistence").decode()
        at = time.monotonic() - began
        fields = dict(line.split(":", 1) for line in info.split("\r\n") if ":" in line)
        if fields.get("loading") != "1":
            break
        seen.append((at, fields["loading_step"], float(fields["loading_loaded_perc"]) / 100))
        time.sleep(every)
    have = int(Client().ask("DBSIZE")[1:])
    assert have == keys, f"{have} keys, want {keys}"
    off = [(abs(share - t / at), t, step, share) for t, step, share in seen] or [(0, 0, "", 0)]
    worst = max(off)
    print(f"### {name}\n\nPING after {ping * 1000:.0f} ms ({first.decode().split()[0]}), all keys after {at:.2f} s; "
          f"the share shown is off by {100 * worst[0]:.1f} points at most (at {worst[1]:.2f} s, in \"{worst[2]}\", "
          f"shown {100 * worst[3]:.0f} % of {100 * worst[1] / at:.0f} %), {100 * sum(o[0] for o in off) / len(off):.1f} on average\n")
    print("| step | s | of the time | shown at its end |\n|---|---:|---:|---:|")
    steps = []
    for t, step, share in seen:
        if not steps or steps[-1][0] != step:
            steps.append([step, t, t, share])
        steps[-1][2:] = [t, share]
    for i, (step, t, last, share) in enumerate(steps):
        end = steps[i + 1][1] if i + 1 < len(steps) else at
        print(f"| {step} | {end - t:.2f} | {100 * end / at:.0f} % | {100 * share:.0f} % |")
    print(f"\nload {open('/proc/loadavg').read().split()[0]}\n", flush=True)
    return p


def end(p, how):
    p.send_signal(how)
    p.wait()


p = serve()
try:
    load()
    end(p, signal.SIGKILL)
    for _ in range(rounds):
        p = watch("from the journal, after a kill")
        end(p, signal.SIGTERM)
        p = watch("from the journal, after a stop")
        end(p, signal.SIGKILL)
    p = watch("from the journal, once more after a kill")
    c = Client()
    c.ask("SAVE")
    end(p, signal.SIGKILL)
    for _ in range(rounds):
        p = watch("from a snapshot, after a kill")
        end(p, signal.SIGTERM)
        p = watch("from a snapshot, after a stop")
        end(p, signal.SIGTERM)
finally:
    for p in running:
        if p.poll() is None:
            p.kill()
