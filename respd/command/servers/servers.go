// Package servers is the family of commands about the server: what it is and
// holds (INFO, COMMAND, MEMORY, ROLE), how it is set up (CONFIG), what was slow
// (SLOWLOG, LATENCY), and saving and stopping it.
package servers

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// family is what all rows here have in common.
var family = command.Family{Group: "server"}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		acl(), bgsave(), commands(), config(), debug(), info(), lastsave(), latency(),
		health(), lolwut(), memory(), replicaof(), role(), save(), shutdown(), slaveof(), slowlog(),
		timeOfDay(), wait(), waitaof(),
	}
}

// admin are the flags of commands for operators.
const admin = command.Admin | command.NoScript | command.Loading | command.Stale

// Tips that many rows share.
var (
	tipsVaries   = []string{"nondeterministic_output"}
	tipsAnyOrder = []string{"nondeterministic_output_order"}
	tipsReport   = []string{"nondeterministic_output", "request_policy:all_shards",
		"response_policy:special"}
	tipsLatency = []string{"nondeterministic_output", "request_policy:all_nodes",
		"response_policy:special"}
	tipsAllNodes = []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
)

// result is OK, or err.
func result(err error) resp.Value {
	if err != nil {
		return resp.FromError(err)
	}
	return resp.OK
}
