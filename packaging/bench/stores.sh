#!/usr/bin/env bash
# Compares ledge with redis-server over the commands that write a whole collection
# at once, or take a large part of one away: how long each holds the writer. One
# client waits for each reply. rounds.sh has the variables that are not here.
#
#   MEMBERS=100000   the size of the collections that are read
#   TESTS="sort sort_alpha sort_by sunionstore sinterstore sdiffstore zunionstore
#     zinterstore zrangestore geosearchstore hset copy restore zremrangebyrank"
: "${CLIENTS=1}" "${LEAST=5}" "${PIPELINES=1}" "${CLASSES=interval}"
. "$(dirname "$0")/lib.sh"
. "$here/rounds.sh"
need redis-server redis-benchmark redis-cli go awk

members=${MEMBERS:-100000}
tests=${TESTS:-sort sort_alpha sort_by sunionstore sinterstore sdiffstore zunionstore zinterstore zrangestore geosearchstore hset copy restore zremrangebyrank}

# What RESTORE brings is in Redis's own form, kept in one of its scripts' keys.
dump_script="return redis.call('RESTORE', KEYS[2], 0, redis.call('DUMP', KEYS[1]), 'REPLACE')"
fields_script="local t = redis.call('SMEMBERS', KEYS[1]); redis.call('DEL', KEYS[2])
for i = 1, #t - 3999, 4000 do redis.call('HSET', KEYS[2], unpack(t, i, i + 3999)) end"
ranks_script="redis.call('COPY', KEYS[1], KEYS[2], 'REPLACE') return redis.call('ZREMRANGEBYRANK', KEYS[2], 0, ARGV[1])"

rate() { # PORT TEST PIPELINE REQUESTS
	local -a command
	case $2 in
	sort) command=(SORT b:numbers STORE b:out) ;;
	sort_alpha) command=(SORT b:set ALPHA STORE b:out) ;;
	sort_by) command=(SORT b:set BY nosort STORE b:out) ;;
	sunionstore) command=(SUNIONSTORE b:out b:set b:part) ;;
	sinterstore) command=(SINTERSTORE b:out b:set b:part) ;;
	sdiffstore) command=(SDIFFSTORE b:out b:set b:part) ;;
	zunionstore) command=(ZUNIONSTORE b:out 2 b:zset b:part) ;;
	zinterstore) command=(ZINTERSTORE b:out 2 b:zset b:part) ;;
	zrangestore) command=(ZRANGESTORE b:out b:zset 0 -1) ;;
	geosearchstore) command=(GEOSEARCHSTORE b:out b:places FROMLONLAT 0 0 BYRADIUS 30000 km) ;;
	hset) command=(EVAL "$fields_script" 2 b:set b:out) ;;
	copy) command=(COPY b:zset b:out REPLACE) ;;
	restore) command=(EVAL "$dump_script" 2 b:set b:out) ;;
	zremrangebyrank) command=(EVAL "$ranks_script" 2 b:zset b:out $((members / 2))) ;;
	*) say "no test $2"; exit 1 ;;
	esac
	bench "$1" "$3" "$4" "${command[@]}"
}

prepare() { :; }

# fill makes the collections, half of whose members are in b:part, too.
fill() { # PORT
	awk -v n="$members" 'BEGIN {
		for (i = 0; i < n; i += 100) {
			set = "SADD b:set"; numbers = "RPUSH b:numbers"; zset = "ZADD b:zset"; places = "GEOADD b:places"
			for (j = i; j < i + 100; j++) {
				m = sprintf("member:%012d", j)
				set = set " " m
				numbers = numbers " " (j * 7919) % n
				zset = zset " " (j * 7919) % n " " m
				places = places " " (j % 3600) / 10 - 180 " " (j % 1600) / 10 - 80 " " m
			}
			printf "%s\r\n%s\r\n%s\r\n%s\r\n", set, numbers, zset, places
			if (i % 200 == 0) { sub("b:set", "b:part", set); printf "%s\r\n", set }
		}
	}' | redis-cli -p "$1" --pipe | grep -q 'errors: 0' || { say "loading $1 failed"; exit 1; }
}

build
machine
printf 'collections of %s members, medians of %s rounds\n\n' "$members" "$rounds"
table $tests
