package replay_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// Fields that have expired are swept, and whoever listens hears of it: once for
// a hash, and of the hash too when nothing is left of it.
func TestSweepFields(t *testing.T) {
	told := make(chan events.Event, 16)
	n := replaytest.Open(t, 2, writer.Config{
		Wanted: func() events.Class { return events.Hash | events.Generic },
		Events: func(es []events.Event) {
			for _, e := range es {
				told <- e
			}
		},
	})
	at := n.Clock.Now().UnixMilli() + 1000
	fields := func(key string, at int64, names ...string) replaytest.Command {
		return func(d *replay.Draft) error {
			d.Select(1)
			var pairs [][]byte
			for _, name := range names {
				pairs = append(pairs, []byte(name), []byte("v"))
			}
			_, err := d.SetFields([]byte(key), at, pairs)
			return err
		}
	}
	n.Must(fields("some", at, "a", "b"), fields("some", 0, "c"), fields("all", at+1, "a", "b"))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.Writer.Sweep(ctx, func(int) {})
	}()
	n.Clock.Add(1500 * time.Millisecond)
	var got []string
	for range 3 {
		e := <-told
		got = append(got, fmt.Sprintf("%s %s %d", e.Name, e.Key, e.DB))
	}
	cancel()
	<-ended
	if want := []string{"hexpired some 1", "hexpired all 1", "del all 1"}; !slices.Equal(got, want) {
		t.Errorf("events = %q; want %q", got, want)
	}
	n.Read(t, func(v *replay.View) {
		v.Select(1)
		h, _ := v.Hash([]byte("some"))
		if h.Len() != 1 || !h.Direct() || v.Exists([]byte("all")) {
			t.Errorf("%d fields left, direct: %v, the other exists: %v; want 1, true, false",
				h.Len(), h.Direct(), v.Exists([]byte("all")))
		}
	})
}
