package sets

import (
	"math/rand/v2"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errNegative resp.Error = "ERR value is out of range, must be positive"
	errCount    resp.Error = "ERR value is out of range, value must between " +
		"-9223372036854775807 and 9223372036854775807"
)

// SPOP key [count]
func spop() *command.Spec {
	return family.Write(command.Spec{
		Name: "spop", Arity: -2, Flags: command.Fast, KeyFlags: "RW access delete",
		Syntax: "<key> [<count>]", Tips: []string{unpredictable},
		Since: "1.0.0", Complexity: "O(log N) a member",
		Summary: "Remove and return members of a set chosen at random.",
	}, runSpop)
}

func runSpop(d *replay.Draft, args command.Args) (resp.Value, error) {
	if len(args) > 2 {
		return runSpopCount(d, args)
	}
	s, err := d.Set(args[1])
	if err != nil || s.Len() == 0 {
		return resp.Nil, err
	}
	name := s.At(rand.IntN(s.Len()))
	if err = d.DropMembers(args[1], []string{name}); err != nil {
		return resp.Value{}, err
	}
	removed(d, "spop", args[1], !d.Exists(args[1]))
	return resp.Bulk(name), nil
}

func runSpopCount(d *replay.Draft, args command.Args) (resp.Value, error) {
	if len(args) > 3 {
		return resp.Value{}, command.ErrSyntax
	}
	count, ok := number.ParseInt(args[2])
	if !ok || count < 0 {
		return resp.Value{}, errNegative
	}
	s, err := d.Set(args[1])
	if err != nil || s.Len() == 0 || count == 0 {
		return resp.Set(), err
	}
	var popped []resp.Value
	switch n := s.Len(); {
	case count >= int64(n):
		popped = all(s)
		_, err = d.Delete(args[1])
	case int64(n)-count <= count/keepFewer:
		popped, err = popMost(d, args[1], s, int(count))
	default:
		names := make([]string, 0, count)
		for _, i := range command.Sample(n, int(count)) {
			names = append(names, s.At(i))
		}
		popped, err = bulks(names), d.DropMembers(args[1], names)
	}
	if err != nil {
		return resp.Value{}, err
	}
	removed(d, "spop", args[1], !d.Exists(args[1]))
	return resp.Set(popped...), nil
}

// keepFewer is how many times as many members have to go as stay for it to be
// cheaper to write down those that stay.
const keepFewer = 5

// popMost takes count members, which are most of the set, and leaves a new set
// of the others.
func popMost(d *replay.Draft, key []byte, s value.Set, count int) ([]resp.Value, error) {
	stay := make(map[int]struct{})
	for _, i := range command.Sample(s.Len(), s.Len()-count) {
		stay[i] = struct{}{}
	}
	popped, kept := make([]resp.Value, 0, count), make([]string, 0, len(stay))
	i := 0
	for m := range s.All() {
		if _, ok := stay[i]; ok {
			kept = append(kept, m)
		} else {
			popped = append(popped, resp.Bulk(m))
		}
		i++
	}
	at, _ := d.Deadline(key)
	if err := d.ReplaceSet(key, kept); err != nil || at == 0 {
		return popped, err
	}
	return popped, d.Expire(key, at)
}

// SRANDMEMBER key [count]
func srandmember() *command.Spec {
	return family.Read(command.Spec{
		Name: "srandmember", Arity: -2, Flags: command.Big | command.Repeats, Reach: command.ReachSample,
		Syntax: "<key> [<count>]", Tips: []string{unpredictable},
		Since: "1.0.0", Complexity: "O(log N) a member",
		Summary: "Return members of a set chosen at random.",
	}, runSrandmember)
}

func runSrandmember(v *replay.View, args command.Args) resp.Value {
	if len(args) > 3 {
		return resp.Err(command.ErrSyntax)
	}
	count := int64(0)
	if len(args) == 3 {
		var err error
		if count, err = args.Int(2); err != nil {
			return resp.FromError(err)
		}
		if count == -1<<63 {
			return resp.Err(errCount)
		}
	}
	s, err := v.Set(args[1])
	switch {
	case err != nil:
		return resp.FromError(err)
	case len(args) == 3:
		return someOf(v, s, count)
	case s.Len() == 0:
		return resp.Nil
	}
	return resp.Bulk(s.At(rand.IntN(s.Len())))
}

// someOf returns count different members, or as many as there are; or -count
// members that may be the same.
func someOf(v *replay.View, s value.Set, count int64) resp.Value {
	n := s.Len()
	switch {
	case n == 0 || count == 0:
		return resp.Array()
	case count >= int64(n):
		return resp.Array(all(s)...)
	case command.Streams(v, -count):
		return resp.Streamed(-count, false, func() (resp.Value, resp.Value) {
			return resp.Bulk(s.At(rand.IntN(n))), resp.Nil
		})
	case -count > command.MaxRepeats:
		return resp.Err(command.ErrTooLong)
	case count < 0:
		return repeats(s, int(-count))
	}
	vals := make([]resp.Value, 0, count)
	for _, i := range command.Sample(n, int(count)) {
		vals = append(vals, resp.Bulk(s.At(i)))
	}
	return resp.Array(vals...)
}

// repeats returns count members that may be the same.
func repeats(s value.Set, count int) resp.Value {
	vals, bytes := make([]resp.Value, count), 0
	for i := range vals {
		name := s.At(rand.IntN(s.Len()))
		if bytes += len(name); bytes > command.MaxRepeated {
			return resp.Err(command.ErrTooLong)
		}
		vals[i] = resp.Bulk(name)
	}
	return resp.Array(vals...)
}
