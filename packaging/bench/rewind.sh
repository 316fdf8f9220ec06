#!/usr/bin/env bash
# Times going back: a node with KEYS keys, half of them in a snapshot and half in the
# journal after it, is started (a recovery), served as of its last number, restored
# from a backup, and asked for one key with LEDGE AT. Each is held against the
# recovery of its own round, in time and in processor time, which other work of the
# machine disturbs less. Then what a backup costs the clients: the rate of SET
# without one, and while backups are taken one after the other. Prints tables for
# RESULTS.md; RATES=0 leaves the second out.
#
#   KEYS=1000000 SIZE=100 ROUNDS=3 RATES=1
. "$(dirname "$0")/lib.sh"
need redis-cli redis-benchmark go awk

keys=${KEYS:-1000000} size=${SIZE:-100} rounds=${ROUNDS:-3}

generate() { # FROM TO
	awk -v from="$1" -v to="$2" -v size="$size" 'BEGIN {
		for (i = from; i < to; i++) {
			k = sprintf("key:%010d", i); v = sprintf("%010d", i)
			while (length(v) < size) v = v "abcdefghij"
			v = substr(v, 1, size)
			printf "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", length(k), k, size, v
		}
	}'
}

load() { generate "$2" "$3" | redis-cli -p "$1" --pipe | grep -q "errors: 0" || { say "loading failed"; exit 1; }; }

field() { redis-cli -p "$1" info everything | tr -d '\r' | awk -F: -v f="$2" '$1 == f {print $2}'; }

# answers PORT waits until the server has all keys.
answers() {
	local end=$((SECONDS + 600))
	until [ "$(redis-cli -p "$1" dbsize 2>/dev/null)" = "$keys" ]; do
		kill -0 "$pid" 2>/dev/null || { say "it did not come up"; tail -5 "$work"/*.log >&2; exit 1; }
		[ $SECONDS -lt $end ] || { say "not up after 600 s"; exit 1; }
		sleep 0.01
	done
}

# timed NAME COMMAND... notes how long a command takes, and how much processor time:
# that of the server which it has started, or its own.
timed() {
	local name=$1 from cpu
	shift
	server=
	from=$(now_ms)
	cpu=$(children_ms)
	"$@"
	echo $(($(now_ms) - from)) >>"$work/times.$name"
	if [ -n "$server" ]; then
		cpu=$(($(cpu_ticks "$server") * 1000 / $(getconf CLK_TCK)))
	else
		cpu=$(($(children_ms) - cpu))
	fi
	echo "$cpu" >>"$work/cpu.$name"
}

# children_ms prints the processor time of the commands that have ended.
children_ms() { awk '{sub(/.*\) /, ""); print ($14 + $15) * 1000 / '"$(getconf CLK_TCK)"'}' "/proc/$$/stat"; }

recover() {
	start_ledge a "$port" interval --snapshot-every 100TiB
	server=$pid
	answers "$port"
}

past() {
	"$work/bin/ledge" serve --dir "$work/a" --as-of "$last" --listen "127.0.0.1:$port" >>"$work/past.log" 2>&1 &
	pid=$! server=$!
	pids+=("$pid")
	answers "$port"
}

restored() { "$work/bin/ledge" restore --from "$work/kept" --to-number "$last" --dir "$work/restored" >/dev/null 2>>"$work/past.log"; }
asked() { redis-cli -p "$port" LEDGE AT "$last" GET key:0000000042 >/dev/null; }
backed() { "$work/bin/ledge" backup --dir "$work/a" --to "$work/kept" --no-verify >/dev/null; }

build
printf '%s CPUs, %s, %s\n\n%s keys with values of %s bytes; medians of %s\n\n' "$(nproc)" "$("$work/bin/ledge" version)" \
	"$(df -T "$work" | awk 'NR==2 {print $2}')" "$keys" "$size" "$rounds"
port=$(free_port) nats=$(free_port)
start_ledge a "$port" interval --snapshot-every 100TiB --nats-listen "127.0.0.1:$nats"
await "$port" "$pid" "$work/a.log"
load "$port" 0 $((keys / 2))
redis-cli -p "$port" save >/dev/null
load "$port" $((keys / 2)) "$keys"
last=$(field "$port" journal_applied_seq)
digest=$(field "$port" journal_digest)
[ -n "$last" ] && [ -n "$digest" ] || { say "the node does not say where it is"; exit 1; }
timed backup backed
for ((i = 0; i < rounds; i++)); do timed at asked; done
stop "$pid"
for ((i = 0; i < rounds; i++)); do
	timed recovery recover
	stop "$pid"
	timed past past
	[ "$(field "$port" journal_digest)" = "$digest" ] || { say "the past has another digest"; exit 1; }
	stop "$pid"
	rm -rf "$work/restored"
	timed restore restored
done

# against FILE NAME prints the median of what each round took by what its recovery
# did, and the least and the most.
against() {
	paste "$work/$1.$2" "$work/$1.recovery" | awk '{printf "%.3f\n", $1 / $2}' | sort -g |
		awk '{v[NR] = $1} END {m = NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2; printf "%.2f (%.2f to %.2f)", m, v[1], v[NR]}'
}
echo "| | ms | of the round's recovery | processor ms | of the round's recovery |"
echo '|---|---:|---:|---:|---:|'
for row in "recovery:start of the node" "past:serve --as-of the last number" "restore:restore of a backup, to the last number"; do
	name=${row%%:*}
	printf '| %s | %.0f | %s | %.0f | %s |\n' "${row#*:}" "$(median <"$work/times.$name")" "$(against times "$name")" \
		"$(median <"$work/cpu.$name")" "$(against cpu "$name")"
done
for row in "at:LEDGE AT for one key" "backup:backup, not verified"; do
	awk -v what="${row#*:}" -v a="$(median <"$work/times.${row%%:*}")" -v b="$(median <"$work/times.recovery")" \
		'BEGIN {printf "| %s | %d | %.2f | | |\n", what, a, a/b}'
done
[ "${RATES:-1}" = 1 ] || exit 0

start_ledge a "$port" interval --snapshot-every 100TiB --nats-listen "127.0.0.1:$nats"
await "$port" "$pid" "$work/a.log"
server=$pid
rate() { redis-benchmark -p "$port" -c 50 -P "$1" -n "$2" -r "$keys" -d "$size" -t set -q --csv | awk -F'"' '/SET/ {print $4}'; }
for ((i = 0; i < rounds; i++)); do
	for pipeline in 1 16; do
		n=$((pipeline * 150000 / (pipeline > 1 ? 4 : 1)))
		rate $pipeline $n >>"$work/alone.$pipeline"
		(while :; do rm -rf "$work/kept2"; "$work/bin/ledge" backup --dir "$work/a" --to "$work/kept2" --no-verify >/dev/null 2>&1 || exit 1; done) &
		looping=$!
		pids+=("$looping")
		rate $pipeline $n >>"$work/beside.$pipeline"
		kill "$looping" 2>/dev/null || true
		wait "$looping" 2>/dev/null || true
	done
done
stop "$server"
echo
echo '| SET, 50 clients | alone/s | while backups are taken/s | ratio |'
echo '|---|---:|---:|---:|'
for pipeline in 1 16; do
	awk -v p="$pipeline" -v a="$(median <"$work/alone.$pipeline")" -v b="$(median <"$work/beside.$pipeline")" \
		'BEGIN {printf "| pipeline %d | %d | %d | **%.2f** |\n", p, a, b, b/a}'
done
