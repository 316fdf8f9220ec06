package replaytest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/crowdtest"
	"ledge/replay/value"
)

// ErrFails is what a random command returns that fails half-way.
var ErrFails = errors.New("this command fails")

// Random makes random commands and has the model do what they do.
type Random struct {
	*rand.Rand
	// Model is what the state should hold once everything made so far is
	// applied.
	Model Model
	// Keys is how many names there are; few make them meet often.
	Keys int
	// Crowd has some of them stand at one position.
	Crowd bool
	// Check has each command compare its draft with the model.
	Check testing.TB
}

// NewRandom returns a source with an empty model.
func NewRandom(seed uint64, databases, keys int) *Random {
	return &Random{Rand: rand.New(rand.NewPCG(seed, 1)), Model: NewModel(databases), Keys: keys}
}

func (r *Random) key() string {
	n := r.IntN(r.Keys)
	switch {
	case n%3 == 0: // some share a slot
		return fmt.Sprintf("{%c}%d", 'a'+n%4, n)
	case n%4 == 1 && r.Crowd: // and some a position
		return crowdtest.Key(n)
	}
	return fmt.Sprintf("key:%d", n)
}

func (r *Random) db() journal.DB { return journal.DB(r.IntN(len(r.Model))) }

func (r *Random) value() string { return fmt.Sprintf("%x", r.Uint64()>>r.IntN(64)) }

// Command returns a command of a few effects. One in six fails half-way.
func (r *Random) Command() Command {
	return func(d *replay.Draft) error {
		before := r.Model.Clone()
		for range 1 + r.IntN(4) {
			if err := r.effect(d); err != nil {
				return err
			}
		}
		if r.Check != nil {
			r.Model.Compare(r.Check, &d.View, r.db(), 1+r.IntN(20))
		}
		if r.IntN(6) == 0 {
			r.Model = before
			return ErrFails
		}
		return nil
	}
}

// effect makes one random change to the draft and the model.
func (r *Random) effect(d *replay.Draft) error {
	db, key, now := r.db(), r.key(), d.Now()
	d.Select(db)
	rows := r.Model[db]
	cur, live := r.Model.Live(db, key, now)
	name := []byte(key)
	switch n := r.IntN(100); {
	case n < 35:
		v := Value{Val: r.value()}
		if r.IntN(3) == 0 {
			v.At = now + 1 + r.Int64N(5000)
		}
		rows[key] = v
		return d.SetString(name, []byte(v.Val), v.At)
	case n < 45:
		off, data := r.IntN(20), r.value()
		return r.edit(d, db, key, off, data)
	case n < 60:
		got, err := d.Delete(name)
		if err == nil && got != live {
			err = fmt.Errorf("Delete(%q) = %v; want %v", key, got, live)
		}
		if live {
			delete(rows, key)
		}
		return err
	case n < 75:
		if !live {
			return nil
		}
		at := int64(0)
		if r.IntN(4) > 0 {
			at = now - 500 + r.Int64N(4000)
		}
		if cur.At = at; at != 0 && at <= now {
			delete(rows, key)
		} else {
			rows[key] = cur
		}
		return d.Expire(name, at)
	case n < 83:
		return r.move(d, db, key, live)
	case n < 90:
		to, toDB := r.key(), r.db()
		if !live {
			return nil
		}
		r.Model[toDB][to] = cur
		return d.Copy(name, toDB, []byte(to))
	case n < 94:
		a, b := r.db(), r.db()
		r.Model[a], r.Model[b] = r.Model[b], r.Model[a]
		return d.Swap(a, b)
	case n < 96:
		clear(rows)
		return d.Clear(db)
	default:
		return r.clearSlots(d, db)
	}
}

func (r *Random) edit(d *replay.Draft, db journal.DB, key string, off int, data string) error {
	cur, live := r.Model.Live(db, key, d.Now())
	if !live {
		cur = Value{}
	}
	b := make([]byte, max(len(cur.Val), off+len(data)))
	copy(b, cur.Val)
	copy(b[off:], data)
	r.Model[db][key] = Value{string(b), cur.At}
	return d.EditString([]byte(key), int64(off), []byte(data))
}

func (r *Random) move(d *replay.Draft, db journal.DB, key string, live bool) error {
	to, toDB := r.key(), r.db()
	if !live {
		return nil
	}
	cur := r.Model[db][key]
	if db != toDB || key != to {
		delete(r.Model[db], key)
		r.Model[toDB][to] = cur
	}
	return d.Rename([]byte(key), toDB, []byte(to))
}

// clearSlots clears a range that begins or ends at a slot in use.
func (r *Random) clearSlots(d *replay.Draft, db journal.DB) error {
	first := value.Slot(r.key())
	last := min(first+uint16(r.IntN(6000)), journal.MaxSlot)
	if r.IntN(2) == 0 {
		last = first
	}
	for key := range r.Model[db] {
		if s := value.Slot(key); first <= s && s <= last {
			delete(r.Model[db], key)
		}
	}
	if r.IntN(2) == 0 {
		return d.ClearSlots(db, first, last)
	}
	for done := false; !done; {
		var err error
		if _, done, err = d.ClearStep(db, []journal.SlotRange{{First: first, Last: last}}, 1+r.IntN(5)); err != nil {
			return err
		}
	}
	return nil
}

// Fresh returns a name and gives it to database 0 of the model.
func (r *Random) Fresh() string {
	key := r.key()
	r.Model[0][key] = Value{Val: "some value"}
	return key
}
