#!/usr/bin/env bash
# Loads the same keys into redis-server and ledge, kills both with SIGKILL and
# times how long each takes until it answers with all of them. Prints tables for
# RESULTS.md: time, and resident memory per key after the load and after
# recovery. Each is measured twice: from the journal (AOF) as it was written, and
# from a snapshot (rewritten AOF) with nothing behind it.
#
#   KEYS=1000000 SIZE=100 ROUNDS=3
. "$(dirname "$0")/lib.sh"
need redis-server redis-cli go awk

keys=${KEYS:-1000000} size=${SIZE:-100} rounds=${ROUNDS:-3}

generate() {
	awk -v n="$keys" -v size="$size" 'BEGIN {
		for (i = 0; i < n; i++) {
			k = sprintf("key:%010d", i); v = sprintf("%010d", i)
			while (length(v) < size) v = v "abcdefghij"
			v = substr(v, 1, size)
			printf "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", length(k), k, size, v
		}
	}'
}

load() { # PORT
	generate | redis-cli -p "$1" --pipe | grep -q "errors: 0, replies: $keys" ||
		{ say "loading $1 failed"; exit 1; }
}

has_all() { [ "$(redis-cli -p "$1" dbsize 2>/dev/null)" = "$keys" ]; }

# restart KIND NAME PORT sets pid and ms.
restart() {
	local from end=$((SECONDS + 600))
	from=$(now_ms)
	launch "$@"
	until has_all "$3"; do
		kill -0 "$pid" 2>/dev/null || { say "$1 did not come back"; tail -5 "$work/$2.log" >&2; exit 1; }
		[ $SECONDS -lt $end ] || { say "$1 is not back after 600 s"; exit 1; }
		sleep 0.01
	done
	ms=$(($(now_ms) - from))
}

launch() { # KIND NAME PORT
	case $1 in
	redis) start_redis "$2" "$3" everysec --auto-aof-rewrite-percentage 0 ;;
	# The snapshot is taken when asked for, as the rewrite is.
	ledge) start_ledge "$2" "$3" interval --snapshot-every 100TiB ;;
	esac
}

crash() { kill -9 "$1"; wait "$1" 2>/dev/null || true; }

settle() { # PORT KIND: wait for a rewrite or a snapshot that was asked for
	local busy=rdb_bgsave_in_progress
	[ "$2" = redis ] && busy=aof_rewrite_in_progress
	sleep 0.2
	until redis-cli -p "$1" info persistence | tr -d '\r' | grep -qx "$busy:0"; do sleep 0.05; done
	sleep 1.2 # the interval of everysec
}

build
machine
printf '%s keys with values of %s bytes; medians of %s recoveries\n\n' "$keys" "$size" "$rounds"
for kind in redis ledge; do
	port=$(free_port)
	launch $kind $kind "$port"
	await "$port" "$pid" "$work/$kind.log"
	rss_kb "$pid" >"$work/$kind.idle"
	load "$port"
	settle "$port" $kind
	rss_kb "$pid" >"$work/$kind.loaded"
	for source in journal snapshot; do
		if [ $source = snapshot ]; then
			[ $kind = redis ] && redis-cli -p "$port" bgrewriteaof >/dev/null
			[ $kind = ledge ] && redis-cli -p "$port" bgsave >/dev/null
			settle "$port" $kind
		fi
		: >"$work/times"
		for ((i = 0; i < rounds; i++)); do
			crash "$pid"
			restart $kind $kind "$port"
			echo "$ms" >>"$work/times"
		done
		median <"$work/times" >"$work/$kind.$source"
		sleep 4 # let it put its keys in order and let go what recovery has needed
		rss_kb "$pid" >"$work/$kind.$source.rss"
		du -sk "$work/$kind" | cut -f1 >"$work/$kind.$source.disk"
	done
	stop "$pid"
done

v() { cat "$work/$1"; }
echo '| time to all keys | redis ms | ledge ms | ledge / redis |'
echo '|---|---:|---:|---:|'
for source in journal snapshot; do
	awk -v s="$source" -v a="$(v redis.$source)" -v b="$(v ledge.$source)" 'BEGIN {
		what = s == "journal" ? "AOF / journal as written" : "rewritten AOF / snapshot"
		printf "| %s | %d | %d | **%.2f** |\n", what, a, b, b/a}'
done
echo
echo '| resident memory, bytes per key | redis | ledge | ledge / redis |'
echo '|---|---:|---:|---:|'
for when in loaded journal.rss snapshot.rss; do
	awk -v w="$when" -v a="$(v redis.$when)" -v b="$(v ledge.$when)" -v n="$keys" 'BEGIN {
		what["loaded"] = "after the load"
		what["journal.rss"] = "after recovery from the AOF / journal"
		what["snapshot.rss"] = "after recovery from the rewritten AOF / snapshot"
		printf "| %s | %.0f | %.0f | **%.2f** |\n", what[w], a*1024/n, b*1024/n, b/a}'
done
printf '| idle, before the load (KiB) | %s | %s | |\n' "$(v redis.idle)" "$(v ledge.idle)"
printf '| on disk after all (KiB) | %s | %s | |\n' "$(v redis.snapshot.disk)" "$(v ledge.snapshot.disk)"
