package servers

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// LOLWUT [VERSION version]
func lolwut() *command.Spec {
	return family.Row(command.Spec{
		Name: "lolwut", Arity: -1, Flags: command.ReadOnly | command.Fast, Since: "5.0.0",
		Summary: "Draw a ledge.",
		Read: func(*replay.View, command.Args) resp.Value {
			return resp.Verbatim("txt", ledge)
		},
	})
}

const ledge = "" +
	"________\n" +
	"        |____\n" +
	"             |_______  o/\n" +
	"                     |_/|\n" +
	"                       / \\\n\n" +
	"ledge, as Redis ver. " + command.CompatVersion + "\n"
