#!/usr/bin/env bash
# Loads this machine's Debian package index into ledge in three ways, kills the
# node with SIGKILL in the middle of each load, resumes, and compares every
# value with the index. It prints the counts; any difference ends it with 1.
#
#   INDEX=FILE   another index than the output of apt-cache dumpavail
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/ledge-debian.XXXXXX")
pid=
cleanup() {
	[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

index=${INDEX:-$work/index}
[ -n "${INDEX:-}" ] || apt-cache dumpavail >"$index"
[ -s "$index" ] || { echo "the package index is empty; run apt-get update" >&2; exit 1; }
(cd "$top" && go build -o "$work/ledge" . && go build -o "$work/debianload" ./packaging/examples/debianload)

port=
free_port() {
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
	done
}
free_port
dir=$work/data

cli() { redis-cli -p "$port" "$@"; }

start() {
	"$work/ledge" serve --dir "$dir" --listen "127.0.0.1:$port" --nats-listen off \
		--log-level warn >>"$work/log" 2>&1 &
	pid=$!
	until [ "$(cli ping 2>/dev/null)" = PONG ]; do
		kill -0 "$pid" 2>/dev/null || { tail -5 "$work/log" >&2; exit 1; }
		sleep 0.05
	done
}

# crash_at DB KEYS kills the node once the database has that many keys.
crash_at() {
	until [ "$(cli -n "$1" dbsize)" -ge "$2" ]; do sleep 0.02; done
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	pid=
}

load() { # HOW DB FROM
	case $1 in
	redis-cli) "$work/debianload" resp "$index" | { printf '*2\r\n$6\r\nSELECT\r\n$1\r\n%d\r\n' "$2"; cat; } |
		cli --pipe >"$work/out" 2>&1 ;;
	pipeline) "$work/debianload" load "$index" -addr "127.0.0.1:$port" -db "$2" -from "$3" ;;
	multi) "$work/debianload" load "$index" -addr "127.0.0.1:$port" -db "$2" -from "$3" -tx ;;
	esac
}

compare() { "$work/debianload" compare "$index" -addr "127.0.0.1:$port" "$@"; }

fields=$(grep -c '^[^ ]' "$index")
printf 'index: %s packages, %s fields, %s bytes\n' \
	"$(grep -c '^Package:' "$index")" "$fields" "$(stat -Lc %s "$index")"
start
db=0
for how in redis-cli pipeline multi; do
	printf '%s:\n' "$how"
	tx=()
	[ $how = multi ] && tx=(-tx)
	load $how $db 0 >"$work/acked" 2>"$work/err" &
	loader=$!
	crash_at $db $((fields / 3))
	wait $loader && { echo "the load outran the kill" >&2; exit 1; }
	acked=$(tail -n 1 "$work/acked")
	printf '  killed: '
	"$work/ledge" journal verify --dir "$dir"
	start
	printf '  restarted: '
	compare -db $db -part "${acked:-0}" "${tx[@]}"
	load $how $db "${acked:-0}" >"$work/acked" 2>"$work/err" || { cat "$work/err" "$work/out" >&2; exit 1; }
	printf '  resumed: '
	compare -db $db
	db=$((db + 1))
done
kill "$pid"
wait "$pid"
pid=
printf 'stopped: '
"$work/ledge" journal verify --dir "$dir"
