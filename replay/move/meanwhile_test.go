package move_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/move"
	"ledge/replay/value"
)

// meddler changes keys at random in each moment of a copy: keys are renamed and copied into
// the slots that move, within them and out of them, slots are cleared in part or as a whole,
// and values come that take many pieces.
type meddler struct {
	*rand.Rand
	s    *shard
	left int
}

func (m *meddler) key() []byte {
	if n := m.IntN(300); n < 60 {
		return fmt.Appendf(nil, "{%d}%d", n%4, n) // many in one slot
	} else {
		return fmt.Append(nil, "k", n)
	}
}

// change is one command.
func (m *meddler) change(d *replay.Draft) error {
	key, to := m.key(), m.key()
	if c := d.Custody(); !c.Owns(value.Slot(string(key))) || !c.Owns(value.Slot(string(to))) {
		return errAway
	}
	there := d.Type(key) != value.None
	switch n := m.IntN(100); {
	case n < 30:
		return write(d, string(key), m.IntN(1000))
	case n < 33:
		return m.large(d, key)
	case n < 55 && there && string(key) != string(to):
		return d.Rename(key, 0, to)
	case n < 75 && there && string(key) != string(to):
		return d.Copy(key, 0, to)
	case n < 80:
		_, err := d.Delete(key)
		return err
	case n < 90 && there:
		return d.Expire(key, d.Now()+int64(m.IntN(40))+1)
	case !d.Custody().Owns(someSlots[0].First): // nothing is cleared that has gone
	case n == 98:
		_, _, err := d.ClearStep(0, someSlots, 5)
		return err
	case n == 99 && m.IntN(4) == 0:
		return d.ClearSlots(0, uint16(m.IntN(8000)), uint16(8000+m.IntN(8000)))
	case n == 97 && m.IntN(10) == 0:
		return d.ClearSlots(0, 0, journal.MaxSlot)
	}
	return nil
}

// large makes a collection that takes more than a piece.
func (m *meddler) large(d *replay.Draft, key []byte) error {
	if _, err := d.Delete(key); err != nil {
		return err
	}
	var items [][]byte
	for i := range 2 * (1500 + m.IntN(8000)) {
		items = append(items, fmt.Appendf(nil, "%0128d", i))
	}
	if m.IntN(2) == 0 {
		_, err := d.Push(key, false, items)
		return err
	}
	if _, err := d.SetFields(key, 0, items); err != nil {
		return err
	}
	return d.ExpireFields(key, 5e12, items[:2])
}

// Whatever is done to keys while they are copied, the target has in the end what the source
// has: it never has to begin anew, which it would if it had anything else.
func TestMoveMeanwhile(t *testing.T) {
	seed := *roundSeed
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	t.Logf("-roundseed %d", seed)
	n := 12
	if testing.Short() {
		n = 4
	}
	for i := range n {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			meanwhile(t, seed+uint64(i))
		})
	}
}

func meanwhile(t *testing.T, seed uint64) {
	w, a, b := pair(t)
	m := &meddler{rand.New(rand.NewPCG(seed, 9)), a, 40}
	for range 600 {
		_ = a.n.Do(m.change)
	}
	sweeping, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for _, s := range []*shard{a, b} {
		wg.Go(func() { s.n.Sweep(sweeping, s.n.Writer, s.n.Clock.Now, func(int) {}) })
	}
	another := &meddler{rand.New(rand.NewPCG(seed, 10)), a, 250}
	began := make(chan struct{})
	wg.Go(func() { // also while a piece is being made
		<-began
		for ; another.left > 0; another.left-- {
			_ = a.n.Do(another.change)
		}
	})
	fails := func(subject string, done bool) error {
		if subject == move.SubjectFetch && !done && m.left > 0 {
			m.left--
			for range m.IntN(30) {
				_ = a.n.Do(m.change)
			}
			a.n.Clock.Add(time.Duration(m.IntN(10)) * time.Millisecond)
			b.n.Clock.Add(time.Duration(m.IntN(10)) * time.Millisecond)
		}
		return nil
	}
	w.fails.Store(&fails)
	id := begin(t, a, b, someSlots)
	close(began)
	moved(t, id, a, b)
	if p := b.mover.Moves()[0]; p.Begins > 0 || a.mover.Stats().Differed > 0 {
		t.Errorf("seed %d: the copy has begun anew %d times; want never: %+v", seed, p.Begins, p)
	}
	custody(t, w)
	cleared(t, a, b)
}
