package geos

import (
	"math"

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

	byDistance                    bool // the scores to store are distances
	withDist, withHash, withCoord bool
	any                           bool
	count                         int64 // 0 is all
	order                         order
	fromMember, fromLonLat        bool
	byRadius, byBox               bool
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
	for i < len(args) {
		n, err := q.parseWord(args, i)
		if err != nil {
			return nil, err
		}
		i += n
	}
	return q, q.check(args)
}

// parseHead reads what comes in front of the words and returns where they
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

// parseWord reads the option at argument i and returns how many arguments it
// takes.
func (q *query) parseWord(args command.Args, i int) (n int, err error) {
	switch {
	case args.Is(i, "WITHDIST"):
		q.withDist = true
	case args.Is(i, "WITHHASH"):
		q.withHash = true
	case args.Is(i, "WITHCOORD"):
		q.withCoord = true
	case args.Is(i, "ANY"):
		q.any = true
	case args.Is(i, "ASC"):
		q.order = nearest
	case args.Is(i, "DESC"):
		q.order = farthest
	case args.Is(i, "COUNT") && i+1 < len(args):
		if q.count, err = args.Int(i + 1); err == nil && q.count <= 0 {
			err = errCount
		}
		return 2, err
	case q.search():
		return q.parseSearchWord(args, i)
	case q.store && i+1 < len(args) && (args.Is(i, "STORE") || args.Is(i, "STOREDIST")):
		q.dest, q.byDistance = args[i+1], args.Is(i, "STOREDIST")
		return 2, nil
	default:
		return 0, command.ErrSyntax
	}
	return 1, nil
}

// parseSearchWord is parseWord for the words that only GEOSEARCH has.
func (q *query) parseSearchWord(args command.Args, i int) (n int, err error) {
	behind := len(args) - i - 1
	switch {
	case q.store && args.Is(i, "STOREDIST"):
		q.byDistance = true
		return 1, nil
	case args.Is(i, "FROMMEMBER") && behind >= 1 && !q.fromLonLat:
		q.fromMember = true
		return 2, q.parseMember(args, i+1)
	case args.Is(i, "FROMLONLAT") && behind >= 2 && !q.fromMember:
		q.fromLonLat = true
		q.center, err = parsePoint(args, i+1)
		return 3, err
	case args.Is(i, "BYRADIUS") && behind >= 2 && !q.byBox:
		q.byRadius = true
		return 3, q.parseRadius(args, i+1)
	case args.Is(i, "BYBOX") && behind >= 3 && !q.byRadius:
		q.byBox = true
		return 4, q.parseBox(args, i+1)
	}
	return 0, command.ErrSyntax
}

// check refuses words that don't go together.
func (q *query) check(args command.Args) error {
	if q.dest != nil && (q.withDist || q.withHash || q.withCoord) {
		what := "STORE option in GEORADIUS"
		if q.search() {
			what = "GEOSEARCHSTORE"
		}
		return resp.Error("ERR " + what +
			" is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
	}
	if q.search() && !q.fromMember && !q.fromLonLat {
		return resp.Error(
			"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + args.Str(0))
	}
	if q.search() && !q.byRadius && !q.byBox {
		return resp.Error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + args.Str(0))
	}
	if q.any && q.count == 0 {
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
	if q.any {
		limit = int(min(q.count, math.MaxInt32))
	}
	o := q.order
	if o == unsorted && q.count > 0 && !q.any {
		o = nearest // the first ones would otherwise be any
	}
	measured := o != unsorted || q.withDist || q.byDistance
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
