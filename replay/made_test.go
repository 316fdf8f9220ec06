package replay

// What a draft has made is put in place by its own group's Apply, and by nothing
// else: late, when an append was in doubt, and in the right order, when commands
// were taken back in between.

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/value"
)

// grow returns a step that changes one of each type of value under names that end
// in n.
func grow(n int) func(d *Draft) {
	return func(d *Draft) {
		name := func(s string) []byte { return fmt.Appendf(nil, "%s%d", s, n) }
		var elems [][]byte
		var scored []value.Scored
		for i := range 200 {
			elems = append(elems, fmt.Appendf(nil, "%d", i))
			scored = append(scored, value.Scored{Member: elems[i], Score: float64(i)})
		}
		_, hashed := d.SetFields(name("hash"), 0, elems)
		_, pushed := d.Push(name("list"), false, elems)
		_, added := d.AddMembers(name("set"), elems)
		if err := errors.Join(d.SetString(name("string"), []byte("v"), 0), hashed, pushed, added,
			d.SetScores(name("zset"), scored)); err != nil {
			panic(err)
		}
		d.Seal(nil)
	}
}

// push returns a step that changes a list by one item.
func push(key string) func(d *Draft) {
	return func(d *Draft) {
		if _, err := d.Push([]byte(key), true, [][]byte{[]byte("item")}); err != nil {
			panic(err)
		}
		d.Seal(nil)
	}
}

// relocate returns a step that puts what key holds under another key.
func relocate(do func(d *Draft, key []byte, n journal.DB, to []byte) error, key, to string) func(d *Draft) {
	return func(d *Draft) {
		if err := do(d, []byte(key), 0, []byte(to)); err != nil {
			panic(err)
		}
		d.Seal(nil)
	}
}

// takenBack is step as a command that fails.
func takenBack(step func(d *Draft)) func(d *Draft) {
	return func(d *Draft) {
		m := d.Mark()
		if err := d.SetString([]byte("lost"), []byte("v"), 0); err != nil {
			panic(err)
		}
		if _, err := d.AddMembers([]byte("set1"), [][]byte{[]byte("lost")}); err != nil {
			panic(err)
		}
		d.Undo(m)
		step(d)
	}
}

