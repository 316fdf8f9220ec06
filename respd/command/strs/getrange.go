package strs

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// STRLEN key
func strlen() *command.Spec {
	return family.Read(command.Spec{
		Name: "strlen", Arity: 2, Flags: command.Fast, KeyFlags: "RO",
		Syntax: "<key>", Since: "2.2.0", Summary: "Return the length of a string.",
	}, runStrlen)
}

func runStrlen(v *replay.View, args command.Args) resp.Value {
	val, _, err := v.GetString(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	return resp.Int(int64(len(val)))
}

// GETRANGE key start end
func getrange() *command.Spec {
	return family.Read(command.Spec{
		Name: "getrange", Arity: 4, Syntax: "<key> <start> <end>",
		Since: "2.4.0", Complexity: "O(1); sending the part is O(N) in its length",
		Summary: "Return a part of a string.",
	}, runGetrange)
}

// SUBSTR key start end
func substr() *command.Spec {
	return family.Read(command.Spec{
		Name: "substr", Arity: 4, Syntax: "<key> <start> <end>",
		Since: "1.0.0", Complexity: "O(1); sending the part is O(N) in its length",
		Summary: "Return a part of a string. The old name of GETRANGE.",
	}, runGetrange)
}

func runGetrange(v *replay.View, args command.Args) resp.Value {
	start, err := args.Int(2)
	if err != nil {
		return resp.FromError(err)
	}
	end, err := args.Int(3)
	if err != nil {
		return resp.FromError(err)
	}
	val, _, err := v.GetString(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	return resp.Bulk(between(val, start, end))
}

// between returns s from start to end, both included; negative ones count
// from the end. As in Redis an end before the first byte is the first byte,
// unless start lies after it as they stand.
func between(s string, start, end int64) string {
	if start < 0 && end < 0 && start > end {
		return ""
	}
	n := int64(len(s))
	if start < 0 {
		start = max(n+start, 0)
	}
	if end < 0 {
		end = max(n+end, 0)
	}
	end = min(end, n-1)
	if start > end {
		return ""
	}
	return s[start : end+1]
}
