package geos_test

// Searches against looking at every member, and what commands on places journal
// and tell subscribers. The replies are compared with Redis's in
// respd/compat/testdata/geos.

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/geos"
	"ledge/respd/command/keys"
	"ledge/respd/command/strs"
)

func open(t testing.TB) *commandtest.Client {
	return commandtest.Open(t, commandtest.Config{Now: time.UnixMilli(1_700_000_000_000)},
		geos.Table(), strs.Table(), keys.Table())
}

// A circle holds just those members that GEODIST says are near enough, away
// from the poles and the date line, where Redis's nine cells may fall short.
func TestSearchFindsAll(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	c := open(t)
	lon, lat := (r.Float64()-0.5)*300, (r.Float64()-0.5)*100
	args := []string{"GEOADD", "g"}
	const n = 300
	for i := range n {
		args = append(args, fmt.Sprint(lon+r.NormFloat64()), fmt.Sprint(lat+r.NormFloat64()), fmt.Sprint(i))
	}
	c.Do(args...)
	for range 30 {
		from, radius := strconv.Itoa(r.IntN(n)), fmt.Sprint(r.ExpFloat64()*50)
		bound, _ := strconv.ParseFloat(radius, 64)
		var want []string
		for i := range n {
			d := c.Do("GEODIST", "g", from, strconv.Itoa(i), "km").Str()
			if d, _ := strconv.ParseFloat(d, 64); d <= bound {
				want = append(want, strconv.Itoa(i))
			}
		}
		var got []string
		for _, v := range c.Do("GEOSEARCH", "g", "FROMMEMBER", from, "BYRADIUS", radius, "km").Elems() {
			got = append(got, v.Str())
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("GEOSEARCH %s km around %s = %q; want %q", radius, from, got, want)
		}
	}
}

func TestEvents(t *testing.T) {
	c := open(t)
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"GEOADD g 1 1 a 2 2 b", []string{"zadd g"}},
		{"GEOADD g 1 1 a", nil},
		{"GEOADD g NX 2 1 a", nil},
		{"GEOADD g XX 1 1 none", nil},
		{"GEOADD g 1 2 a", []string{"zadd g"}},
		{"GEOSEARCHSTORE d g FROMLONLAT 1 1 BYRADIUS 1000 km", []string{"geosearchstore d"}},
		{"GEOSEARCHSTORE d g FROMLONLAT 90 1 BYRADIUS 1 km", []string{"del d"}},
		{"GEOSEARCHSTORE d g FROMLONLAT 90 1 BYRADIUS 1 km", nil},
		{"GEORADIUS g 1 1 1000 km STORE d", []string{"georadiusstore d"}},
		{"GEORADIUSBYMEMBER g a 1000 km STOREDIST d", []string{"georadiusstore d"}},
		{"GEORADIUSBYMEMBER none a 1000 km STOREDIST d", []string{"del d"}},
		{"GEORADIUS g 1 1 1000 km", nil},
	} {
		c.Line(tt.line)
		if got := c.Events(); !slices.Equal(got, tt.want) {
			t.Errorf("events of %s = %q; want %q", tt.line, got, tt.want)
		}
	}
}

// What changes nothing is not journaled.
func TestNothingToWrite(t *testing.T) {
	c := open(t)
	c.Line("GEOADD g 1 1 a 2 2 b")
	c.Want("SET s x", "OK")
	before := c.Entries()
	for _, line := range []string{
		"GEOADD g 1 1 a", "GEOADD g CH 1 1 a 1 1 a", "GEOADD g NX 5 5 a", "GEOADD g XX 1 1 c",
		"GEOADD g 3 3 c 4 99 d", "GEOADD s 1 1 a", "GEOADD new XX 1 1 a",
		"GEORADIUS g 1 1 1000 km", "GEORADIUS none 1 1 1 km STORE d",
		"GEOSEARCHSTORE d g FROMLONLAT 90 1 BYRADIUS 1 km",
		"GEOSEARCHSTORE d s FROMLONLAT 90 1 BYRADIUS 1 km",
	} {
		c.Line(line)
		if got := c.Entries(); got != before {
			t.Fatalf("%s left %d batches; want none", line, got-before)
		}
	}
	c.Want("DBSIZE", "(integer) 2")
}

// What an expired key held is not found any more, and not in what comes after.
func TestExpired(t *testing.T) {
	c := open(t)
	c.Line("GEOADD g 1 1 a 2 2 b")
	c.Want("PEXPIRE g 1000", "(integer) 1")
	c.Want("GEOADD g 1 2 a", "(integer) 0")
	c.Want("PTTL g", "(integer) 1000")
	c.Advance(time.Second)
	c.Want("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1000 km", "[]")
	c.Want("GEOADD g XX 1 1 a", "(integer) 0")
	c.Want("GEOADD g 1 1 b", "(integer) 1")
	c.Want("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1000 km", `["b"]`)
	c.Want("PTTL g", "(integer) -1")
}

// Rows that NewTable doesn't refuse can still be wrong.
func TestTable(t *testing.T) {
	table := command.NewTable(geos.Table())
	for _, s := range table.All() {
		if s.Group != "geo" || s.Since == "" || s.Summary == "" || s.Keys.First != 1 || s.Complexity == "" ||
			!strings.HasPrefix(s.Syntax, "<") {
			t.Errorf("%s: group %q, since %q, summary %q, keys %v", s.Name, s.Group, s.Since,
				s.Summary, s.Keys)
		}
	}
	if got := len(table.All()); got != 10 {
		t.Errorf("%d commands; want 10", got)
	}
}
