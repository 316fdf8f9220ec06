#!/usr/bin/env bash
# Times replicas. Prints tables for RESULTS.md:
#
#   - a full sync of the same keys, by a replica of redis-server and one of ledge
#   - how fast a ledge replica catches up with entries that it lacks, against how
#     fast a node replays the same from its own journal
#   - what writers get from a leader while a replica does its full sync
#
#   KEYS=1000000 SIZE=1024  of the full sync
#   ENTRIES=1000000 CLIENTS=50  of catching up
#   PARTS=catching-up  leaves the full sync out
. "$(dirname "$0")/lib.sh"
need redis-server redis-cli redis-benchmark go awk

keys=${KEYS:-1000000} size=${SIZE:-1024} entries=${ENTRIES:-1000000} clients=${CLIENTS:-50}

generate() {
	awk -v n="$keys" -v size="$size" 'BEGIN {
		v = sprintf("%0*d", size, 0)
		for (i = 0; i < n; i++) {
			k = sprintf("key:%010d", i)
			printf "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", length(k), k, size, v
		}
	}'
}

# until_says PORT FIELD VALUE waits for a line of INFO replication.
until_says() {
	local end=$((SECONDS + 900))
	until redis-cli -p "$1" info replication 2>/dev/null | tr -d '\r' | grep -qx "$2:$3"; do
		[ $SECONDS -lt $end ] || { say "$1 has no $2:$3 after 900 s"; exit 1; }
		sleep 0.02
	done
}

offset() { redis-cli -p "$1" info replication | tr -d '\r' | sed -n 's/^master_repl_offset://p'; }

# until_equal LEADER REPLICA waits until the replica has all of the leader's. One
# process asks all the time: a new one for each question takes a tenth of what
# the two processors have.
until_equal() {
	local want; want=$(offset "$1")
	redis-cli -p "$2" -r -1 -i 0.02 info replication 2>/dev/null |
		grep -qm1 "^master_repl_offset:$want"$'\r' || true
	[ "$(offset "$2")" = "$want" ] || { say "the replica on $2 has not come to $want"; exit 1; }
}

# start_leader and start_replica set pid; lport, lnats and rport are theirs.
start_leader() { # SYNC
	lport=$(free_port) lnats=$(free_port)
	start_ledge leader "$lport" "$1" --nats-listen "127.0.0.1:$lnats" --snapshot-every 100TiB
	await "$lport" "$pid" "$work/leader.log"
}

start_replica() { # SYNC
	start_ledge replica "$rport" "$1" --nats-listen "127.0.0.1:$(free_port)" --snapshot-every 100TiB \
		--follow "nats://127.0.0.1:$lnats" --follow-password-file "$work/leader/auth/replica"
}

# seconds MS prints them with a rate of what is in AMOUNT.
per() { awk -v ms="$1" -v n="$2" 'BEGIN {printf "%.2f s | %.0f", ms / 1000, n / ms * 1000}'; }

full_sync() {
	local mib=$((keys * size / 1048576)) ms from rpid
	echo "| full sync of $keys keys of $size bytes | time | MiB/s |"
	echo '|---|---:|---:|'
	local master replica
	master=$(free_port) replica=$(free_port)
	start_redis master "$master" everysec --repl-diskless-sync-delay 0; rpid=$pid
	await "$master" "$pid" "$work/master.log"
	generate | redis-cli -p "$master" --pipe >/dev/null
	from=$(now_ms)
	start_redis slave "$replica" everysec --replicaof 127.0.0.1 "$master"
	until_says "$replica" master_link_status up
	until [ "$(redis-cli -p "$replica" dbsize)" = "$keys" ]; do sleep 0.02; done
	ms=$(($(now_ms) - from))
	echo "| redis-server | $(per "$ms" "$mib") |"
	kill -9 "$pid" "$rpid"; wait "$pid" "$rpid" 2>/dev/null || true
	local redis_ms=$ms
	start_leader interval; local leader=$pid
	generate | redis-cli -p "$lport" --pipe >/dev/null
	redis-cli -p "$lport" save >/dev/null; redis-cli -p "$lport" set a a >/dev/null
	redis-cli -p "$lport" save >/dev/null # the journal now begins behind the first
	rport=$(free_port)
	from=$(now_ms)
	start_replica interval; local rep=$pid
	until_says "$rport" ledge_link_state streaming
	until_equal "$lport" "$rport"
	ms=$(($(now_ms) - from))
	echo "| ledge | $(per "$ms" "$mib") |"
	awk -v a="$redis_ms" -v b="$ms" 'BEGIN {printf "\nledge takes **%.2f** of the time of redis-server.\n\n", b / a}'
	stop "$rep"; rm -rf "$work/replica"
	busy_leader
	stop "$leader"; rm -rf "$work/leader"
}

