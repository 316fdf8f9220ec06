package servers

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// LATENCY <subcommand>
//
// The server doesn't keep a history of events, so the answers are those of a
// Redis whose latency monitor is off. SLOWLOG and the metrics tell more.
func latency() *command.Spec {
	return family.Container(command.Spec{
		Name: "latency", Since: "2.8.13",
		Summary: "Look at events that made clients wait, of which no history is kept.",
	}, latencyDoctor(), latencyGraph(), latencyHistory(), latencyLatest(), latencyReset(), family.Help("2.8.13"))
}

// latencyRow returns a row with what all of them have in common.
func latencyRow(s command.Spec, run func(*command.Session, command.Args) resp.Value) *command.Spec {
	s.Flags, s.Since, s.Complexity = admin, "2.8.13", "O(1)"
	if s.Tips == nil {
		s.Tips = tipsLatency
	}
	return family.Conn(s, run)
}

func noSamples(*command.Session, command.Args) resp.Value { return resp.Array() }

// LATENCY LATEST
func latencyLatest() *command.Spec {
	return latencyRow(command.Spec{
		Name: "latest", Arity: 2,
		Summary: "Show the latest sample of each event.",
	}, noSamples)
}

// LATENCY HISTORY event
func latencyHistory() *command.Spec {
	return latencyRow(command.Spec{
		Name: "history", Arity: 3, Syntax: "<event>",
		Summary: "Show the samples of an event.",
	}, noSamples)
}

// LATENCY GRAPH event
func latencyGraph() *command.Spec {
	return latencyRow(command.Spec{
		Name: "graph", Arity: 3, Syntax: "<event>",
		Summary: "Draw the samples of an event.",
	}, func(_ *command.Session, args command.Args) resp.Value {
		return resp.Errf("ERR No samples available for event '%s'", args[2])
	})
}

// LATENCY RESET [event [event ...]]
func latencyReset() *command.Spec {
	return latencyRow(command.Spec{
		Name: "reset", Arity: -2, Syntax: "[<event> ...]", Tips: tipsAllNodes,
		Summary: "Forget samples, and tell of how many events.",
	}, func(*command.Session, command.Args) resp.Value {
		return resp.Int(0)
	})
}

// LATENCY DOCTOR
func latencyDoctor() *command.Spec {
	return latencyRow(command.Spec{
		Name: "doctor", Arity: 2,
		Summary: "Say in words what is slow.",
	}, func(*command.Session, command.Args) resp.Value {
		return resp.Verbatim("txt", "No history of latencies is kept. "+
			"SLOWLOG GET lists the slowest commands.\n")
	})
}
