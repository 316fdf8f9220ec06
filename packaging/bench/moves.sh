#!/usr/bin/env bash
# Moves slots between two shards, and prints what clients feel of it: moves/main.go.
#
#   ROUNDS=20 SCALE=1 CASES=beside,alone,flood,list,hash,slot
. "$(dirname "$0")/lib.sh"
need go redis-server

build
machine
cd "$top"
CGO_ENABLED=0 go build -o "$work/bin/moves" ./packaging/bench/moves
"$work/bin/moves" -program "$work/bin/ledge" -dir "$work" -rounds "${ROUNDS:-20}" -scale "${SCALE:-1}" -cases "${CASES:-}"
