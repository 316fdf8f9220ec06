package geos

import (
	"strconv"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// GEOPOS key [member [member ...]]
func geopos() *command.Spec {
	return family.Read(command.Spec{
		Name: "geopos", Arity: -2, Syntax: "<key> [<member> ...]", Since: "3.2.0",
		Complexity: "O(1) for each member",
		Summary:    "Return longitude and latitude of members.",
	}, func(v *replay.View, args command.Args) resp.Value {
		return each(v, args, resp.NilArray, position)
	})
}

// position is longitude and latitude.
func position(p point) resp.Value { return resp.Array(resp.Decimal(p.lon), resp.Decimal(p.lat)) }

// GEOHASH key [member [member ...]]
func geohash() *command.Spec {
	return family.Read(command.Spec{
		Name: "geohash", Arity: -2, Syntax: "<key> [<member> ...]", Since: "3.2.0",
		Complexity: "O(1) for each member",
		Summary:    "Return the usual geohashes of members, of 11 letters.",
	}, func(v *replay.View, args command.Args) resp.Value {
		return each(v, args, resp.Nil, func(p point) resp.Value { return resp.Bulk(hashText(p)) })
	})
}

// each answers about each member that is named, with none for those that are
// not there.
func each(
	v *replay.View, args command.Args, none resp.Value, show func(point) resp.Value,
) resp.Value {
	z, err := v.ZSet(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	out := make([]resp.Value, len(args)-2)
	for i, member := range args[2:] {
		out[i] = none
		if score, ok := z.Score(member); ok {
			out[i] = show(pointOf(score))
		}
	}
	return resp.Array(out...)
}

// GEODIST key member1 member2 [M | KM | FT | MI]
func geodist() *command.Spec {
	return family.Read(command.Spec{
		Name: "geodist", Arity: -4, Syntax: "<key> <member1> <member2> [M | KM | FT | MI]",
		Since: "3.2.0", Complexity: "O(1)", Summary: "Return how far two members are apart.",
	}, runGeodist)
}

func runGeodist(v *replay.View, args command.Args) resp.Value {
	unit := 1.0
	var err error
	switch {
	case len(args) > 5:
		err = command.ErrSyntax
	case len(args) == 5:
		unit, err = parseUnit(args, 4)
	}
	if err != nil {
		return resp.FromError(err)
	}
	z, err := v.ZSet(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	a, okA := z.Score(args[2])
	b, okB := z.Score(args[3])
	if !okA || !okB {
		return resp.Nil
	}
	return metres(distance(pointOf(a), pointOf(b)) / unit)
}

// metres shows a distance, in whatever unit, with four digits.
func metres(d float64) resp.Value { return resp.Bulk(strconv.FormatFloat(d, 'f', 4, 64)) }
