package lists

import (
	"iter"
	"slices"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// LREM key count element
func lrem() *command.Spec {
	return family.Write(command.Spec{
		Name: "lrem", Arity: 4, KeyFlags: "RW delete",
		Syntax: "<key> <count> <element>", Since: "1.0.0",
		Complexity: "O(N) where N is the length of the list; the journal takes an effect for each run",
		Summary:    "Remove items that are equal to a value.",
	}, runLrem)
}

func runLrem(d *replay.Draft, args command.Args) (resp.Value, error) {
	count, err := args.Int(2)
	if err != nil {
		return resp.Value{}, err
	}
	l, err := d.List(args[1])
	size := l.Len()
	if err != nil || size == 0 {
		return resp.Int(0), err
	}
	var runs []run
	if count >= 0 {
		runs = find(l.From(0), args[3], count, 0, 1)
		slices.Reverse(runs)
	} else {
		runs = find(l.Down(size-1), args[3], -count, size-1, -1)
	}
	n := 0
	for _, r := range runs { // the last first: the places of the others stay
		if err := d.RemoveItems(args[1], r.first, r.n); err != nil {
			return resp.Value{}, err
		}
		n += r.n
	}
	if n > 0 {
		d.Notify(events.List, "lrem", args[1])
	}
	if n == size {
		d.Notify(events.Generic, "del", args[1])
	}
	return resp.Int(int64(n)), nil
}

// run is equal items side by side.
type run struct{ first, n int }

// find returns the runs of at most count items that are equal to want, of all of
// them if count is 0, in the order of the walk. It begins at a place and makes
// steps of 1 or -1.
func find(walk iter.Seq[string], want []byte, count int64, at, step int) []run {
	var runs []run
	found := int64(0)
	for item := range walk {
		if item == string(want) {
			if last := len(runs) - 1; last >= 0 && runs[last].touches(at, step) {
				runs[last].first = min(runs[last].first, at)
				runs[last].n++
			} else {
				runs = append(runs, run{at, 1})
			}
			if found++; found == count {
				break
			}
		}
		at += step
	}
	return runs
}

// touches reports whether the place that a walk has come to lies at the run.
func (r run) touches(at, step int) bool {
	if step > 0 {
		return at == r.first+r.n
	}
	return at == r.first-1
}
