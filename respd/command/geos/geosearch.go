package geos

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// searching is what all searches take.
const searching = "O(N+log(M)) where N is the number of members in a box around the shape " +
	"and M is the size of the set"

const (
	storeWords = "[STORE <key>] [STOREDIST <key>]"
	radiusTail = "[WITHCOORD] [WITHDIST] [WITHHASH] [COUNT <n> [ANY]] [ASC | DESC]"
	searchTail = "<FROMMEMBER <member> | FROMLONLAT <longitude> <latitude>> " +
		"<BYRADIUS <radius> <unit> | BYBOX <width> <height> <unit>> [ASC | DESC] [COUNT <n> [ANY]]"
)

// GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude
// BYRADIUS radius unit | BYBOX width height unit [ASC | DESC] [COUNT count [ANY]]
// [WITHCOORD] [WITHDIST] [WITHHASH]
func geosearch() *command.Spec {
	return reading(command.Spec{
		Name: "geosearch", Arity: -7, Since: "6.2.0",
		Syntax:  "<key> " + searchTail + " [WITHCOORD] [WITHDIST] [WITHHASH]",
		Summary: "Find the members in a circle or a box.",
	}, form{from: 1})
}

// GEOSEARCHSTORE destination source … [STOREDIST]
func geosearchstore() *command.Spec {
	return storing(command.Spec{
		Name: "geosearchstore", Arity: -8, Since: "6.2.0", Keys: command.TwoKeys,
		KeyFlags: "OW update;RO access",
		Syntax:   "<destination> <source> " + searchTail + " [STOREDIST]",
		Summary:  "Store the members in a circle or a box.",
	}, form{from: 2, store: true})
}

// GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
// [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]
func georadius() *command.Spec {
	return storing(command.Spec{
		Name: "georadius", Arity: -6, Since: "3.2.0",
		KeyFlags: "RO access;OW update", FindKeys: radiusKeys(6),
		Syntax:  "<key> <longitude> <latitude> <radius> <unit> " + radiusTail + " " + storeWords,
		Summary: "Find or store the members in a circle. The old form of GEOSEARCH.",
	}, form{from: 1, circle: true, store: true})
}

// GEORADIUS_RO key longitude latitude radius unit …
func georadiusRO() *command.Spec {
	return reading(command.Spec{
		Name: "georadius_ro", Arity: -6, Since: "3.2.10",
		Syntax:  "<key> <longitude> <latitude> <radius> <unit> " + radiusTail,
		Summary: "Find the members in a circle. The old form of GEOSEARCH.",
	}, form{from: 1, circle: true})
}

// GEORADIUSBYMEMBER key member radius unit …
func georadiusbymember() *command.Spec {
	return storing(command.Spec{
		Name: "georadiusbymember", Arity: -5, Since: "3.2.0",
		KeyFlags: "RO access;OW update", FindKeys: radiusKeys(5),
		Syntax:  "<key> <member> <radius> <unit> " + radiusTail + " " + storeWords,
		Summary: "Find or store what is near a member. The old form of GEOSEARCH.",
	}, form{from: 1, member: true, store: true})
}

// GEORADIUSBYMEMBER_RO key member radius unit …
func georadiusbymemberRO() *command.Spec {
	return reading(command.Spec{
		Name: "georadiusbymember_ro", Arity: -5, Since: "3.2.10",
		Syntax:  "<key> <member> <radius> <unit> " + radiusTail,
		Summary: "Find what is near a member. The old form of GEOSEARCH.",
	}, form{from: 1, member: true})
}

// radiusKeys returns what finds the source and the destinations, after the
// first STORE and the first STOREDIST among the words from an argument on.
func radiusKeys(from int) func(command.Args) []int {
	return func(args command.Args) []int {
		keys := []int{1}
		for _, word := range []string{"STORE", "STOREDIST"} {
			i := from
			for i < len(args) && !args.Is(i, word) {
				i++
			}
			if i+1 < len(args) {
				keys = append(keys, i+1)
			}
		}
		return keys
	}
}

// reading returns the row of a query that has no destination.
func reading(s command.Spec, f form) *command.Spec {
	s.Complexity = searching
	s.Flags |= command.Big
	return family.Read(s, func(v *replay.View, args command.Args) resp.Value {
		q, err := f.parse(v, args)
		if err != nil {
			return resp.FromError(err)
		}
		return q.reply(q.run())
	})
}

// storing returns the row of a query that may have one.
func storing(s command.Spec, f form) *command.Spec {
	s.Complexity = searching
	return family.Write(s, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		q, err := f.parse(&d.View, args)
		if err != nil {
			return resp.Value{}, err
		}
		members := q.run()
		if q.dest == nil {
			return q.reply(members), nil
		}
		return resp.Int(int64(len(members))), q.keep(d, members)
	})
}

// reply shows members, each with what the query asks for.
func (q *query) reply(members []found) resp.Value {
	out := make([]resp.Value, len(members))
	for i, m := range members {
		out[i] = resp.Bulk(m.name)
		if !q.said.Has(withDist | withHash | withCoord) {
			continue
		}
		one := []resp.Value{out[i]}
		if q.said.Has(withDist) {
			one = append(one, metres(m.distance))
		}
		if q.said.Has(withHash) {
			one = append(one, resp.Int(int64(m.score)))
		}
		if q.said.Has(withCoord) {
			one = append(one, position(m.at))
		}
		out[i] = resp.Array(one...)
	}
	return resp.Array(out...)
}

// keep makes members the destination's, whatever it held. None leave no key.
func (q *query) keep(d *replay.Draft, members []found) error {
	gone, err := d.Delete(q.dest)
	if err != nil {
		return err
	}
	if len(members) == 0 {
		if gone {
			d.Notify(events.Generic, "del", q.dest)
		}
		return nil
	}
	scores := make([]value.Scored, len(members))
	for i, m := range members {
		scores[i] = value.Scored{Member: []byte(m.name), Score: m.score}
		if q.byDistance {
			scores[i].Score = m.distance
		}
	}
	if err := d.SetScores(q.dest, scores); err != nil {
		return err
	}
	event := "georadiusstore"
	if q.search() {
		event = "geosearchstore"
	}
	d.Notify(events.ZSet, event, q.dest)
	return nil
}
