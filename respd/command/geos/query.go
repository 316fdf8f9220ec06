package geos

import (
	"math"
	"slices"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errMember resp.Error = "ERR could not decode requested zset member"
	errCount  resp.Error = "ERR COUNT must be > 0"
	errAny    resp.Error = "ERR the ANY argument requires COUNT argument"
)

// form is which of the commands a query is.
type form struct {
	from   int  // the source's place in the arguments
	circle bool // GEORADIUS: place and radius come at once
	member bool // GEORADIUSBYMEMBER: member and radius do
	store  bool // there may be a destination
}

// search reports whether the query is of GEOSEARCH's kind, where the words say
// all.
func (f form) search() bool { return !f.circle && !f.member }

// query is a search as its arguments ask for it.
type query struct {
	form
	shape
	set  value.ZSet
	dest []byte // nil is none

	said       command.OptionBits
	byDistance bool  // the scores to store are distances
	count      int64 // 0 is all
	order      order
}

// What the options of a query say. The center and the shape of a search are each one
// of two.
const (
	withDist command.OptionBits = 1 << iota
	withHash
	withCoord
	anyOfThem
	fromMember
	fromLonLat
	byRadius
	byBox
)

type (
	words = command.Options[*query]
	word  = command.Option[*query]
)

// anyWords are the options of all queries.
var anyWords = words{
	{Word: "WITHDIST", Says: withDist}, {Word: "WITHHASH", Says: withHash}, {Word: "WITHCOORD", Says: withCoord},
	{Word: "ANY", Says: anyOfThem},
	{Word: "ASC", Read: func(q *query, _ command.Args) (*query, error) { q.order = nearest; return q, nil }},
	{Word: "DESC", Read: func(q *query, _ command.Args) (*query, error) { q.order = farthest; return q, nil }},
	{Word: "COUNT", Takes: 1, Read: func(q *query, vals command.Args) (_ *query, err error) {
		if q.count, err = vals.Int(0); err == nil && q.count <= 0 {
			err = errCount
		}
		return q, err
	}},
}

// The options of GEOSEARCH and GEOSEARCHSTORE, and those of GEORADIUS and its kin with
// a destination, which have their center and shape without words.
var (
	searchWords = append(slices.Clone(anyWords),
		word{Word: "FROMMEMBER", Says: fromMember, Not: fromLonLat, Takes: 1,
			Read: func(q *query, vals command.Args) (*query, error) { return q, q.parseMember(vals, 0) }},
		word{Word: "FROMLONLAT", Says: fromLonLat, Not: fromMember, Takes: 2,
			Read: func(q *query, vals command.Args) (_ *query, err error) {
				q.center, err = parsePoint(vals, 0)
				return q, err
			}},
		word{Word: "BYRADIUS", Says: byRadius, Not: byBox, Takes: 2,
			Read: func(q *query, vals command.Args) (*query, error) { return q, q.parseRadius(vals, 0) }},
		word{Word: "BYBOX", Says: byBox, Not: byRadius, Takes: 3,
			Read: func(q *query, vals command.Args) (*query, error) { return q, q.parseBox(vals, 0) }})
	searchStoreWords = append(slices.Clone(searchWords),
		word{Word: "STOREDIST", Read: func(q *query, _ command.Args) (*query, error) { q.byDistance = true; return q, nil }})
	radiusStoreWords = append(slices.Clone(anyWords),
		word{Word: "STORE", Takes: 1, Read: func(q *query, vals command.Args) (*query, error) {
			q.dest, q.byDistance = vals[0], false
			return q, nil
		}},
		word{Word: "STOREDIST", Takes: 1, Read: func(q *query, vals command.Args) (*query, error) {
			q.dest, q.byDistance = vals[0], true
			return q, nil
		}})
)

// words returns the options that a query of this form has.
func (f form) words() words {
	switch {
	case f.search() && f.store:
		return searchStoreWords
	case f.search():
		return searchWords
	case f.store:
		return radiusStoreWords
	}
	return anyWords
}

// parse reads the arguments. Errors come in the order in which Redis sees them,
// that of the words; some need the source set.
func (f form) parse(v *replay.View, args command.Args) (*query, error) {
	q := &query{form: f}
	var err error
	if q.set, err = v.ZSet(args[f.from]); err != nil {
		return nil, err
	}
	i, err := q.parseHead(args)
	if err != nil {
		return nil, err
	}
	g, err := f.words().Parse(args[i:], q)
	if err != nil {
		return nil, err
	}
	q.said = g.Bits
	return q, q.check(args)
}

// parseHead reads what comes before the words and returns where they
// begin.
func (q *query) parseHead(args command.Args) (next int, err error) {
	switch {
	case q.circle:
		if q.center, err = parsePoint(args, 2); err != nil {
			return 0, err
		}
		return 6, q.parseRadius(args, 4)
	case q.member:
		if q.set.Len() == 0 {
			return 5, nil // as in Redis, nothing of it is looked at
		}
		if err = q.parseMember(args, 2); err != nil {
			return 0, err
		}
		return 5, q.parseRadius(args, 3)
	}
	if q.store {
		q.dest = args[1]
	}
	return q.from + 1, nil
}

func (q *query) parseMember(args command.Args, i int) error {
	score, ok := q.set.Score(args[i])
	if !ok {
		if q.set.Len() == 0 {
			return nil
		}
		return errMember
	}
	q.center = pointOf(score)
	return nil
}

// check refuses words that don't go together.
func (q *query) check(args command.Args) error {
	if q.dest != nil && q.said.Has(withDist|withHash|withCoord) {
		what := "STORE option in GEORADIUS"
		if q.search() {
			what = "GEOSEARCHSTORE"
		}
		return resp.Error("ERR " + what +
			" is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
	}
	if q.search() && !q.said.Has(fromMember|fromLonLat) {
		return resp.Error(
			"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + args.Str(0))
	}
	if q.search() && !q.said.Has(byRadius|byBox) {
		return resp.Error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + args.Str(0))
	}
	if q.said.Has(anyOfThem) && q.count == 0 {
		return errAny
	}
	return nil
}

// run returns what the query finds, in order, with distances in its unit.
func (q *query) run() []found {
	if q.set.Len() == 0 {
		return nil
	}
	limit := 0
	if q.said.Has(anyOfThem) {
		limit = int(min(q.count, math.MaxInt32))
	}
	o := q.order
	if o == unsorted && q.count > 0 && !q.said.Has(anyOfThem) {
		o = nearest // the first ones would otherwise be any
	}
	measured := o != unsorted || q.said.Has(withDist) || q.byDistance
	members := find(q.set, &q.shape, limit, measured)
	o.sort(members)
	if q.count > 0 && q.count < int64(len(members)) {
		members = members[:q.count]
	}
	for i := range members {
		members[i].distance /= q.unit
	}
	return members
}
