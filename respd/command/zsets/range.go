package zsets

import (
	"iter"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errLimitRank resp.Error = "ERR syntax error, LIMIT is only supported in combination " +
		"with either BYSCORE or BYLEX"
	errLexScores resp.Error = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
)

// rangeKind is what a command's name says about its range.
type rangeKind struct {
	by    order
	up    bool // never down
	down  bool // always
	store bool // has a destination before the key
}

// storedRange is that of ZRANGESTORE.
var (
	storedRange      = rangeKind{store: true}
	storedRangeWords = rangeWords(storedRange)
)

const rangeCost = "O(log N + M) where N is the number of members and M that of those returned"

// ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
func zrange() *command.Spec {
	return ranging(rangeKind{}, command.Spec{
		Name: "zrange", Since: "1.2.0",
		Syntax:  "<key> <start> <stop> [BYSCORE|BYLEX] [REV] [LIMIT <offset> <count>] [WITHSCORES]",
		Summary: "Return a range of members, by rank, score or name.",
	})
}

// ZREVRANGE key start stop [WITHSCORES]
func zrevrange() *command.Spec {
	return ranging(rangeKind{by: byRank, down: true}, command.Spec{
		Name: "zrevrange", Since: "1.2.0", Syntax: "<key> <start> <stop> [WITHSCORES]",
		Summary: "Return a range of members by rank, the highest score first.",
	})
}

// ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]
func zrangebyscore() *command.Spec {
	return ranging(rangeKind{by: byScore, up: true}, command.Spec{
		Name: "zrangebyscore", Since: "1.0.5",
		Syntax:  "<key> <min> <max> [WITHSCORES] [LIMIT <offset> <count>]",
		Summary: "Return the members whose scores are in a range.",
	})
}

// ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]
func zrevrangebyscore() *command.Spec {
	return ranging(rangeKind{by: byScore, down: true}, command.Spec{
		Name: "zrevrangebyscore", Since: "2.2.0",
		Syntax:  "<key> <max> <min> [WITHSCORES] [LIMIT <offset> <count>]",
		Summary: "Return the members whose scores are in a range, the highest first.",
	})
}

// ZRANGEBYLEX key min max [LIMIT offset count]
func zrangebylex() *command.Spec {
	return ranging(rangeKind{by: byLex, up: true}, command.Spec{
		Name: "zrangebylex", Since: "2.8.9", Syntax: "<key> <min> <max> [LIMIT <offset> <count>]",
		Summary: "Return the members in a range of names.",
	})
}

// ZREVRANGEBYLEX key max min [LIMIT offset count]
func zrevrangebylex() *command.Spec {
	return ranging(rangeKind{by: byLex, down: true}, command.Spec{
		Name: "zrevrangebylex", Since: "2.8.9", Syntax: "<key> <max> <min> [LIMIT <offset> <count>]",
		Summary: "Return the members in a range of names, the last first.",
	})
}

// ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
func zrangestore() *command.Spec {
	return family.Write(command.Spec{
		Name: "zrangestore", Arity: -5, Flags: command.DenyOOM, Keys: command.TwoKeys,
		KeyFlags: "OW update;RO access",
		Syntax:   "<destination> <key> <start> <stop> [BYSCORE|BYLEX] [REV] [LIMIT <offset> <count>]",
		Since:    "6.2.0", Complexity: rangeCost, Summary: "Store a range of members in another key.",
	}, runZrangestore)
}

// span is a command's range.
type span struct {
	bounds
	limits
	down, scores bool
}