commands() { redis-cli -p "$lport" info stats | tr -d '\r' | sed -n 's/^total_commands_processed://p'; }

# rate_now prints how many commands a second the leader takes, over half a second.
rate_now() {
	local n from
	n=$(commands) from=$(now_ms)
	sleep 0.5
	echo $((($(commands) - n) * 1000 / ($(now_ms) - from)))
}

# busy_leader measures what clients get from the leader while a replica fetches
# its snapshot, half a second at a time in turn with the replica stopped.
busy_leader() {
	local i rep load
	redis-benchmark -p "$lport" -c "$clients" -d 64 -n 1000000000 -r 100000 -t set -q >/dev/null 2>&1 &
	load=$!
	pids+=("$load")
	rport=$(free_port)
	sleep 2
	start_replica interval; rep=$pid
	sleep 0.5
	: >"$work/alone" && : >"$work/during"
	for ((i = 0; i < 25; i++)); do
		rate_now >>"$work/during"
		kill -STOP "$rep"
		rate_now >>"$work/alone"
		kill -CONT "$rep"
	done
	redis-cli -p "$rport" info replication | grep -q '^ledge_link_step:chunk' ||
		{ say "the replica's full sync was over too soon"; exit 1; }
	kill "$load"; wait "$load" 2>/dev/null || true
	stop "$rep"; rm -rf "$work/replica"
	echo '| SET on the leader, medians of 25 in turn | requests/s |'
	echo '|---|---:|'
	printf '| replica stopped | %.0f |\n| during its full sync | %.0f |\n' "$(median <"$work/alone")" "$(median <"$work/during")"
	awk -v a="$(median <"$work/alone")" -v b="$(median <"$work/during")" 'BEGIN {printf "\n**%.2f** of the rate is left.\n\n", b / a}'
}

# catch_up SYNC measures a replica that was away while entries were written.
catch_up() {
	local from ms replay leader rep
	start_leader "$1"; leader=$pid
	rport=$(free_port)
	start_replica "$1"; rep=$pid
	until_says "$rport" ledge_link_state streaming
	stop "$rep"
	redis-benchmark -p "$lport" -c "$clients" -d 64 -n "$entries" -r 1000000 -t set -q >/dev/null
	from=$(now_ms)
	start_replica "$1"; rep=$pid
	until_says "$rport" ledge_link_state streaming
	until_equal "$lport" "$rport"
	ms=$(($(now_ms) - from))
	stop "$rep"; kill -9 "$leader"; wait "$leader" 2>/dev/null || true
	from=$(now_ms)
	start_ledge leader "$lport" "$1" --nats-listen "127.0.0.1:$lnats" --snapshot-every 100TiB; leader=$pid
	await "$lport" "$leader" "$work/leader.log"
	replay=$(($(now_ms) - from))
	stop "$leader"; rm -rf "$work/leader" "$work/replica"
	echo "| $1 | $(per "$ms" "$entries") | $(per "$replay" "$entries") | **$(awk -v a="$replay" -v b="$ms" 'BEGIN {printf "%.2f", a / b}')** |"
}

build
machine
[ "${PARTS:-full}" = catching-up ] || full_sync
echo "| $entries entries, written by $clients clients | catching up | entries/s | local replay | entries/s | ratio |"
echo '|---|---:|---:|---:|---:|---:|'
for sync in ${CLASSES:-interval always}; do catch_up "$sync"; done
