package compat_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/respd/resp"
)

// eventClasses are all that Redis 7.0 has, but for misses: those are noted by
// commands that read, and by SORT in an order of chance.
const eventClasses = "KEAn"

// ears hear the keyspace events of both servers: which of them a command notes
// is part of what it does.
type ears struct {
	conns [2]*client
	marks int
}

// listen has both servers tell their events.
func (p *pair) listen(t *testing.T) {
	t.Helper()
	p.ears = &ears{}
	for i, addr := range p.addrs {
		if v := p.one(t, i, "CONFIG", "SET", "notify-keyspace-events", eventClasses); v.IsError() {
			t.Fatalf("CONFIG SET: %v", v)
		}
		c := connect(t, addr, 2)
		if v, err := c.do([]string{"PSUBSCRIBE", "__key*", "mark"}); err != nil || v.IsError() {
			t.Fatalf("PSUBSCRIBE: %v, %v", v, err)
		}
		if _, err := c.r.ReadValue(); err != nil { // the answer for the second pattern
			t.Fatal(err)
		}
		p.ears.conns[i] = c
	}
}

// one runs a command of the test's own on one server.
func (p *pair) one(t *testing.T, i int, args ...string) resp.Value {
	t.Helper()
	return (&both{t: t, link: p.links[boss]}).one(i, args...)
}

// heard returns the events of each server since it was asked last. A message of
// our own comes after them.
func (p *pair) heard(t *testing.T) (want, got []string) {
	t.Helper()
	p.ears.marks++
	mark := strconv.Itoa(p.ears.marks)
	var lists [2][]string
	for i, c := range p.ears.conns {
		p.one(t, i, "PUBLISH", "mark", mark)
		_ = c.nc.SetDeadline(time.Now().Add(30 * time.Second))
		for {
			v, err := c.r.ReadValue()
			if err != nil {
				t.Fatalf("events: %v", err)
			}
			m := v.Elems()
			if len(m) != 4 {
				t.Fatalf("events: %v", v)
			}
			if m[2].Str() == "mark" && m[3].Str() == mark {
				break
			}
			lists[i] = append(lists[i], m[2].Str()+" "+m[3].Str())
		}
	}
	return lists[0], lists[1]
}

// compareEvents compares what a batch has caused. The difference is that of the
// whole batch.
func (p *pair) compareEvents(t *testing.T) *difference {
	want, got := p.heard(t)
	for i := range max(len(want), len(got)) {
		w, g := at(want, i), at(got, i)
		if w == g {
			continue
		}
		return &difference{
			turn: turn{req: request{args: []string{"(events)"}}},
			keys: slices.Concat(strings.Fields(w), strings.Fields(g)),
			want: fmt.Sprintf("%q in %q", w, around(want, i)),
			got:  fmt.Sprintf("%q in %q", g, around(got, i)),
		}
	}
	return nil
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

func around(list []string, i int) []string {
	return list[min(max(i-2, 0), len(list)):min(i+4, len(list))]
}
