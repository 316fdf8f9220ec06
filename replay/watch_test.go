package replay_test

import (
	"testing"
	"time"

	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/watch"
	"ledge/replay/writer"
)

// A watched key is dirty when it has changed or expired since, and not when
// another has. Each case watches "k" of database 0, which holds "v" until 2 s
// from then; "gone" has expired and not been swept; "none" isn't there.
func TestWatch(t *testing.T) {
	tests := []struct {
		name, key string
		do        replaytest.Command
		wait      time.Duration
		want      bool
	}{
		{"nothing", "k", nil, 0, false},
		{"another key", "k", set(0, "x"), 0, false},
		{"same key elsewhere", "k", set(1, "k"), 0, false},
		{"set", "k", set(0, "k"), 0, true},
		{"set to the same", "k", setAll(0, "k", "v"), 0, true},
		{"created", "none", set(0, "none"), 0, true},
		{"delete", "k", del("k"), 0, true},
		{"delete nothing", "none", del("none"), 0, false},
		{"deadline", "k", expire("k", 0), 0, true},
		{"expiry", "k", nil, 3 * time.Second, true},
		{"almost expiry", "k", nil, time.Second, false},
		{"rename away", "k", rename("k", "x"), 0, true},
		{"rename onto", "k", rename("other", "k"), 0, true},
		{"rename of another", "k", rename("other", "x"), 0, false},
		{"clear", "k", clearDB(0), 0, true},
		{"clear of nothing", "none", clearDB(0), 0, false},
		{"clear of another", "k", clearDB(1), 0, false},
		{"clear of its slot", "k", clearSlot("k"), 0, true},
		{"clear of another slot", "k", clearSlot("x"), 0, false},
		{"swap away", "k", swap(0, 1), 0, true},
		{"swap in", "one", swap(0, 1), 0, true},
		{"swap of nothing", "none", swap(0, 1), 0, false},
		{"swap of others", "k", swap(1, 2), 0, false},
		{"expired before", "gone", nil, time.Second, false},
		{"expired before, removed", "gone", clearSlot("gone"), 0, false},
		{"expired before, cleared", "gone", clearDB(0), 0, false},
		{"expired before, swapped away", "gone", swap(0, 1), 0, false},
		{"expired before, swapped in", "gone", swap(0, 2), 0, true},
		{"expired before, set", "gone", set(0, "gone"), 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := replaytest.Open(t, 3, writer.Config{})
			start := n.Clock.Now().UnixMilli()
			n.Must(setUntil(0, "k", start+2000), set(0, "other"), set(1, "one"), set(2, "gone"),
				setUntil(0, "gone", start+1))
			n.Clock.Add(10 * time.Millisecond)
			var w *watch.Watch
			n.Read(t, func(v *replay.View) { w = v.Watch([]byte(tt.key)) })
			defer watch.End(w)
			if tt.do != nil {
				n.Must(tt.do)
			}
			n.Clock.Add(tt.wait)
			n.Read(t, func(v *replay.View) {
				if got := v.Dirty([]*watch.Watch{w}); got != tt.want {
					t.Errorf("Dirty = %v; want %v", got, tt.want)
				}
			})
		})
	}
}

// A draft sees what earlier commands of its group did to a watched key.
func TestWatchInGroup(t *testing.T) {
	for _, do := range []replaytest.Command{set(0, "k"), del("k"), clearDB(0), swap(0, 1), clearSlot("k")} {
		n := replaytest.Open(t, 2, writer.Config{})
		n.Must(set(0, "k"))
		var w *watch.Watch
		n.Read(t, func(v *replay.View) { w = v.Watch([]byte("k")) })
		n.Must(do, func(d *replay.Draft) error {
			if !d.Dirty([]*watch.Watch{w}) {
				t.Errorf("Dirty = false; want true")
			}
			return nil
		})
		watch.End(w, w) // twice is harmless
	}
}
