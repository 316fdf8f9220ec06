#!/usr/bin/env bash
# Makes the directories that a build of ledge leaves, for the tests that hold every
# later build against them (TestKept in the root package).
#
#   keep.sh NAME [REV]    testdata/kept/NAME.tar.gz, by the build of REV (default HEAD)
#   keep.sh back [REV]    whether the build of REV reads what the one of HEAD has left
#
# In the archive: closed/ was stopped; killed/ was killed and ends in an append that
# never finished; guarded/ was killed while its journal had second names, when the
# broker had deleted the first ones. questions is what a client asks of each of the
# three, and replies is what that build has answered, byte by byte.
set -eu -o pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
node=
trap '[ -z "$node" ] || kill -9 "$node" 2>/dev/null || true; rm -rf "$work"' EXIT
port=$((20000 + RANDOM % 12000))

# build REV FILE
build() {
	mkdir "$work/$1"
	git -C "$top" archive "$1" | tar -x -C "$work/$1"
	(cd "$work/$1" && CGO_ENABLED=0 go build -trimpath -o "$2" .)
	rm -rf "${work:?}/$1"
}

# start PROGRAM DIR OPTION... waits until the node answers.
start() {
	"$1" serve --dir "$2" --listen "127.0.0.1:$port" --nats-listen off --node kept --reserve 0 \
		--log-level error "${@:3}" >"$work/log" 2>&1 &
	node=$!
	for ((i = 0; i < 300; i++)); do
		[ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ] && return
		kill -0 "$node" || { cat "$work/log" >&2; exit 1; }
		read -rt 0.1 <> <(:) || true
	done
	exit 1
}

finish() { # SIGNAL
	kill "-$1" "$node"
	wait "$node" || true
	node=
}

# say FILE sends commands, one a line, and prints the replies as they come.
say() {
	exec 3<>"/dev/tcp/127.0.0.1/$port"
	cat "$1" - <<<QUIT >&3
	cat <&3
	exec 3>&-
}

# fill sends a file's commands. What an older build does not know it answers with an
# error, and its replies to the questions say so.
fill() { say "$1" >/dev/null; }

keep() { # NAME PROGRAM
	local dir=$work/a options=()
	"$2" serve --help | grep -q journal-who && options=(--journal-who yes)
	start "$2" "$dir" "${options[@]}"
	fill "$top/packaging/kept/first"
	redis-cli -p "$port" save >/dev/null
	fill "$top/packaging/kept/second"
	redis-cli -p "$port" save >/dev/null
	fill "$top/packaging/kept/third"
	cp "$top/packaging/kept/questions" "$work/questions"
	say "$work/questions" >"$work/replies.all"
	redis-cli -p "$port" set soon x px 500 >/dev/null
	finish TERM
	cp -a "$dir" "$work/closed"
	start "$2" "$dir" "${options[@]}"
	redis-cli -p "$port" set soon x px 500 >/dev/null
	finish KILL
	cp -a "$dir" "$work/guarded"
	cp -a "$dir" "$work/killed"
	local stream=journal/jetstream/JOURNAL/streams/J last
	last=$(ls -v "$work/killed/$stream/msgs/"*.blk | tail -n 1)
	head -c 60 "$(ls -v "$work/killed/$stream/msgs/"*.blk | head -n 1)" >"$work/torn"
	cat "$work/torn" >>"$last"
	mv "$work/guarded/$stream" "$work/guarded/journal/guard"
	mkdir -p "$work/guarded/$stream"
	mkdir "$work/kept"
	mv "$work/closed" "$work/killed" "$work/guarded" "$work/questions" "$work/kept"
	mv "$work/replies.all" "$work/kept/replies"
	rm -f "$work"/kept/*/lock "$work"/kept/*/run.json
	mkdir -p "$top/testdata/kept"
	tar -C "$work/kept" --sort=name --owner=0 --group=0 --numeric-owner -c . | gzip -9n >"$top/testdata/kept/$1.tar.gz"
	ls -l "$top/testdata/kept/$1.tar.gz"
}

# back has the newer build leave directories, and the older one read them.
back() { # OLDER NEWER
	local how
	start "$2" "$work/b"
	fill "$top/packaging/kept/first"
	redis-cli -p "$port" save >/dev/null
	fill "$top/packaging/kept/second"
	fill "$top/packaging/kept/third"
	say "$top/packaging/kept/questions" >"$work/want"
	for how in TERM KILL; do
		finish "$how"
		start "$1" "$work/b"
		say "$top/packaging/kept/questions" >"$work/got"
		cmp "$work/want" "$work/got"
		redis-cli -p "$port" set from older >/dev/null
		finish "$how"
		start "$2" "$work/b"
		say "$top/packaging/kept/questions" >"$work/got"
		cmp "$work/want" "$work/got"
		[ "$(redis-cli -p "$port" get from)" = older ]
		echo "$how: written by the newer build, read and written by the older one, and read again"
	done
}

case ${1:?NAME or back} in
back)
	[ -n "${newer:=}" ] || { newer=$work/newer && build HEAD "$newer"; }
	[ -n "${older:=}" ] || { older=$work/older && build "${2:-HEAD~1}" "$older"; }
	back "$older" "$newer"
	;;
*)
	[ -n "${program:=}" ] || { program=$work/program && build "${2:-HEAD}" "$program"; }
	keep "$1" "$program"
	;;
esac
