package replaytest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/value"
)

// Value is what a key holds in a model.
type Value struct {
	Val string
	At  int64 // deadline in Unix milliseconds; 0 is none
}

// Model is what a state should hold, rows that have expired included: one map
// for each database.
type Model []map[string]Value

// NewModel returns an empty model.
func NewModel(databases int) Model {
	m := make(Model, databases)
	for i := range m {
		m[i] = make(map[string]Value)
	}
	return m
}

// Clone returns a copy that shares nothing.
func (m Model) Clone() Model {
	c := make(Model, len(m))
	for i := range m {
		c[i] = maps.Clone(m[i])
	}
	return c
}

// Live returns a key's value unless it has expired.
func (m Model) Live(db journal.DB, key string, now int64) (Value, bool) {
	v, ok := m[db][key]
	return v, ok && (v.At == 0 || v.At > now)
}

// LiveKeys returns the keys of a database that have not expired, in order.
func (m Model) LiveKeys(db journal.DB, now int64) []string {
	var keys []string
	for key := range m[db] {
		if _, ok := m.Live(db, key, now); ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Dump returns everything that a state holds.
func Dump(tb testing.TB, s *replay.State) Model {
	tb.Helper()
	m := NewModel(s.Databases())
	err := s.View(time.UnixMilli(0), func(v *replay.View) error { // nothing has expired yet
		for i := range m {
			db := journal.DB(i)
			v.Select(db)
			v.Each(func(key string, _ value.Type) bool {
				at, _ := v.Deadline([]byte(key))
				m[i][key] = Value{Show(tb, v, key), at}
				return true
			})
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// Diff says how two models differ, or "".
func (m Model) Diff(want Model) string {
	for i := range want {
		for key, w := range want[i] {
			if g, ok := m[i][key]; !ok || g != w {
				return fmt.Sprintf("database %d: %q holds %.80v, %v; want %.80v", i, key, g, ok, w)
			}
		}
		for key := range m[i] {
			if _, ok := want[i][key]; !ok {
				return fmt.Sprintf("database %d: %q is there; want it not to be", i, key)
			}
		}
	}
	return ""
}

// Compare checks all that a view of one database says against the model.
func (m Model) Compare(tb testing.TB, v *replay.View, db journal.DB, count int) {
	tb.Helper()
	v.Select(db)
	now, live := v.Now(), m.LiveKeys(db, v.Now())
	for key := range m[db] {
		want, ok := m.Live(db, key, now)
		if !ok {
			want = Value{}
		}
		got, had, err := v.GetString([]byte(key))
		if at, there := v.Deadline([]byte(key)); got != want.Val || at != want.At ||
			had != ok || there != ok || err != nil {
			tb.Errorf("database %d: %q holds %.80q until %d, %v, %v; want %.80q until %d, %v",
				db, key, got, at, had, err, want.Val, want.At, ok)
		}
	}
	if got := v.Len(db); got != len(m[db]) {
		tb.Errorf("Len(%d) = %d; want %d", db, got, len(m[db]))
	}
	var each []string
	v.Each(func(key string, _ value.Type) bool { each = append(each, key); return true })
	m.compareKeys(tb, "Each", db, each, live)
	var scanned []string
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		cursor = v.Scan(cursor, count, func(key string, _ value.Type) { scanned = append(scanned, key) })
	}
	m.compareKeys(tb, "Scan", db, scanned, live)
	key, ok := v.RandomKey()
	if ok != (len(live) > 0) || ok && !slices.Contains(live, key) {
		tb.Errorf("RandomKey of database %d = %q, %v; want one of %q", db, key, ok, live)
	}
}

func (m Model) compareKeys(tb testing.TB, what string, db journal.DB, got, want []string) {
	tb.Helper()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		tb.Errorf("%s of database %d = %q; want %q", what, db, got, want)
	}
}
