#!/usr/bin/env bash
# Compares ledge with redis-server on a disk whose fsync takes its time, as
# flash without a protected cache does. Both keep every acknowledged write.
# The disk is a FUSE file system over the real one, each server with a mount of
# its own, that waits before every fsync and fdatasync; so it needs root and
# /dev/fuse. Prints a table of ratios for RESULTS.md, from interleaved rounds,
# and fails if one is below FLOOR.
#
#   DELAY=4ms       what every fsync waits
#   ROUNDS=5        rounds of each row, of which the median counts
#   SECONDS_EACH=3  how long a round should take
#   CLIENTS=50 SIZE=64 KEYS=100000 PIPELINES="1 16" FLOOR=1.5
. "$(dirname "$0")/lib.sh"
need redis-server redis-benchmark redis-cli go mountpoint

delay=${DELAY:-4ms} rounds=${ROUNDS:-5} each=${SECONDS_EACH:-3} floor=${FLOOR:-1.5}
clients=${CLIENTS:-50} size=${SIZE:-64} keys=${KEYS:-100000}
[ "$rounds" -ge 5 ] || say "$rounds rounds are too few to publish"

# slow_disk NAME mounts work/NAME, where the server of that name has its data.
slow_disk() {
	local out="$work/$1.mounted" end=$((SECONDS + 30))
	"$work/bin/faultfs" -backing "$work/$1.backing" -mount "$work/$1" -fsync-delay "$delay" \
		>"$out" 2>>"$work/$1.log" &
	disks+=($!)
	: >>"$out" # the one who writes it may be late
	until grep -q mounted "$out"; do
		kill -0 "${disks[-1]}" 2>/dev/null || { say "no slow disk:"; tail -5 "$work/$1.log" >&2; exit 1; }
		[ $SECONDS -lt $end ] || { say "the slow disk did not come up"; exit 1; }
		sleep 0.02
	done
}

# The disks go after the servers and before the files: what is mounted must not
# be removed from above.
disks=()
finish() {
	local p
	for p in "${pids[@]}"; do kill -9 "$p" 2>/dev/null || true; done
	for p in "${disks[@]}"; do stop "$p"; done
	for p in redis ledge; do
		! mountpoint -q "$work/$p" || umount -l "$work/$p" || { say "$work/$p is still mounted"; return; }
	done
	cleanup
}
trap finish EXIT

# rate PORT PIPELINE REQUESTS prints requests a second.
rate() {
	redis-benchmark -h 127.0.0.1 -p "$1" -c "$clients" -d "$size" -r "$keys" \
		-t set -P "$2" -n "$3" --csv 2>/dev/null |
		awk -F'","' 'NR > 1 {print $2; found=1} END {exit !found}'
}

# requests RATE prints how many take the time that a round should.
requests() { awk -v r="$1" -v s="$each" 'BEGIN {n=int(r*s); print n < 1000 ? 1000 : n}'; }

# size_round PORT PIPELINE prints the requests of a round. Each server has its
# own number, so that the slow one doesn't take longer than the fast one.
size_round() {
	local n
	n=$(requests "$(rate "$1" "$2" $((2000 * $2)))")
	requests "$(rate "$1" "$2" "$n")"
}

# spread MEDIAN prints the largest distance from it in percent.
spread() { awk -v m="$1" '{d=$1/m-1; if (d<0) d=-d; if (d>x) x=d} END {printf "%.0f", 100*x}'; }

row() { # PIPELINE REDIS LEDGE
	local pipe=$1 redis=$2 ledge=$3 rn ln a b i
	rn=$(size_round "$redis" "$pipe") ln=$(size_round "$ledge" "$pipe")
	: >"$work/a" && : >"$work/b"
	for ((i = 0; i < rounds; i++)); do
		if ((i % 2)); then
			rate "$ledge" "$pipe" "$ln" >>"$work/b"
			rate "$redis" "$pipe" "$rn" >>"$work/a"
		else
			rate "$redis" "$pipe" "$rn" >>"$work/a"
			rate "$ledge" "$pipe" "$ln" >>"$work/b"
		fi
	done
	a=$(median <"$work/a") b=$(median <"$work/b")
	awk -v d="$delay" -v p="$pipe" -v a="$a" -v b="$b" \
		-v sa="$(spread "$a" <"$work/a")" -v sb="$(spread "$b" <"$work/b")" \
		'BEGIN {printf "| %s | SET | %d | %d | %d | **%.2f** | ±%s %% | ±%s %% |\n", d, p, a, b, b/a, sa, sb}'
	awk -v a="$a" -v b="$b" -v f="$floor" 'BEGIN {exit !(b/a < f)}' && low+=("$pipe")
	return 0
}

build
(cd "$top" && go build -o "$work/bin/faultfs" ./packaging/bench/faultfs)
machine
printf 'always, %s clients, %s-byte values, %s keys, medians of %s rounds\n\n' \
	"$clients" "$size" "$keys" "$rounds"
slow_disk redis
slow_disk ledge
redis=$(free_port) ledge=$(free_port)
start_redis redis "$redis" always; rpid=$pid
start_ledge ledge "$ledge" always; lpid=$pid
await "$redis" "$rpid" "$work/redis.log"
await "$ledge" "$lpid" "$work/ledge.log"
echo '| fsync | test | pipeline | redis/s | ledge/s | ratio | redis spread | ledge spread |'
echo '|---|---|---:|---:|---:|---:|---:|---:|'
low=()
for pipe in ${PIPELINES:-1 16}; do
	row "$pipe" "$redis" "$ledge"
done
stop "$rpid"
stop "$lpid"
[ ${#low[@]} = 0 ] || { say "the ratio is below $floor at pipeline ${low[*]}"; exit 1; }
