#!/usr/bin/env bash
# Compares ledge with redis-server, both in the same durability class, and
# prints a table of ratios for RESULTS.md. Rounds of the two are interleaved, so
# that whatever else the machine does falls on both.
#
#   ROUNDS=5        rounds of each row, of which the median counts
#   SECONDS_EACH=1.5  how long a round should take
#   CLIENTS=50 SIZE=64 KEYS=100000
#   TESTS="set get incr mset"  PIPELINES="1 16"  CLASSES="always interval"
. "$(dirname "$0")/lib.sh"
need redis-server redis-benchmark redis-cli go

rounds=${ROUNDS:-5} each=${SECONDS_EACH:-1.5}
clients=${CLIENTS:-50} size=${SIZE:-64} keys=${KEYS:-100000}

# rate PORT TEST PIPELINE REQUESTS prints requests a second.
rate() {
	redis-benchmark -h 127.0.0.1 -p "$1" -c "$clients" -d "$size" -r "$keys" \
		-t "$2" -P "$3" -n "$4" --csv 2>/dev/null |
		awk -F'","' 'NR > 1 {print $2; found=1} END {exit !found}'
}

# requests RATE prints how many take the time that a round should.
requests() { awk -v r="$1" -v s="$each" 'BEGIN {n=int(r*s); print n < 1000 ? 1000 : n}'; }

row() { # CLASS TEST PIPELINE REDIS LEDGE
	local class=$1 test=$2 pipe=$3 redis=$4 ledge=$5 n a b i
	n=$(requests "$(rate "$redis" "$test" "$pipe" $((2000 * pipe)))")
	n=$(requests "$(rate "$redis" "$test" "$pipe" "$n")")
	rate "$ledge" "$test" "$pipe" "$n" >/dev/null # warm, as Redis is
	: >"$work/a" && : >"$work/b"
	for ((i = 0; i < rounds; i++)); do
		if ((i % 2)); then
			rate "$ledge" "$test" "$pipe" "$n" >>"$work/b"
			rate "$redis" "$test" "$pipe" "$n" >>"$work/a"
		else
			rate "$redis" "$test" "$pipe" "$n" >>"$work/a"
			rate "$ledge" "$test" "$pipe" "$n" >>"$work/b"
		fi
	done
	a=$(median <"$work/a") b=$(median <"$work/b")
	awk -v c="$class" -v t="${test^^}" -v p="$pipe" -v a="$a" -v b="$b" -v n="$n" \
		-v spread="$(awk -v m="$b" '{d=$1/m-1; if (d<0) d=-d; if (d>x) x=d} END {printf "%.0f", 100*x}' "$work/b")" \
		'BEGIN {printf "| %s | %s | %d | %d | %d | **%.2f** | ±%s %% | %d |\n", c, t, p, a, b, b/a, spread, n}'
}

build
machine
printf '%s clients, %s-byte values, %s keys, medians of %s rounds\n\n' "$clients" "$size" "$keys" "$rounds"
echo '| durability | test | pipeline | redis/s | ledge/s | ratio | ledge spread | requests |'
echo '|---|---|---:|---:|---:|---:|---:|---:|'
for class in ${CLASSES:-always interval}; do
	fsync=always
	[ "$class" = interval ] && fsync=everysec
	redis=$(free_port) ledge=$(free_port)
	start_redis "redis-$class" "$redis" "$fsync"; rpid=$pid
	start_ledge "ledge-$class" "$ledge" "$class"; lpid=$pid
	await "$redis" "$rpid" "$work/redis-$class.log"
	await "$ledge" "$lpid" "$work/ledge-$class.log"
	for p in $redis $ledge; do # so that GET finds what it asks for
		rate "$p" set 16 $((3 * keys)) >/dev/null
	done
	for pipe in ${PIPELINES:-1 16}; do
		for test in ${TESTS:-set get incr mset}; do
			row "$class / $fsync" "$test" "$pipe" "$redis" "$ledge"
		done
	done
	stop "$rpid"
	stop "$lpid"
done
