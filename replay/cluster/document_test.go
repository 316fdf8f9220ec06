package cluster_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/replay/cluster"
)

// named returns an id of 40 characters.
func named(name string) string { return name + strings.Repeat("0", 40-len(name)) }

// line writes a node's line.
func line(name string, port int, rest string) string {
	return fmt.Sprintf("%s 10.0.0.1 %d %s", named(name), port, rest)
}

// A document is looked at as a whole before it is taken, and refused in Kvrocks's words.
func TestParseDocument(t *testing.T) {
	a, b := line("a", 1, "master - 0-99 200"), line("b", 2, "slave "+named("a"))
	var many []string
	for i := range cluster.MostNodes + 1 {
		many = append(many, line(fmt.Sprint("n", i, "x"), 1, "master -"))
	}
	for name, tt := range map[string]struct {
		text string
		want error // nil is that it is good
		same string
	}{
		"one":                   {a, nil, a},
		"two":                   {a + "\n" + b, nil, a + "\n" + b},
		"the slave first":       {b + "\n" + a + "\n", nil, b + "\n" + a},
		"other line ends":       {a + "\r\n" + b + "\r\n", nil, a + "\n" + b},
		"more spaces, a case":   {strings.ReplaceAll(strings.Replace(a, "master", "MASTER", 1), " ", "  "), nil, a},
		"ranges that touch":     {line("a", 1, "master - 5 0-4 6-7"), nil, line("a", 1, "master - 0-7")},
		"replica for slave":     {a + "\n" + line("b", 2, "replica "+named("a")), nil, a + "\n" + b},
		"the greatest number":   {strings.Join(many[1:], "\n"), nil, strings.Join(many[1:], "\n")},
		"nothing":               {"", cluster.ErrDocument, ""},
		"a blank line between":  {a + "\n\n" + b, cluster.ErrDocument, ""},
		"few words":             {named("a") + " 10.0.0.1 1 master", cluster.ErrDocument, ""},
		"a short id":            {"abc 10.0.0.1 1 master -", cluster.ErrNodeID, ""},
		"odd characters":        {strings.Repeat("\x01", 40) + " 10.0.0.1 1 master -", cluster.ErrNodeID, ""},
		"an odd host":           {named("a") + " ho\"st 1 master -", cluster.ErrDocument, ""},
		"a port that is none":   {named("a") + " h x master -", cluster.ErrPort, ""},
		"port 0":                {named("a") + " h 0 master -", cluster.ErrPort, ""},
		"port 65536":            {named("a") + " h 65536 master -", cluster.ErrPort, ""},
		"another role":          {named("a") + " h 1 boss -", cluster.ErrRole, ""},
		"a master that follows": {line("a", 1, "master "+named("b")), cluster.ErrNodeID, ""},
		"a slave of nobody":     {line("b", 2, "slave -"), cluster.ErrNodeID, ""},
		"an unknown master":     {a + "\n" + line("c", 2, "slave "+named("b")), cluster.ErrNodeID, ""},
		"a slave of a slave":    {a + "\n" + b + "\n" + line("c", 3, "slave "+named("b")), cluster.ErrNoMaster, ""},
		"a slave with slots":    {a + "\n" + b + " 300", cluster.ErrDocument, ""},
		"twice the same node":   {a + "\n" + line("a", 3, "master -"), cluster.ErrDocument, ""},
		"a slot twice":          {line("a", 1, "master - 5 5"), cluster.ErrOverlap, ""},
		"ranges that overlap":   {a + "\n" + line("b", 2, "master - 99-120"), cluster.ErrOverlap, ""},
		"a slot too high":       {line("a", 1, "master - 0-16384"), cluster.ErrRange, ""},
		"a range backwards":     {line("a", 1, "master - 5-4"), cluster.ErrRange, ""},
		"a slot that is none":   {line("a", 1, "master - -1"), cluster.ErrRange, ""},
		"a migrating slot":      {line("a", 1, "master - [5->-b]"), cluster.ErrRange, ""},
		"one node too many":     {strings.Join(many, "\n"), cluster.ErrDocument, ""},
		"too long":              {a + strings.Repeat(" ", cluster.MostDocument), cluster.ErrDocument, ""},
	} {
		d, err := cluster.ParseDocument(tt.text)
		if !errors.Is(err, tt.want) || err == nil && tt.want != nil {
			t.Errorf("%s: %v; want %v", name, err, tt.want)
		}
		if err == nil && d.Text() != tt.same {
			t.Errorf("%s is read as\n%s; want\n%s", name, d.Text(), tt.same)
		}
	}
}

