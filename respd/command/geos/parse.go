package geos

import (
	"fmt"
	"math"

	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errUnit      resp.Error = "ERR unsupported unit provided. please use M, KM, FT, MI"
	errRadius    resp.Error = "ERR need numeric radius"
	errNegRadius resp.Error = "ERR radius cannot be negative"
	errWidth     resp.Error = "ERR need numeric width"
	errHeight    resp.Error = "ERR need numeric height"
	errNegBox    resp.Error = "ERR height or width cannot be negative"
)

// parsePoint reads longitude and latitude from argument i on.
func parsePoint(args command.Args, i int) (p point, err error) {
	if p.lon, err = args.Float(i); err != nil {
		return p, err
	}
	if p.lat, err = args.Float(i + 1); err != nil {
		return p, err
	}
	if math.Abs(p.lon) > lonMax || math.Abs(p.lat) > latMax {
		err = resp.Error("ERR invalid longitude,latitude pair " + fixed(p.lon) + "," + fixed(p.lat))
	}
	return p, err
}

// fixed shows a number as C prints "%f".
func fixed(f float64) string {
	if math.IsInf(f, 0) {
		return string(resp.AppendFloat(nil, f))
	}
	return fmt.Sprintf("%f", f)
}

// parseUnit reads a unit and returns its length in metres.
func parseUnit(args command.Args, i int) (float64, error) {
	switch {
	case args.Is(i, "M"):
		return 1, nil
	case args.Is(i, "KM"):
		return 1000, nil
	case args.Is(i, "FT"):
		return 0.3048, nil
	case args.Is(i, "MI"):
		return 1609.34, nil
	}
	return 0, errUnit
}

// parseRadius reads a radius and its unit.
func (s *shape) parseRadius(args command.Args, i int) (err error) {
	if s.radius, err = args.Float(i); err != nil {
		return errRadius
	}
	if s.radius < 0 {
		return errNegRadius
	}
	s.box = false
	s.unit, err = parseUnit(args, i+1)
	return err
}

// parseBox reads width, height and their unit.
func (s *shape) parseBox(args command.Args, i int) (err error) {
	if s.width, err = args.Float(i); err != nil {
		return errWidth
	}
	if s.height, err = args.Float(i + 1); err != nil {
		return errHeight
	}
	if s.width < 0 || s.height < 0 {
		return errNegBox
	}
	s.box = true
	s.unit, err = parseUnit(args, i+2)
	return err
}
