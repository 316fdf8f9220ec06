package replay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// Thousands of keys come and go, databases are swapped and cleared, while
// KeepOrder brings the trees up to date and a reader asks for the order: each
// reading has every key that stands, once, and the state checks at the end.
func TestKeepOrder(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	rnd := rand.New(rand.NewPCG(seed(t), 1))
	ctx, cancel := context.WithCancel(context.Background())
	var keeper sync.WaitGroup
	keeper.Go(func() { n.KeepOrder(ctx) })
	defer keeper.Wait()
	defer cancel()
	for round := range 60 {
		cmds := make([]replaytest.Command, 0, 400)
		for range 400 {
			key := fmt.Appendf(nil, "key:%d", rnd.IntN(8000))
			del := rnd.IntN(4) == 0
			cmds = append(cmds, func(d *replay.Draft) error {
				d.Select(journal.DB(len(key) % 2))
				if del {
					_, err := d.Delete(key)
					return err
				}
				return d.SetString(key, []byte("x"), 0)
			})
		}
		switch round % 20 {
		case 7:
			cmds = append(cmds, func(d *replay.Draft) error { return d.Swap(0, 1) })
		case 13:
			cmds = append(cmds, func(d *replay.Draft) error { return d.Clear(0) })
		}
		n.Must(cmds...)
		if round%3 == 0 {
			checkOrder(t, n)
		}
	}
}

// checkOrder compares what a reader sees in order with how many keys there are.
func checkOrder(t *testing.T, n *replaytest.Node) {
	t.Helper()
	err := n.View(n.Clock.Now(), func(v *replay.View) error {
		for db := range journal.DB(2) {
			v.Select(db)
			seen := make(map[string]bool)
			for cursor, more := uint64(0), true; more; more = cursor != 0 {
				cursor = v.Scan(cursor, 100, func(key string, _ value.Type) {
					if seen[key] {
						t.Errorf("database %d: %q is there twice", db, key)
					}
					seen[key] = true
				})
			}
			if len(seen) != v.Len(db) {
				t.Errorf("database %d: %d keys in order; want %d", db, len(seen), v.Len(db))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