// Whatever text comes, a document is refused or is what its own text is read as.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{"", line("a", 1, "master - 0-99 200"), line("a", 1, "master -") + "\n" + line("b", 2, "slave "+named("a")),
		line("a", 1, "master - 0-16383 5"), "\n\n", strings.Repeat("a", 300)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := cluster.ParseDocument(text)
		if err != nil {
			return
		}
		again, err := cluster.ParseDocument(d.Text())
		if err != nil || !reflect.DeepEqual(again, d) {
			t.Errorf("%q is read as %q, and that as %+v, %v", text, d.Text(), again, err)
		}
		if _, err := (&cluster.Chart{Self: d.Nodes[0].ID, Version: 1, Document: d, Leads: true}).Map(); err != nil {
			t.Errorf("the map of %q: %v", text, err)
		}
	})
}

// document reads a good document.
func document(t *testing.T, lines ...string) *cluster.Document {
	t.Helper()
	d, err := cluster.ParseDocument(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What has moved stays where it is until a document says that the controller has heard of it.
func TestTopology(t *testing.T) {
	first := document(t, line("a", 1, "master - 0-99"), line("b", 2, "master - 100-199"))
	heard := document(t, line("a", 1, "master - 0-49"), line("b", 2, "master - 50-199"))
	third := document(t, line("a", 1, "master - 0-49"), line("b", 2, "master - 100-199"), line("c", 3, "master - 50-99"))
	moved := slots(50, 99)
	pair := document(t, line("a", 1, "master - 0-99"), line("c", 3, "slave "+named("a")), line("b", 2, "master - 100-199"))
	failed := document(t, line("c", 3, "master - 0-99"), line("b", 2, "master - 100-199"))
	turned := document(t, line("c", 3, "master - 0-99"), line("a", 1, "slave "+named("c")), line("b", 2, "master - 100-199"))
	var none *cluster.Topology
	paired := none.Next(1, named("b"), pair, false).Took(moved)
	source, target := none.Next(1, named("a"), first, false), none.Next(1, named("b"), first, false)
	for name, tt := range map[string]struct {
		got  *cluster.Topology
		want string
	}{
		"the first document":              {source, "0-99"},
		"gave":                            {source.Gave(moved), "0-49"},
		"gave, the same again":            {source.Gave(moved).Next(2, named("a"), first, false), "0-49"},
		"gave, forced":                    {source.Gave(moved).Next(2, named("a"), first, true), "0-99"},
		"gave, heard":                     {source.Gave(moved).Next(2, named("a"), heard, false), "0-49"},
		"gave, heard, given back":         {source.Gave(moved).Next(2, named("a"), heard, false).Next(3, named("a"), first, false), "0-99"},
		"gave, took back":                 {source.Gave(moved).Took(slots(60, 69)), "0-49,60-69"},
		"took":                            {target.Took(moved), "50-199"},
		"took, the same again":            {target.Took(moved).Next(2, named("b"), first, false), "50-199"},
		"took, forced":                    {target.Took(moved).Next(2, named("b"), first, true), "100-199"},
		"took, heard":                     {target.Took(moved).Next(2, named("b"), heard, false), "50-199"},
		"took, heard, given back":         {target.Took(moved).Next(2, named("b"), heard, false).Next(3, named("b"), first, false), "100-199"},
		"took, given to another":          {target.Took(moved).Next(2, named("b"), third, false), "100-199"},
		"took, its giver failed over":     {paired.Next(2, named("b"), failed, false), "50-199"},
		"took, its giver switched over":   {target.Took(moved).Next(2, named("b"), turned, false), "50-199"},
		"took, failed over, and back":     {paired.Next(2, named("b"), failed, false).Next(3, named("b"), turned, false).Next(4, named("b"), pair, false), "50-199"},
		"took, failed over, then heard":   {paired.Next(2, named("b"), failed, false).Next(3, named("b"), heard, false), "50-199"},
		"gave, failed over":               {none.Next(1, named("a"), pair, false).Gave(moved).Next(2, named("c"), failed, false), "0-49"},
		"took, gave some":                 {target.Took(moved).Gave(slots(50, 59)), "60-199"},
		"a node that the document lacks":  {none.Next(1, "", first, false), ""},
		"gave, and the node is a replica": {source.Gave(moved).Next(2, named("b"), first, false), "100-199"},
	} {
		all := cluster.Shard{Slots: tt.got.Owned(nil, nil)}
		if got := journal.SlotsText(all.Ranges()); got != tt.want {
			t.Errorf("%s: slots %s; want %s", name, got, tt.want)
		}
		if back, err := cluster.ParseTopology(tt.got.Row()); err != nil || !reflect.DeepEqual(back, tt.got) {
			t.Errorf("%s: the row is read as %+v, %v; want %+v", name, back, err, tt.got)
		}
	}
	if _, err := cluster.ParseTopology(strings.Replace(source.Row(), "0-99", "0-099", 1)); err == nil {
		t.Error("a row in another form is taken")
	}
}

// The map is what the document says, but for what the node's journal knows better.
func TestChart(t *testing.T) {
	d := document(t, line("a", 1, "master - 0-99"), line("r", 4, "slave "+named("a")), line("b", 2, "master - 100-199"))
	moved := func(uint16) string { return named("b") }
	owned := func(last uint16) *cluster.Custody {
		return &cluster.Custody{Owned: []journal.OwnedRange{{SlotRange: journal.SlotRange{Last: last}, Epoch: 1}}}
	}
	for name, tt := range map[string]struct {
		c    cluster.Chart
		want string
	}{
		"a master":               {cluster.Chart{Self: named("a"), Leads: true, Owned: owned(99), Moved: moved}, "a! r 0-99; b! 100-199; serves 0, reads 0"},
		"a replica":              {cluster.Chart{Self: named("r"), Owned: owned(99), Moved: moved}, "a! r 0-99; b! 100-199; reads 0"},
		"a stranger":             {cluster.Chart{Self: named("x"), Leads: true}, "; a! r 0-99; b! 100-199; "},
		"a replica that leads":   {cluster.Chart{Self: named("r"), Leads: true, Owned: owned(99), Moved: moved}, "a! r 0-99; b! 100-199; "},
		"a master that follows":  {cluster.Chart{Self: named("a"), Owned: owned(99), Moved: moved}, "a! r 0-99; b! 100-199; "},
		"before it is journaled": {cluster.Chart{Self: named("a"), Leads: true}, "a! r 0-99; b! 100-199; "},
		"what has moved away":    {cluster.Chart{Self: named("a"), Leads: true, Owned: owned(49), Moved: moved}, "a! r 0-49; b! 50-199; serves 0, reads 0"},
		"what has come":          {cluster.Chart{Self: named("a"), Leads: true, Owned: owned(149), Moved: moved}, "a! r 0-149; b! 150-199; serves 0, reads 0"},
		"nobody knows whereto":   {cluster.Chart{Self: named("a"), Leads: true, Owned: owned(49), Moved: func(uint16) string { return "" }}, "a! r 0-49; b! 100-199; serves 0, reads 0"},
	} {
		tt.c.Document, tt.c.Version = d, 7
		m, err := tt.c.Map()
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, s := range m.Shards {
			words := []string{}
			for _, n := range s.Nodes {
				word := n.ID[:1]
				if n.Leads {
					word += "!"
				}
				words = append(words, word)
			}
			if len(s.Slots) > 0 {
				words = append(words, journal.SlotsText(s.Ranges()))
			}
			got.WriteString(strings.Join(words, " ") + "; ")
		}
		if m.Serves(0) {
			got.WriteString("serves 0, ")
		}
		if m.Own(0) {
			got.WriteString("reads 0")
		}
		if got.String() != tt.want || m.Epoch() != 7 || !m.External {
			t.Errorf("%s: %q at %d; want %q at 7", name, got.String(), m.Epoch(), tt.want)
		}
	}
}
