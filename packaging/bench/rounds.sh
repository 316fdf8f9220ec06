# Rounds of the two servers in turn, so that whatever else the machine does
# falls on both. To be sourced behind lib.sh.
#
#   ROUNDS=5        rounds of each row, of which the median counts
#   SECONDS_EACH=1.5  how long a round should take
#   CLIENTS=50 SIZE=64 KEYS=100000
#   PIPELINES="1 16"  CLASSES="always interval"

rounds=${ROUNDS:-5} each=${SECONDS_EACH:-1.5}
clients=${CLIENTS:-50} size=${SIZE:-64} keys=${KEYS:-100000}

# bench PORT PIPELINE REQUESTS [OPTION…] prints requests a second.
bench() {
	local port=$1 pipe=$2 n=$3
	shift 3
	redis-benchmark -h 127.0.0.1 -p "$port" -c "$clients" -d "$size" -P "$pipe" -n "$n" --csv "$@" \
		2>/dev/null | awk -F'","' 'NR > 1 {print $2; found=1} END {exit !found}'
}

# requests RATE prints how many take the time that a round should.
requests() { awk -v r="$1" -v s="$each" 'BEGIN {n=int(r*s); print n < 1000 ? 1000 : n}'; }

# row CLASS TEST PIPELINE REDIS LEDGE measures a test and prints its line. The
# script that calls it says what a test is: rate PORT TEST PIPELINE REQUESTS
# prints requests a second, and prepare, which takes the same, is not timed.
row() {
	local class=$1 test=$2 pipe=$3 redis=$4 ledge=$5 n a b i
	n=$(requests "$(round "$redis" "$test" "$pipe" $((2000 * pipe)))")
	n=$(requests "$(round "$redis" "$test" "$pipe" "$n")")
	round "$ledge" "$test" "$pipe" "$n" >/dev/null # warm, as Redis is
	: >"$work/a" && : >"$work/b"
	for ((i = 0; i < rounds; i++)); do
		if ((i % 2)); then
			round "$ledge" "$test" "$pipe" "$n" >>"$work/b"
			round "$redis" "$test" "$pipe" "$n" >>"$work/a"
		else
			round "$redis" "$test" "$pipe" "$n" >>"$work/a"
			round "$ledge" "$test" "$pipe" "$n" >>"$work/b"
		fi
	done
	a=$(median <"$work/a") b=$(median <"$work/b")
	awk -v c="$class" -v t="${test^^}" -v p="$pipe" -v a="$a" -v b="$b" -v n="$n" \
		-v spread="$(awk -v m="$b" '{d=$1/m-1; if (d<0) d=-d; if (d>x) x=d} END {printf "%.0f", 100*x}' "$work/b")" \
		'BEGIN {printf "| %s | %s | %d | %d | %d | **%.2f** | ±%s %% | %d |\n", c, t, p, a, b, b/a, spread, n}'
}

round() { prepare "$@" >/dev/null && rate "$@"; }

# table TEST… starts both servers in each class and prints a row for each test
# and pipeline. fill PORT is called once for each server.
table() {
	local class fsync redis ledge rpid lpid pipe test
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
		fill "$redis" >/dev/null
		fill "$ledge" >/dev/null
		for pipe in ${PIPELINES:-1 16}; do
			for test in "$@"; do
				row "$class / $fsync" "$test" "$pipe" "$redis" "$ledge"
			done
		done
		stop "$rpid"
		stop "$lpid"
	done
}