// ranging returns a row that answers a range.
func ranging(k rangeKind, s command.Spec) *command.Spec {
	s.Arity, s.Flags, s.Complexity = -4, command.Big, rangeCost
	words := rangeWords(k)
	s.Reach = func(v *replay.View, args command.Args) int {
		r, err := parseSpan(k, words, args)
		if err != nil {
			return 0
		}
		z, _ := v.ZSet(args[1])
		_, n := r.cut(z)
		return n
	}
	return family.Read(s, func(v *replay.View, args command.Args) resp.Value {
		r, err := parseSpan(k, words, args)
		if err != nil {
			return resp.FromError(err)
		}
		z, err := v.ZSet(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		return r.reply(z)
	})
}

// limits are what LIMIT says.
type limits struct{ offset, limit int64 } // a limit below 0 is none

// What the options of a range say.
const (
	withScores command.OptionBits = 1 << iota
	reversed
	lexically
	scorewise
)

// rangeWords are the options of a kind of range: what its name says already is none.
func rangeWords(k rangeKind) command.Options[limits] {
	words := command.Options[limits]{{Word: "LIMIT", Takes: 2, Read: func(l limits, vals command.Args) (_ limits, err error) {
		if l.offset, err = vals.Int(0); err == nil {
			l.limit, err = vals.Int(1)
		}
		return l, err
	}}}
	if !k.store {
		words = append(words, command.Option[limits]{Word: "WITHSCORES", Says: withScores})
	}
	if !k.up && !k.down {
		words = append(words, command.Option[limits]{Word: "REV", Says: reversed, Not: reversed})
	}
	if k.by == anyOrder {
		words = append(words, command.Option[limits]{Word: "BYLEX", Says: lexically, Not: lexically | scorewise},
			command.Option[limits]{Word: "BYSCORE", Says: scorewise, Not: lexically | scorewise})
	}
	return words
}

// parseSpan reads the ends of a range and the options after them.
func parseSpan(k rangeKind, words command.Options[limits], args command.Args) (*span, error) {
	if k.store {
		args = args[1:]
	}
	g, err := words.Parse(args[4:], limits{limit: -1})
	if err != nil {
		return nil, err
	}
	r := &span{limits: g.Value, down: k.down || g.Bits.Has(reversed), scores: g.Bits.Has(withScores)}
	by := k.by
	switch {
	case g.Bits.Has(lexically):
		by = byLex
	case g.Bits.Has(scorewise):
		by = byScore
	}
	if by == anyOrder {
		by = byRank
	}
	low, high := args[2], args[3]
	switch {
	case r.limit != -1 && by == byRank:
		return nil, errLimitRank
	case r.scores && by == byLex:
		return nil, errLexScores
	case r.down && by != byRank:
		low, high = high, low
	}
	r.bounds, err = parseBounds(by, low, high)
	return r, err
}

// cut returns the rank of the first member to return and how many follow it, up
// or down.
func (r *span) cut(z value.ZSet) (first, n int) {
	lo, hi := r.window(z)
	n = hi - lo
	if r.by != byRank {
		if r.offset < 0 || r.offset >= int64(n) {
			return 0, 0
		}
		lo, hi, n = lo+int(r.offset), hi-int(r.offset), n-int(r.offset)
		if r.limit >= 0 && r.limit < int64(n) {
			n = int(r.limit)
		}
	} else if r.down { // ranks count from the top
		lo, hi = z.Len()-hi, z.Len()-lo
	}
	if r.down {
		return hi - 1, n
	}
	return lo, n
}

// members yields the members of a range.
func (r *span) members(z value.ZSet) (int, iter.Seq2[string, float64]) {
	first, n := r.cut(z)
	if r.down {
		return n, take(n, z.Down(first))
	}
	return n, take(n, z.From(first))
}

// take yields the first n.
func take(n int, seq iter.Seq2[string, float64]) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		if n == 0 {
			return
		}
		left := n
		for member, score := range seq {
			if left--; !yield(member, score) || left == 0 {
				return
			}
		}
	}
}

func (r *span) reply(z value.ZSet) resp.Value {
	n, members := r.members(z)
	return reply(n, members, r.scores)
}

// reply returns n members, with scores or without.
func reply(n int, members iter.Seq2[string, float64], scores bool) resp.Value {
	if scores {
		vals := make([]resp.Value, 0, 2*n)
		for member, score := range members {
			vals = append(vals, resp.Bulk(member), resp.Double(score))
		}
		return resp.Pairs(vals...)
	}
	vals := make([]resp.Value, 0, n)
	for member := range members {
		vals = append(vals, resp.Bulk(member))
	}
	return resp.Array(vals...)
}

func runZrangestore(d *replay.Draft, args command.Args) (resp.Value, error) {
	r, err := parseSpan(storedRange, storedRangeWords, args)
	if err != nil {
		return resp.Value{}, err
	}
	z, err := d.ZSet(args[2])
	if err != nil {
		return resp.Value{}, err
	}
	n, members := r.members(z)
	found, growth := make([]journal.Scored, 0, n), value.Growth{}
	if r.by == byRank { // else Redis adds them one by one
		growth.Expect(n)
	}
	for member, score := range members {
		growth.Add(len(member))
		found = append(found, journal.Scored{Member: member, Score: growth.Kept(score)})
	}
	return store(d, "zrangestore", args[1], found)
}

// store makes key a sorted set of these members, whatever it was.
func store(d *replay.Draft, event string, key []byte, members []journal.Scored) (resp.Value, error) {
	was := d.Exists(key)
	if err := d.ReplaceZSet(key, members); err != nil {
		return resp.Value{}, err
	}
	if len(members) > 0 {
		d.Notify(events.ZSet, event, key)
	} else if was {
		d.Notify(events.Generic, "del", key)
	}
	return resp.Int(int64(len(members))), nil
}
