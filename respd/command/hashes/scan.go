package hashes

import (
	"errors"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
func hscan() *command.Spec {
	return family.Read(command.Spec{
		Name: "hscan", Arity: -3, Tips: []string{unpredictable},
		Syntax: "<key> <cursor> [MATCH <pattern>] [COUNT <count>] [NOVALUES]",
		Since:  "2.8.0", Complexity: "O(log N + COUNT) a call where N is the number of fields",
		Summary: "Return the next fields with their values, and a cursor for those behind them.",
	}, runHscan)
}

func runHscan(v *replay.View, args command.Args) resp.Value {
	novalues := false
	o, bad := command.ParseScan(args, 2, func(i int) (int, error) {
		if !args.Is(i, "NOVALUES") {
			return 0, nil
		}
		novalues = true
		return 1, nil
	})
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
		case novalues:
			elems = append(elems, resp.Bulk(field))
		default:
			elems = append(elems, resp.Bulk(field), resp.Bulk(val))
		}
	})
	return command.ScanReply(next, elems)
}
