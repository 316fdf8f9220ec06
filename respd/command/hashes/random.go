package hashes

import (
	"math"
	"math/rand/v2"
	"slices"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const errRandomCount resp.Error = "ERR value is out of range, " +
	"value must between -9223372036854775807 and 9223372036854775807"

// HRANDFIELD key [count [WITHVALUES]]
func hrandfield() *command.Spec {
	return family.Read(command.Spec{
		Name: "hrandfield", Arity: -2, Flags: command.Big | command.Repeats, Reach: reachHrandfield, Tips: []string{unpredictable},
		Syntax: "<key> [<count> [WITHVALUES]]",
		Since:  "6.2.0", Complexity: "O(N log M) where N is the count and M the number of fields",
		Summary: "Return fields chosen at random.",
	}, runHrandfield)
}

// reachHrandfield returns how many fields HRANDFIELD is to read at most.
func reachHrandfield(v *replay.View, args command.Args) int {
	n := command.ReachSample(v, args)
	if h, _ := v.Hash(args[1]); !h.Direct() {
		return max(n, h.Len())
	}
	return n
}

func runHrandfield(v *replay.View, args command.Args) resp.Value {
	count, values, err := parseRandom(args)
	if err != nil {
		return resp.FromError(err)
	}
	h, err := v.Hash(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	r := picker{h: h, values: values}
	switch {
	case len(args) == 2 && h.Len() == 0:
		return resp.Nil
	case len(args) == 2:
		r.prepare(1)
		field, _ := r.at(rand.IntN(h.Len()))
		return resp.Bulk(field)
	case count == 0 || h.Len() == 0:
	case command.Streams(v, -count):
		return r.stream(-count)
	case count < 0:
		err = r.pickAny(-count)
	case count >= int64(h.Len()):
		r.room(h.Len())
		for field, val := range h.All() {
			r.add(field, val)
		}
	default:
		r.pick(int(count))
	}
	if err != nil {
		return resp.FromError(err)
	}
	return r.reply()
}

func parseRandom(args command.Args) (count int64, values bool, err error) {
	if len(args) == 2 {
		return 0, false, nil
	}
	if count, err = args.Int(2); err != nil {
		return 0, false, err
	}
	switch {
	case count == math.MinInt64:
		return 0, false, errRandomCount
	case len(args) > 4 || len(args) == 4 && !args.Is(3, "WITHVALUES"):
		return 0, false, command.ErrSyntax
	case len(args) == 4 && (count > math.MaxInt64/2 || count < -math.MaxInt64/2):
		return 0, false, command.ErrOutOfRange
	}
	return count, len(args) == 4, nil
}

// picker chooses fields and makes them the reply.
type picker struct {
	h      value.Hash
	values bool
	// all is the fields and values, when the hash can't be asked for each.
	all   []string
	elems []resp.Value
	bytes int
}

// prepare makes ready for that many calls of at: a few can be served slowly.
func (r *picker) prepare(count int64) {
	if r.h.Direct() || count < 2 {
		return
	}
	r.all = make([]string, 0, 2*r.h.Len())
	for field, val := range r.h.All() {
		r.all = append(r.all, field, val)
	}
}

func (r *picker) at(i int) (field, val string) {
	if r.all != nil {
		return r.all[2*i], r.all[2*i+1]
	}
	return r.h.At(i)
}

// room makes room for that many fields.
func (r *picker) room(count int) {
	if r.values {
		count *= 2
	}
	r.elems = make([]resp.Value, 0, count)
}

func (r *picker) add(field, val string) {
	r.elems = append(r.elems, resp.Bulk(field))
	r.bytes += len(field)
	if r.values {
		r.elems = append(r.elems, resp.Bulk(val))
		r.bytes += len(val)
	}
}

// pickAny chooses count fields, each from all.
func (r *picker) pickAny(count int64) error {
	if count > command.MaxRepeats {
		return command.ErrTooLong
	}
	r.room(int(count))
	r.prepare(count)
	for range count {
		if r.bytes > command.MaxRepeated {
			return command.ErrTooLong
		}
		r.add(r.at(rand.IntN(r.h.Len())))
	}
	return nil
}

// stream chooses count fields, each from all, while the reply is sent.
func (r *picker) stream(count int64) resp.Value {
	r.prepare(count)
	n := r.h.Len()
	return resp.Streamed(count, r.values, func() (resp.Value, resp.Value) {
		field, val := r.at(rand.IntN(n))
		return resp.Bulk(field), resp.Bulk(val)
	})
}

// pick chooses count fields, fewer than there are, all of them different and in
// the order of the hash.
func (r *picker) pick(count int) {
	r.room(count)
	r.prepare(int64(count))
	// Each step chooses one of one more: Floyd's way to need no second tries.
	chosen := make(map[int]struct{}, count)
	for top := r.h.Len() - count; top < r.h.Len(); top++ {
		i := rand.IntN(top + 1)
		if _, again := chosen[i]; again {
			i = top
		}
		chosen[i] = struct{}{}
	}
	order := make([]int, 0, count)
	for i := range chosen {
		order = append(order, i)
	}
	slices.Sort(order)
	for _, i := range order {
		r.add(r.at(i))
	}
}

func (r *picker) reply() resp.Value {
	if r.values {
		return resp.Pairs(r.elems...)
	}
	return resp.Array(r.elems...)
}
