#!/usr/bin/env bash
# Starts a node with many keys and watches it: how soon PING answers, which steps the
# start has, how long each takes, and how far the share that is shown is from the share
# of the time that has really passed. Each is measured from the journal alone, of a node
# that was killed and of one that was stopped, and from a snapshot.
#
#   KEYS=10000000 SIZE=16 ROUNDS=1
. "$(dirname "$0")/lib.sh"
need go python3

keys=${KEYS:-10000000} size=${SIZE:-16} rounds=${ROUNDS:-1}

build
machine
printf '%s keys with values of %s bytes; load %s\n\n' "$keys" "$size" "$(cut -d' ' -f1-3 /proc/loadavg)"
python3 "$here/start.py" "$work/bin/ledge" "$work/data" "$keys" "$size" "$rounds" "$(free_port)"
