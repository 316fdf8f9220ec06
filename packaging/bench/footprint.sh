#!/usr/bin/env bash
# Builds the binary as it is shipped, for each platform, and measures its size,
# what it takes when idle, and how long it takes to start. Prints markdown for
# RESULTS.md.
#
#   ROUNDS=7
. "$(dirname "$0")/lib.sh"
need redis-cli go curl

rounds=${ROUNDS:-7}
build

echo '| platform | binary |'
echo '|---|---:|'
for target in amd64: arm64: arm:7; do
	arch=${target%:*} arm=${target#*:}
	(cd "$top" && CGO_ENABLED=0 GOOS=linux GOARCH=$arch GOARM=$arm \
		go build -tags urfave_cli_no_docs -trimpath -ldflags='-s -w' -o "$work/bin/ledge-$arch" .)
	printf '| linux/%s%s | %s |\n' "$arch" "${arm:+ v$arm}" \
		"$(stat -c %s "$work/bin/ledge-$arch" | awk '{printf "%.1f MiB", $1/1048576}')"
done

# started DIR prints the milliseconds from exec to the first PONG.
started() {
	local from
	from=$(now_ms)
	start_ledge "$1" "$port" always
	until [ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ]; do :; done
	ms=$(($(now_ms) - from))
}

port=$(free_port)
: >"$work/first" && : >"$work/again"
for ((i = 0; i < rounds; i++)); do
	started "node-$i"
	echo "$ms" >>"$work/first"
	stop "$pid"
	started "node-$i"
	echo "$ms" >>"$work/again"
	stop "$pid"
done

# An empty node with everything in: Redis, NATS and the page listen.
empty() {
	"$work/bin/ledge" serve --dir "$work/$1" --listen "127.0.0.1:$port" --nats-listen "127.0.0.1:$(free_port)" \
		--http-listen "127.0.0.1:$http" --log-level warn >>"$work/$1.log" 2>&1 &
	pid=$!
	pids+=("$pid")
	await "$port" "$pid" "$work/$1.log"
}
# of NAME prints a field of the process's status.
of() { awk -v name="$1:" '$1 == name {print $2}' "/proc/$pid/status"; }
mib() { median <"$work/$1" | awk '{printf "%.1f MiB", $1/1024}'; }

idle=${IDLE:-30}
for ((i = 0; i < ${EMPTY:-3}; i++)); do
	http=$(free_port)
	empty "empty-$i"
	sleep "$idle"
	for f in VmRSS RssAnon RssFile Threads; do of "$f" >>"$work/$f"; done
	curl -s "http://127.0.0.1:$http/metrics" | awk '$1 == "go_goroutines" {print $2}' >>"$work/goroutines"
	of VmRSS >>"$work/asked"
	stop "$pid"
done
cat <<END

| starts | median of $rounds |
|---|---:|
| first start, until PING is answered | $(median <"$work/first") ms |
| later starts | $(median <"$work/again") ms |

| empty node with NATS and the page, after $idle s | median of ${EMPTY:-3} |
|---|---:|
| resident memory (VmRSS) | $(mib VmRSS) |
| of that its own (RssAnon) | $(mib RssAnon) |
| of that the binary's pages (RssFile), which the system can drop | $(mib RssFile) |
| resident memory once /metrics was read | $(mib asked) |
| threads | $(median <"$work/Threads") |
| goroutines | $(median <"$work/goroutines") |
END