// batch returns what g has drafted, as stored in the journal.
func batch(t *testing.T, s *State, log *journal.Log, es []journal.Entry) journal.Committed {
	t.Helper()
	c, err := log.Append(t.Context(), journal.Batch{Epoch: 1, Prev: s.Pos().Digest, Entries: es})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMadeIsPutInPlace(t *testing.T) {
	for name, steps := range map[string][]func(*Draft){
		"one command":        {grow(1)},
		"many on other keys": {grow(1), grow(2), grow(3)},
		"many on the same":   {grow(1), grow(1), grow(1)},
		"one that is moved": {push("list1"), push("list1"), relocate((*Draft).Rename, "list1", "list2"), push("list2"),
			push("list1"), relocate((*Draft).Rename, "list2", "list1"), push("list1")},
		"one that is copied": {push("list1"), push("list1"), relocate((*Draft).Copy, "list1", "list2"), push("list2"),
			push("list1"), push("list2")},
		"one that is taken back":  {push("list1"), takenBack(push("list1")), push("list1")},
		"after one that fails":    {grow(1), takenBack(grow(2)), grow(1)},
		"first one that fails":    {takenBack(grow(1)), grow(2)},
		"effects without a value": {grow(1), func(d *Draft) { _, _ = d.Delete([]byte("list1")); d.Seal(nil) }, grow(2)},
	} {
		t.Run(name, func(t *testing.T) {
			s, g := panicState(t)
			log := newPanicLog(t)
			if _, err := evaluate(g, steps...); err != nil {
				t.Fatal(err)
			}
			c := batch(t, s, log, g.Entries())
			// Others evaluate meanwhile, as reads do while an append is in doubt.
			if _, err := evaluate(s.NewGroup(1<<20), grow(1), takenBack(grow(2))); err != nil {
				t.Fatal(err)
			}
			if err := g.Apply(c); err != nil {
				t.Fatal(err)
			}
			wantPlaced(t, s, g)
			// The batch alone leads to the same.
			again, _ := panicState(t)
			for c, err := range log.Read(t.Context(), 1) {
				if err == nil {
					err = again.Apply(c)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if again.Pos() != s.Pos() {
				t.Errorf("the journal leads to %v; want %v", again.Pos(), s.Pos())
			}
			// The nodes that were replaced are the room of the next groups.
			for range 3 {
				if _, err := evaluate(g, grow(1), grow(2)); err != nil {
					t.Fatal(err)
				}
				if err := g.Apply(batch(t, s, log, g.Entries())); err != nil {
					t.Fatal(err)
				}
				if err := s.Check(); err != nil {
					t.Fatal(err)
				}
			}
			if s.nodes.Len() == 0 {
				t.Error("no node is kept for the next group")
			}
		})
	}
}

// wantPlaced checks that the state holds the very blocks and bodies that the draft
// has made last under each key.
func wantPlaced(t *testing.T, s *State, g *Group) {
	t.Helper()
	blocks, bodies := map[string]*value.Block{}, map[string]value.Body{}
	i := 0
	for _, e := range g.draft.entries {
		for _, op := range e.Ops {
			_, key := journal.KeyOf(op)
			blocks[key], bodies[key] = g.draft.made[i].block, g.draft.made[i].body
			i++
		}
	}
	if i != len(g.draft.made) {
		t.Errorf("%d effects, and something made for %d", i, len(g.draft.made))
	}
	for key, b := range blocks {
		at := s.dbs[0].dict.get(key, value.Sum(key))
		switch {
		case at == nil && (b != nil || bodies[key] != nil):
			t.Errorf("%q is not there", key)
		case b != nil && at != b:
			t.Errorf("%q has another block than the one that was made", key)
		case bodies[key] != nil && value.RecordOf(at).Body != bodies[key]:
			t.Errorf("%q has another body than the one that was made", key)
		}
	}
}

// What was made goes with the batch that it was made for, and with no other.
func TestApplyOfAnotherBatch(t *testing.T) {
	s, g := panicState(t)
	log := newPanicLog(t)
	if _, err := evaluate(g, grow(1)); err != nil {
		t.Fatal(err)
	}
	other := []journal.Entry{{At: time.UnixMilli(1), Ops: []journal.Op{&journal.KeyDelete{Key: "k"}}}}
	copied := append([]journal.Entry(nil), g.Entries()...)
	for name, es := range map[string][]journal.Entry{"none": nil, "another": other, "a copy": copied} {
		at := s.Pos()
		c := batch(t, s, log, es)
		if err := g.Apply(c); !errors.Is(err, errNotDrafted) || fault.Of(err) != fault.Fatal {
			t.Errorf("%s: Apply = %v; want a Fatal error", name, err)
		}
		if s.Pos() != at {
			t.Errorf("%s: the state is at %v; want %v", name, s.Pos(), at)
		}
		log = newPanicLog(t)
	}
}

// A SET costs its block, and a share of what many of them get together. Whatever a
// draft makes for Apply, and notes about it, has room that is used again.
func TestSetAllocates(t *testing.T) {
	s, g := panicState(t)
	keys := make([][]byte, 2000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key:%d", i)
	}
	sets := func(n int) func() {
		p := proposed(func(d *Draft) {
			for _, key := range keys[:n] {
				if err := d.SetString(key, key, 0); err != nil {
					panic(err)
				}
				d.Seal(nil)
			}
		})
		return func() {
			if _, _, err := g.Evaluate(time.UnixMilli(1000), 0, []Proposal{p}); err != nil {
				t.Fatal(err)
			}
		}
	}
	most := sets(len(keys))
	most() // for the room
	all, half := testing.AllocsPerRun(20, most), testing.AllocsPerRun(20, sets(len(keys)/2))
	if each := (all - half) / float64(len(keys)/2); each > 1.1 {
		t.Errorf("a SET allocates %.2f times; want 1 for its block, and a little", each)
	}
	if s.Pos() != (journal.Pos{}) {
		t.Errorf("evaluating has changed the state to %v", s.Pos())
	}
}
