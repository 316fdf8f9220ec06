package keys

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// EXISTS key [key ...]
func exists() *command.Spec {
	return family.Read(command.Spec{
		Name: "exists", Arity: -2, Flags: command.Fast, Keys: command.AllKeys, KeyFlags: "RO",
		Syntax: "<key> [<key> ...]", Tips: []string{perShard, sumReplies},
		Since: "1.0.0", Complexity: "O(N) where N is the number of keys",
		Summary: "Count how many of the keys are there.",
	}, runExists)
}

// TOUCH key [key ...]
func touch() *command.Spec {
	return family.Read(command.Spec{
		Name: "touch", Arity: -2, Flags: command.Fast, Keys: command.AllKeys, KeyFlags: "RO",
		Syntax: "<key> [<key> ...]", Tips: []string{perShard, sumReplies},
		Since: "3.2.1", Complexity: "O(N) where N is the number of keys",
		Summary: "Count how many of the keys are there. No times of access are kept.",
	}, runExists)
}

func runExists(v *replay.View, args command.Args) resp.Value {
	n := int64(0)
	for _, key := range args[1:] {
		if v.Exists(key) {
			n++
		}
	}
	return resp.Int(n)
}

// TYPE key
func typeOf() *command.Spec {
	return family.Read(command.Spec{
		Name: "type", Arity: 2, Flags: command.Fast, Keys: command.OneKey, KeyFlags: "RO",
		Syntax: "<key>", Since: "1.0.0", Summary: "Return the type of what a key holds.",
	}, runType)
}

func runType(v *replay.View, args command.Args) resp.Value {
	return resp.Simple(v.Type(args[1]).String())
}
