#!/usr/bin/env bash
# Builds the binary as it is shipped, for each platform, and measures its size,
# what it takes when idle, and how long it takes to start. Prints markdown for
# RESULTS.md.
#
#   ROUNDS=7
. "$(dirname "$0")/lib.sh"
need redis-cli go

rounds=${ROUNDS:-7}
build

echo '| platform | binary |'
echo '|---|---:|'
for target in amd64: arm64: arm:7; do
	arch=${target%:*} arm=${target#*:}
	(cd "$top" && CGO_ENABLED=0 GOOS=linux GOARCH=$arch GOARM=$arm \
		go build -trimpath -ldflags='-s -w' -o "$work/bin/ledge-$arch" .)
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
: >"$work/first" && : >"$work/again" && : >"$work/rss"
for ((i = 0; i < rounds; i++)); do
	started "node-$i"
	echo "$ms" >>"$work/first"
	stop "$pid"
	started "node-$i"
	echo "$ms" >>"$work/again"
	sleep 1
	rss_kb "$pid" >>"$work/rss"
	stop "$pid"
done
cat <<END

| idle node | median of $rounds |
|---|---:|
| first start, until PING is answered | $(median <"$work/first") ms |
| later starts | $(median <"$work/again") ms |
| resident memory | $(median <"$work/rss" | awk '{printf "%.1f MiB", $1/1024}') |
END
