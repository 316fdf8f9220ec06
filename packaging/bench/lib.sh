# What the benchmarks share: a work directory, free ports, and a redis-server
# and a ledge beside each other on one file system. To be sourced.
#
# BENCH_DIR is where the data goes (default: a directory in TMPDIR).

set -eu -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
work=$(mktemp -d "${BENCH_DIR:-${TMPDIR:-/tmp}}/ledge-bench.XXXXXX")
pids=()

# Only what this script has started is ended.
cleanup() {
	for p in "${pids[@]}"; do kill -9 "$p" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

say() { printf '%s\n' "$*" >&2; }

need() {
	for c in "$@"; do
		command -v "$c" >/dev/null || { say "$c is not installed"; exit 1; }
	done
}

build() {
	(cd "$top" && CGO_ENABLED=0 go build -tags urfave_cli_no_docs -trimpath -ldflags='-s -w' -o "$work/bin/ledge" .)
}

# free_port prints a loopback port that nobody listens on.
free_port() {
	local p
	while :; do
		p=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
	done
}

# start_redis NAME PORT FSYNC [OPTION…] sets pid.
start_redis() {
	local name=$1 port=$2 fsync=$3
	shift 3
	mkdir -p "$work/$name"
	redis-server --port "$port" --bind 127.0.0.1 --dir "$work/$name" --save '' \
		--appendonly yes --appendfsync "$fsync" --daemonize no "$@" \
		>>"$work/$name.log" 2>&1 &
	pid=$!
	pids+=("$pid")
}

# start_ledge NAME PORT SYNC [OPTION…] sets pid. The variable binary may name
# another build.
start_ledge() {
	local name=$1 port=$2 sync=$3
	shift 3
	"${binary:-$work/bin/ledge}" serve --dir "$work/$name" --listen "127.0.0.1:$port" \
		--nats-listen off --sync "$sync" --log-level warn "$@" \
		>>"$work/$name.log" 2>&1 &
	pid=$!
	pids+=("$pid")
}

# await PORT PID LOG waits until the server answers PING.
await() {
	local end=$((SECONDS + 120))
	until [ "$(redis-cli -p "$1" ping 2>/dev/null)" = PONG ]; do
		kill -0 "$2" 2>/dev/null || { say "the server on $1 has ended:"; tail -5 "$3" >&2; exit 1; }
		[ $SECONDS -lt $end ] || { say "no answer on $1"; exit 1; }
		sleep 0.02
	done
}

# stop PID ends a server as its operator would.
stop() {
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# cpu_ticks PID prints the processor time that a process has taken, in ticks.
cpu_ticks() { awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$1/stat"; }

rss_kb() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }

now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }

# median prints the median of the numbers on standard input.
median() { sort -g | awk '{v[NR]=$1} END {print NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }

# machine prints what the figures were measured on.
machine() {
	printf '%s, %s CPUs, %s, %s\n\n' "$(redis-server --version | awk '{print "redis-server", $3}')" \
		"$(nproc)" "$("$work/bin/ledge" version)" "$(df -T "$work" | awk 'NR==2 {print $2}')"
}
