#!/usr/bin/env bash
# Compares ledge with redis-server, both in the same durability class, and
# prints a table of ratios for RESULTS.md: the commands for strings that
# redis-benchmark knows. types.sh has the other types; rounds.sh the variables.
#
#   TESTS="set get incr mset"
. "$(dirname "$0")/lib.sh"
. "$here/rounds.sh"
need redis-server redis-benchmark redis-cli go

rate() { bench "$1" "$3" "$4" -r "$keys" -t "$2"; }
prepare() { :; }

# fill is so that GET finds what it asks for.
fill() { rate "$1" set 16 $((3 * keys)); }

build
machine
printf '%s clients, %s-byte values, %s keys, medians of %s rounds\n\n' "$clients" "$size" "$keys" "$rounds"
table ${TESTS:-set get incr mset}
