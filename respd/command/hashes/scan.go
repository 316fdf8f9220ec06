package hashes

import (
	"errors"
	"slices"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
func hscan() *command.Spec {
	return family.Read(command.Spec{
		Name: "hscan", Arity: -3, Tips: []string{unpredictable},
		Flags: command.Big, Reach: command.ReachScan(scanWords, 2),
		Syntax: "<key> <cursor> [MATCH <pattern>] [COUNT <count>] [NOVALUES]",
		Since:  "2.8.0", Complexity: "O(log N + COUNT) a call where N is the number of fields",
		Summary: "Return the next fields with their values, and a cursor for those behind them.",
	}, runHscan)
}

const noValues command.OptionBits = 1

var scanWords = append(slices.Clone(command.ScanWords),
	command.Option[command.ScanOptions]{Word: "NOVALUES", Says: noValues})

func runHscan(v *replay.View, args command.Args) resp.Value {
	o, bad := command.ParseScan(scanWords, args, 2)
	if errors.Is(bad, command.ErrCursor) {
		return resp.FromError(bad)
	}
	h, err := v.Hash(args[1])
	switch {
	case err != nil:
		return resp.FromError(err)
	case !v.Exists(args[1]): // whatever the options are
		return command.ScanReply(0, nil)
	case bad != nil:
		return resp.FromError(bad)
	}
	var elems []resp.Value
	next := h.Scan(o.Cursor, o.Count, func(field, val string) {
		switch {
		case !o.Fits(field):
		case o.Said.Has(noValues):
			elems = append(elems, resp.Bulk(field))
		default:
			elems = append(elems, resp.Bulk(field), resp.Bulk(val))
		}
	})
	return command.ScanReply(next, elems)
}
