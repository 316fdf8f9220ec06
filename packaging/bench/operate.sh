#!/usr/bin/env bash
# Does to a node under load what operators do: kills and starts it, reloads it, upgrades it
# to the build of another commit and back, and rotates each of its secrets. A replica
# follows it. Prints for each act what clients were told, and what of it was lost:
# operate/main.go.
#
#   ROUNDS=5 CLIENTS=8  PRIOR=HEAD~40  the commit of the other version
#   ACTS=kill,upgrade                  only acts whose name has one of these texts
. "$(dirname "$0")/lib.sh"
need go git redis-server

rounds=${ROUNDS:-5} clients=${CLIENTS:-8} prior=${PRIOR:-HEAD~40}

# version REV FILE builds a commit, from a copy of its tree or from what is here.
version() {
	local from=$top
	if [ "$1" != HEAD ]; then
		from=$work/tree
		mkdir "$from"
		git -C "$top" archive "$1" | tar -x -C "$from"
	fi
	(cd "$from" && CGO_ENABLED=0 go build -trimpath \
		-ldflags="-s -w $(git -C "$top" log -1 --abbrev=12 --format="-X main.commit=%h -X main.date=%cI" "$1")" -o "$2" .)
}

version HEAD "$work/bin/ledge"
version "$prior" "$work/bin/other"
(cd "$top" && go build -o "$work/bin/operate" ./packaging/bench/operate)
machine
printf 'load %s; ' "$(cut -d' ' -f1-3 /proc/loadavg)"
mkdir "$work/nodes"
"$work/bin/operate" -this "$work/bin/ledge" -other "$work/bin/other" -dir "$work/nodes" \
	-clients "$clients" -rounds "$rounds" -acts "${ACTS:-}" &
operate=$!
trap 'kill "$operate"; wait "$operate"; exit 1' INT TERM # it ends the nodes that it has started
code=0
wait "$operate" || code=$?
printf '\nload %s; lines of the logs that are no INFO:\n\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
cat "$work"/nodes/*/log | { grep -E 'level=(WARN|ERROR)' || true; } |
	sed -E 's/^time=[^ ]* //; s/[0-9]{3,}/N/g' | sort | uniq -c | sort -rn | head -40
exit "$code"
