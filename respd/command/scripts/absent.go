package scripts

import (
	"slices"
	"strings"

	"ledge/respd/command"
)

const errNoCluster = "ERR This instance has cluster support disabled"

// refused are commands of Redis that ledge doesn't have and that Redis refuses
// in scripts, with their subcommands. Scripts that try them get Redis's refusal.
var refused = map[string][]string{
	"monitor": nil, "sync": nil, "psync": nil, "replconf": nil, "failover": nil, "bgrewriteaof": nil,
	"module":  {"list", "load", "loadex", "unload"},
	"acl":     {"cat", "deluser", "dryrun", "genpass", "getuser", "list", "load", "log", "save", "setuser", "users", "whoami"},
	"latency": {"doctor", "graph", "histogram", "history", "latest", "reset"},
	"client":  {"caching", "getredir", "tracking", "trackinginfo"},
}

// clustered are those that Redis refuses where it is no cluster.
var clustered = map[string][]string{
	"asking": nil, "readonly": nil, "readwrite": nil,
	"cluster": {"addslots", "addslotsrange", "bumpepoch", "count-failure-reports", "countkeysinslot",
		"delslots", "delslotsrange", "failover", "flushslots", "forget", "getkeysinslot", "help", "info",
		"keyslot", "links", "meet", "myid", "nodes", "replicas", "replicate", "reset", "saveconfig",
		"set-config-epoch", "setslot", "shards", "slaves", "slots"},
}

// absent is what a script is told about a command that there is none of.
func absent(args command.Args) string {
	for _, c := range []struct {
		commands map[string][]string
		problem  string
	}{{refused, errNotAllowed}, {clustered, errNoCluster}} {
		subs, ok := c.commands[strings.ToLower(args.Str(0))]
		switch {
		case !ok:
		case subs == nil:
			return c.problem
		case len(args) == 1:
			return errArity
		case slices.Contains(subs, strings.ToLower(args.Str(1))):
			return c.problem
		}
	}
	return errUnknown
}
