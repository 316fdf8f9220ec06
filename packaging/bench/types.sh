#!/usr/bin/env bash
# Compares ledge with redis-server as compare.sh does, over the types that are
# more than a string. What is popped is filled in again before each round,
# untimed. rounds.sh has the variables that are not here.
#
#   TESTS="hset lpush lpop lrange_100 sadd spop zadd zpopmin eval zrank"
#   MEMBERS=1000000  the size of the sorted set that is asked for ranks
#   BESIDE=1         has that sorted set there from the first row on
. "$(dirname "$0")/lib.sh"
. "$here/rounds.sh"
need redis-server redis-benchmark redis-cli go awk

members=${MEMBERS:-1000000}
tests=${TESTS:-hset lpush lpop lrange_100 sadd spop zadd zpopmin eval zrank}
value=$(printf "%${size}s" '' | tr ' ' x)
set_script="return redis.call('SET', KEYS[1], ARGV[1])"

rate() { # PORT TEST PIPELINE REQUESTS
	local r=$keys
	local -a command
	case $2 in
	hset) command=(HSET bench:hash field:__rand_int__ "$value") ;;
	lpush) command=(LPUSH bench:list "$value") ;;
	lpop) command=(LPOP bench:pops) ;;
	lrange_100) command=(LRANGE bench:range 0 99) ;;
	sadd) command=(SADD bench:set member:__rand_int__) ;;
	spop) command=(SPOP bench:spops) ;;
	zadd) command=(ZADD bench:zset __rand_int__ member:__rand_int__) ;;
	zpopmin) command=(ZPOPMIN bench:zpops) ;;
	zrank) command=(ZRANK bench:rank member:__rand_int__) r=$members ;;
	eval) command=(EVAL "$set_script" 1 key:__rand_int__ "$value") ;;
	*) say "no test $2"; exit 1 ;;
	esac
	bench "$1" "$3" "$4" -r "$r" "${command[@]}"
}

# prepare makes the keys that a test would else find used up, or grown by the
# rounds before.
prepare() { # PORT TEST PIPELINE REQUESTS
	case $2 in
	lpush) redis-cli -p "$1" unlink bench:list ;;
	lpop) redis-cli -p "$1" unlink bench:pops && load "$1" RPUSH bench:pops "$4" ;;
	spop) redis-cli -p "$1" unlink bench:spops && load "$1" SADD bench:spops "$4" ;;
	zrank) rank "$1" ;;
	zpopmin) redis-cli -p "$1" unlink bench:zpops && load "$1" ZADD bench:zpops "$4" ;;
	esac
}

# fill makes the keys that tests only read.
fill() { # PORT
	case " $tests " in *" lrange_100 "*) load "$1" RPUSH bench:range 1000 ;; esac
	[ -z "${BESIDE:-}" ] || rank "$1"
}

# rank makes the sorted set that is asked for ranks, unless it is there.
rank() { # PORT
	[ "$(redis-cli -p "$1" exists bench:rank)" = 1 ] || load "$1" ZADD bench:rank "$members"
}

# load PORT COMMAND KEY COUNT adds so many members, many at once.
load() {
	awk -v c="$2" -v k="$3" -v n="$4" -v v="$value" 'BEGIN {
		for (i = 0; i < n; i++) {
			if (i % 500 == 0) printf "%s%s %s", i ? "\r\n" : "", c, k
			if (c == "ZADD") printf " %d", (i * 7919) % n
			if (c == "RPUSH") printf " %s", v
			else printf " member:%012d", i
		}
		printf "\r\n"
	}' | redis-cli -p "$1" --pipe | grep -q 'errors: 0' || { say "loading $3 on $1 failed"; exit 1; }
}

build
machine
printf '%s clients, %s-byte values, %s members, %s of them ranked, medians of %s rounds\n\n' \
	"$clients" "$size" "$keys" "$members" "$rounds"
table $tests
