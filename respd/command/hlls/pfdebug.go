package hlls

import (
	"fmt"
	"strings"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errNoHLL     resp.Error = "ERR The specified key does not exist"
	errNotSparse resp.Error = "ERR HLL encoding is not sparse"
)

// PFDEBUG GETREG | DECODE | ENCODING | TODENSE key
func pfdebug() *command.Spec {
	return family.Write(command.Spec{
		Name: "pfdebug", Arity: 3, Flags: command.Admin,
		Keys:     command.KeyRange{First: 2, Last: 2, Step: 1},
		KeyFlags: "RW access",
		Syntax:   "<GETREG | DECODE | ENCODING | TODENSE> <key>", Since: "2.8.9",
		Complexity: "O(1), in 16384 steps",
		Summary:    "Show the registers of a HyperLogLog.",
	}, runPfdebug)
}

func runPfdebug(d *replay.Draft, args command.Args) (resp.Value, error) {
	val, ok, err := fetch(&d.View, args[2])
	if err != nil {
		return resp.Value{}, err
	}
	if !ok {
		return resp.Value{}, errNoHLL
	}
	switch {
	case args.Is(1, "GETREG"):
		return getreg(d, args[2], val)
	case args.Is(1, "DECODE"):
		return decode(val)
	case args.Is(1, "ENCODING"):
		if val[encodedAt] == dense {
			return resp.Simple("dense"), nil
		}
		return resp.Simple("sparse"), nil
	case args.Is(1, "TODENSE"):
		return todense(d, args[2], val)
	}
	return resp.Value{}, resp.Error(fmt.Sprintf("ERR Unknown PFDEBUG subcommand '%s'", args[1]))
}

// getreg makes the value dense, as Redis does, and shows the registers.
func getreg(d *replay.Draft, key []byte, val string) (resp.Value, error) {
	if _, err := todense(d, key, val); err != nil {
		return resp.Value{}, err
	}
	u := new(union)
	if err := u.add(val); err != nil {
		return resp.Value{}, err
	}
	out := make([]resp.Value, registers)
	for i, n := range u {
		out[i] = resp.Int(int64(n))
	}
	return resp.Array(out...), nil
}

// todense makes a value dense and answers whether it was not.
func todense(d *replay.Draft, key []byte, val string) (resp.Value, error) {
	if val[encodedAt] == dense {
		return resp.Int(0), nil
	}
	v, err := toDense([]byte(val))
	if err != nil {
		return resp.Value{}, err
	}
	at, _ := d.Deadline(key)
	return resp.Int(1), d.SetString(key, v, at)
}

// decode shows the runs of a sparse value.
func decode(val string) (resp.Value, error) {
	if val[encodedAt] == dense {
		return resp.Value{}, errNotSparse
	}
	var words []string
	for at := headLen; at < len(val); {
		r := readRun(val, at)
		switch {
		case r.val > 0:
			words = append(words, fmt.Sprintf("v:%d,%d", r.val, r.n))
		case r.size > 1:
			words = append(words, fmt.Sprintf("Z:%d", r.n))
		default:
			words = append(words, fmt.Sprintf("z:%d", r.n))
		}
		at += r.size
	}
	return resp.Bulk(strings.Join(words, " ")), nil
}
