package move_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/replay/value"
)

// What clients write by one entry may be as long as an entry may be, and come when much else
// is to be sent. It goes into the target's entries.
func TestMoveLongEntries(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 50)
	noEnd := func(subject string, _ bool) error {
		if subject == move.SubjectEnd {
			return errAway
		}
		return nil
	}
	w.fails.Store(&noEnd)
	id := begin(t, a, b, someSlots)
	until(t, "copied", func() bool { m := b.n.Moves(); return len(m) > 0 && m[0].Cursor > uint64(journal.MaxPosition) },
		func() any { return standing([]*shard{a, b}) })
	long := inSlots("long", 3)
	a.n.Must( // one group, one batch
		func(d *replay.Draft) error {
			return d.SetString([]byte(long[0]), bytes.Repeat([]byte("x"), 900<<10), 0)
		},
		func(d *replay.Draft) error {
			for _, key := range long[1:] {
				if err := d.SetString([]byte(key), bytes.Repeat([]byte("y"), 8<<20-len(key)-200), 0); err != nil {
					return err
				}
			}
			return nil
		})
	// One effect that has all the room of an entry.
	room := journal.MaxEntry - journal.EntryOverhead - journal.MaxWho
	op := &journal.ListPush{Key: inSlots("list", 1)[0]}
	var sizer journal.Sizer
	for sizer.Size(op)+(1<<20)+16 < room {
		op.Items = append(op.Items, strings.Repeat("z", 1<<20))
	}
	op.Items = append(op.Items, strings.Repeat("z", room-sizer.Size(op)-16))
	items := make([][]byte, len(op.Items))
	for i, item := range op.Items {
		items[i] = []byte(item)
	}
	a.n.Must(func(d *replay.Draft) error { _, err := d.Push([]byte(op.Key), false, items); return err })
	before := rows(t, a, true)
	w.fails.Store(nil)
	moved(t, id, a, b)
	same(t, before, a, b)
}

// inSlots returns names of keys in the slots that move.
func inSlots(prefix string, n int) (keys []string) {
	of := cluster.Move{Ranges: someSlots}
	for i := 0; len(keys) < n; i++ {
		if key := fmt.Sprint(prefix, i); of.Has(value.Slot(key)) {
			keys = append(keys, key)
		}
	}
	return keys
}

// same checks that two shards have together what one had before, each key where its slot is
// owned.
func same(t *testing.T, before map[string]string, a, b *shard) {
	t.Helper()
	got := rows(t, a, true)
	there := rows(t, b, true)
	if len(there) == 0 {
		t.Error("nothing has moved")
	}
	for key, val := range there {
		got[key] = val
	}
	for key, val := range before {
		if got[key] != val {
			t.Errorf("%s = %.80s; want %.80s", key, got[key], val)
		}
	}
	if len(got) != len(before) {
		t.Errorf("%d keys; want %d", len(got), len(before))
	}
	cleared(t, a, b)
}

// Slots move with all kinds of what they may hold: no names, binary ones, deadlines, values
// as long as they may be, collections that take many pieces, and many keys in one slot.
func TestMoveAllKinds(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	tag := inSlots("tag", 1)[0]
	name := func(s string) []byte { return []byte("{" + tag + "}" + s) }
	all := []journal.SlotRange{{First: 0, Last: 16000}}
	n := a.n
	n.Must(
		func(d *replay.Draft) error { return d.SetString(nil, []byte("no name"), 0) },
		func(d *replay.Draft) error { return d.SetString([]byte("\x00\xff{\r\n"), nil, 5e12) },
		func(d *replay.Draft) error {
			return d.SetString(name("max"), bytes.Repeat([]byte("m"), 8<<20-100), 5e12)
		},
		func(d *replay.Draft) error {
			_, err := d.Push(name("empty items"), false, [][]byte{nil, {}, []byte("x")})
			return err
		},
		func(d *replay.Draft) error {
			_, err := d.SetFields(name("no field"), 0, [][]byte{nil, nil, []byte("f"), nil})
			return err
		})
	for i := range 300 { // 100k keys in one slot, and 300 times a part of each collection
		n.Must(func(d *replay.Draft) error { return grow(d, name, i) })
	}
	for _, key := range []string{"list", "hash", "set", "zset"} {
		n.Must(func(d *replay.Draft) error { return d.Expire(name(key), 6e12) })
	}
	before := content(t, a, all)
	id := begin(t, a, b, all)
	moved(t, id, a, b)
	if got := content(t, b, all); got.Keys != before.Keys || got.Digest != before.Digest {
		t.Errorf("%d keys with digest %s; want %d with %s", got.Keys, got.Digest, before.Keys, before.Digest)
	}
	if left := content(t, a, all); left.Keys != 0 {
		t.Errorf("%d keys are left; want none", left.Keys)
	}
	if p := b.mover.Moves()[0]; p.Begins > 0 {
		t.Errorf("the copy has begun anew %d times; want never", p.Begins)
	}
}

// grow adds a part to each collection, and keys to a slot.
func grow(d *replay.Draft, name func(string) []byte, part int) error {
	var items, pairs, members [][]byte
	var scores []value.Scored
	for i := range 1000 {
		item := fmt.Appendf(nil, "%d-%d", part, i)
		items, pairs = append(items, item), append(pairs, item, []byte("v"))
		if i < 400 {
			members, scores = append(members, item), append(scores, value.Scored{Score: float64(part) / 3, Member: item})
		}
		if i < 333 {
			if err := d.SetString(name(string(item)), item, 0); err != nil {
				return err
			}
		}
	}
	if part < 200 {
		if _, err := d.Push(name("list"), part%2 == 0, items); err != nil {
			return err
		}
	}
	if _, err := d.SetFields(name("hash"), 0, pairs); err != nil {
		return err
	}
	if err := d.ExpireFields(name("hash"), 5e12+int64(part%7), items[:100]); err != nil {
		return err
	}
	if _, err := d.AddMembers(name("set"), members); err != nil {
		return err
	}
	return d.SetScores(name("zset"), scores)
}

// content returns what slots hold at a shard.
func content(t *testing.T, s *shard, ranges []journal.SlotRange) (c cluster.Content) {
	t.Helper()
	n, _ := s.up()
	n.Read(t, func(v *replay.View) { c = v.Slots(ranges) })
	return c
}
