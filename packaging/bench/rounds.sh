# Rounds of the two servers in turn, so that whatever else the machine does
# falls on both. To be sourced behind lib.sh.
#
#   ROUNDS=5        rounds of each row, of which the median counts
#   SECONDS_EACH=1.5  how long a round should take
#   CLIENTS=50 SIZE=64 KEYS=100000
#   PIPELINES="1 16"  CLASSES="always interval"
#   LEAST=1000        requests of a round, at the least
#   BEFORE=ledge      another build to compare with, in place of redis-server
#   FRESH=1           starts both servers anew for each round, with new data, so that
#                     neither how large it has grown nor one start's luck counts

rounds=${ROUNDS:-5} least=${LEAST:-1000} each=${SECONDS_EACH:-1.5}
clients=${CLIENTS:-50} size=${SIZE:-64} keys=${KEYS:-100000}

# bench PORT PIPELINE REQUESTS [OPTION…] prints requests a second.
bench() {
	local port=$1 pipe=$2 n=$3
	shift 3
	redis-benchmark -h 127.0.0.1 -p "$port" -c "$clients" -d "$size" -P "$pipe" -n "$n" --csv "$@" \
		2>/dev/null | awk -F'","' 'NR > 1 {print $2; found=1} END {exit !found}'
}

# requests RATE prints how many take the time that a round should.
requests() { awk -v r="$1" -v s="$each" -v l="$least" 'BEGIN {n=int(r*s); print n < l ? l : n}'; }

# row LABEL TEST PIPELINE measures a test on both servers and prints its line. The
# script that calls it says what a test is: rate PORT TEST PIPELINE REQUESTS
# prints requests a second, and prepare, which takes the same, is not timed.
row() {
	local label=$1 test=$2 pipe=$3 n i
	n=$(requests "$(round "$other" "$test" "$pipe" $((2 * least * pipe)))")
	n=$(requests "$(round "$other" "$test" "$pipe" "$n")")
	round "$ledge" "$test" "$pipe" "$n" >/dev/null # warm, as the other is
	: >"$work/a" && : >"$work/b" && : >"$work/cpu-a" && : >"$work/cpu-b"
	for ((i = 0; i < rounds; i++)); do
		[ -z "${FRESH:-}" ] || anew
		if ((i % 2)); then
			timed "$ledge" "$lpid" b && timed "$other" "$opid" a
		else
			timed "$other" "$opid" a && timed "$ledge" "$lpid" b
		fi
	done
	awk -v c="$label" -v t="${test^^}" -v p="$pipe" -v n="$n" \
		-v a="$(median <"$work/a")" -v b="$(median <"$work/b")" \
		-v ca="$(median <"$work/cpu-a")" -v cb="$(median <"$work/cpu-b")" \
		-v spread="$(awk -v m="$(median <"$work/b")" \
			'{d=$1/m-1; if (d<0) d=-d; if (d>x) x=d} END {printf "%.0f", 100*x}' "$work/b")" \
		'BEGIN {printf "| %s | %s | %d | %d | %d | **%.2f** | ±%s %% | %.1f | %.1f | %d |\n",
			c, t, p, a, b, b/a, spread, ca, cb, n}'
}

# timed PORT PID FILE runs a round of the row's test, and notes its rate and the
# microseconds of processor that each request took.
timed() {
	local from
	prepare "$1" "$test" "$pipe" "$n" >/dev/null
	from=$(cpu_ticks "$2")
	rate "$1" "$test" "$pipe" "$n" >>"$work/$3"
	awk -v d=$(($(cpu_ticks "$2") - from)) -v n="$n" -v hz="$(getconf CLK_TCK)" \
		'BEGIN {print d / hz * 1e6 / n}' >>"$work/cpu-$3"
}

round() { prepare "$@" >/dev/null && rate "$@"; }

# anew puts servers with new data in place of the pair, and warms them.
anew() {
	unpair
	pair
	round "$other" "$test" "$pipe" "$n" >/dev/null
	round "$ledge" "$test" "$pipe" "$n" >/dev/null
}

# pair starts both servers of the table's class on new directories, and fills them.
pair() {
	local fsync=always
	[ "$class" = interval ] && fsync=everysec
	other=$(free_port) ledge=$(free_port)
	if [ -n "${BEFORE:-}" ]; then
		binary=$BEFORE start_ledge "before-$class" "$other" "$class"
	else
		start_redis "before-$class" "$other" "$fsync"
	fi
	opid=$pid
	start_ledge "ledge-$class" "$ledge" "$class"; lpid=$pid
	await "$other" "$opid" "$work/before-$class.log"
	await "$ledge" "$lpid" "$work/ledge-$class.log"
	fill "$other" >/dev/null
	fill "$ledge" >/dev/null
}

# unpair stops them and removes their data.
unpair() {
	stop "$opid"
	stop "$lpid"
	rm -rf "$work/before-$class" "$work/ledge-$class"
}

# table TEST… starts both servers in each class and prints a row for each test
# and pipeline. fill PORT is called once for each server.
table() {
	local class name=redis other ledge opid lpid pipe test
	[ -z "${BEFORE:-}" ] || name=before
	echo "| durability | test | pipeline | $name/s | ledge/s | ratio | ledge spread | $name µs | ledge µs | requests |"
	echo '|---|---|---:|---:|---:|---:|---:|---:|---:|---:|'
	for class in ${CLASSES:-always interval}; do
		pair
		for pipe in ${PIPELINES:-1 16}; do
			for test in "$@"; do
				row "$class / $([ "$class" = interval ] && echo everysec || echo always)" "$test" "$pipe"
			done
		done
		unpair
	done
}
