#!/usr/bin/env bash
# Starts redis-server and ledge, synced by interval, and prints how long each
# operation takes on collections of growing size: growth/main.go.
#
#   SIZES=10000,100000,1000000  (10000000 takes some GiB and minutes)
#   ROUNDS=5  OPS=HGET,SPOP     the only ones to measure
. "$(dirname "$0")/lib.sh"
need redis-server redis-cli go

build
(cd "$top" && go build -o "$work/bin/growth" ./packaging/bench/growth)
machine
redis=$(free_port) ledge=$(free_port)
start_redis redis "$redis" everysec; rpid=$pid
start_ledge ledge "$ledge" interval; lpid=$pid
await "$redis" "$rpid" "$work/redis.log"
await "$ledge" "$lpid" "$work/ledge.log"
"$work/bin/growth" -redis "127.0.0.1:$redis" -ledge "127.0.0.1:$ledge" \
	-sizes "${SIZES:-10000,100000,1000000}" -rounds "${ROUNDS:-5}" -ops "${OPS:-}"
stop "$rpid"
stop "$lpid"
