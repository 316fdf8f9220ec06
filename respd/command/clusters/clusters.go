// Package clusters is the family of commands about the cluster that a node belongs to:
// which node serves which hash slot, and what a client says of where it reads. What they
// answer comes from the node's cluster.Map; nothing here waits or asks another node.
package clusters

import (
	"cmp"
	"slices"

	"ledge/replay/cluster"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// family is what all rows here have in common.
var family = command.Family{Group: "cluster"}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{clusterRow(), clusterX(), asking(), readonly(), readwrite()}
}

// errDisabled is what all of them answer on a node that is none of a cluster's.
const errDisabled resp.Error = "ERR This instance has cluster support disabled"

var tipsVaries = []string{"nondeterministic_output"}

// clusterRow is CLUSTER <subcommand>.
func clusterRow() *command.Spec {
	return family.Container(command.Spec{Name: "cluster", Since: "3.0.0",
		Summary: "Ask about the cluster and its hash slots."},
		append(changes(), addSlots(), addSlotsRange(), replicate(), reset(), meet(), forget(), setSlot(), migration(), migrateSlots(), getSlotMigrations(), cancelSlotMigrations(),
			bumpEpoch(), countFailureReports(), countKeysInSlot(), getKeysInSlot(), info(), keySlot(), links(), myID(), nodes(), replicas("replicas", "5.0.0"), replicas("slaves", "3.0.0"), saveConfig(), shards(), slotsRow(),
			help())...)
}

// ask returns the row of a subcommand that is answered from the map.
func ask(s command.Spec, run func(*command.Session, *cluster.Map, command.Args) resp.Value) *command.Spec {
	s.Flags |= command.Stale
	if s.Complexity == "" {
		s.Complexity = "O(1)"
	}
	if s.Since == "" {
		s.Since = "3.0.0"
	}
	return family.Conn(s, func(c *command.Session, args command.Args) resp.Value {
		m := c.Host.Cluster()
		if m == nil {
			return resp.Err(errDisabled)
		}
		if m.External && m.Version < 0 && slices.Contains([]string{"info", "nodes", "slots", "shards"}, s.Name) {
			return resp.Err(errUninitialized)
		}
		return run(c, m, args)
	})
}

// order returns the row of a subcommand that Redis has for operators.
func order(s command.Spec, run func(*command.Session, *cluster.Map, command.Args) resp.Value) *command.Spec {
	s.Flags |= command.Admin
	return ask(s, run)
}

// CLUSTER HELP
func help() *command.Spec {
	row := family.Help("5.0.0")
	text := row.Conn
	row.Conn = func(s *command.Session, args command.Args) resp.Value {
		if s.Host.Cluster() == nil {
			return resp.Err(errDisabled)
		}
		return text(s, args)
	}
	return row
}

// ASKING, READONLY, READWRITE
//
// A slot has one owner at any time, so there is nothing to ask for: ASKING is taken and
// changes nothing.
func asking() *command.Spec {
	return access(command.Spec{Name: "asking", Summary: "Say that the next command may be for a slot that is being moved here."},
		func(*command.Session) {})
}

func readonly() *command.Spec {
	return access(command.Spec{Name: "readonly", Summary: "Say that reads may be answered by a replica."},
		func(s *command.Session) { s.ReadsReplica = true })
}

func readwrite() *command.Spec {
	return access(command.Spec{Name: "readwrite", Summary: "Say that reads are for leaders again."},
		func(s *command.Session) { s.ReadsReplica = false })
}

func access(s command.Spec, set func(*command.Session)) *command.Spec {
	s.Arity, s.Since, s.Complexity = 1, "3.0.0", "O(1)"
	s.Flags = command.Fast | command.Inline
	if s.Name != "asking" {
		s.Flags |= command.Loading | command.Stale
	}
	s.Cats = []string{"connection"}
	return family.Conn(s, func(c *command.Session, _ command.Args) resp.Value {
		if c.Host.Cluster() == nil {
			return resp.Err(errDisabled)
		}
		set(c)
		return resp.OK
	})
}

// changes are Redis's subcommands that change a cluster. Who owns a slot is changed by
// operators here.
func changes() (rows []*command.Spec) {
	instead := map[string]string{"failover": "ledge switchover, or ledge promote"}
	for _, s := range []command.Spec{
		{Name: "delslots", Arity: -3, Syntax: "<slot> [<slot> ...]"},
		{Name: "delslotsrange", Arity: -4, Since: "7.0.0", Syntax: "<first> <last> [<first> <last> ...]"},
		{Name: "failover", Arity: -2, Syntax: "[FORCE|TAKEOVER]"},
		{Name: "flushslots", Arity: 2},
		{Name: "set-config-epoch", Arity: 3, Syntax: "<epoch>"},
	} {
		s.Flags = command.NoAsyncLoading
		s.Summary = "Refused: a cluster is changed by operators."
		rows = append(rows, order(s, func(_ *command.Session, _ *cluster.Map, args command.Args) resp.Value {
			return resp.Errf("ERR CLUSTER %s is not for clients here: operators change a cluster, by %s", args.Word(1),
				cmp.Or(instead[s.Name], "the commands of ledge cluster"))
		}))
	}
	return rows
}
