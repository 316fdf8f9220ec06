package replay_test

// The events that no command names: keys that come to exist and keys that
// expire. Those that commands name are compared with Redis's in respd/compat.

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// listener gathers events of the classes that it wants.
type listener struct {
	wanted atomic.Uint32
	mu     sync.Mutex
	heard  []string // mu
}

// listen returns a node whose events l hears.
func listen(t *testing.T, wanted events.Class) (*replaytest.Node, *listener) {
	l := &listener{}
	l.wanted.Store(uint32(wanted))
	return replaytest.Open(t, 4, writer.Config{
		Wanted: func() events.Class { return events.Class(l.wanted.Load()) },
		Events: func(es []events.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, e := range es {
				l.heard = append(l.heard, fmt.Sprintf("%s %d/%s", e.Name, e.DB, e.Key))
			}
		},
	}), l
}

// expect compares what has been heard since the last time.
func (l *listener) expect(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.heard, want) {
		t.Errorf("heard %q; want %q", l.heard, want)
	}
	l.heard = nil
}

func copyTo(key string, db journal.DB, to string) replaytest.Command {
	return func(d *replay.Draft) error {
		d.Select(0)
		return d.Copy([]byte(key), db, []byte(to))
	}
}

func edit(key string) replaytest.Command {
	return func(d *replay.Draft) error {
		d.Select(0)
		return d.EditString([]byte(key), 0, []byte("x"))
	}
}

// A key is new when it was not there, or when it takes the place of another.
func TestNewKeyEvents(t *testing.T) {
	n, l := listen(t, events.NewKey)
	n.Must(set(0, "a"), set(0, "a"), edit("a"), expire("a", 9_000_000), set(2, "a"))
	l.expect(t, "new 0/a", "new 2/a")
	n.Must(del("a"), set(0, "a"), edit("b"), edit("b"))
	l.expect(t, "new 0/a", "new 0/b")
	n.Must(rename("a", "b"), copyTo("b", 0, "a"), copyTo("b", 2, "a"), copyTo("b", 3, "a"))
	l.expect(t, "new 0/b", "new 0/a", "new 2/a", "new 3/a")
	n.Must(clearDB(0), set(0, "a"), swap(0, 1), set(0, "a"), set(1, "a"))
	l.expect(t, "new 0/a", "new 0/a")
	overwrite := func(d *replay.Draft) error {
		d.Mark() // as each command begins
		if _, err := d.Delete([]byte("a")); err != nil {
			return err
		}
		return d.SetString([]byte("a"), nil, 0)
	}
	n.Must(overwrite)
	l.expect(t)
	n.Must(del("a"), overwrite)
	l.expect(t, "new 0/a")
	l.wanted.Store(uint32(events.String))
	n.Must(set(0, "other"))
	l.expect(t)
}

// What is undone or not stored has made no key.
func TestNoEvents(t *testing.T) {
	n, l := listen(t, events.NewKey|events.String)
	n.Mem.FailNext(replaytest.ErrRefused)
	g := replaytest.NewGroup(set(0, "lost"), func(d *replay.Draft) error {
		d.Notify(events.String, "set", []byte("lost"))
		return nil
	})
	if err := n.Writer.Submit(g); err != nil {
		t.Fatal(err)
	}
	if err := g.Err(); err == nil {
		t.Error("Settle = nil; want an error")
	}
	l.expect(t)
	n.Must(func(d *replay.Draft) error {
		m := d.Mark()
		if err := d.SetString([]byte("undone"), nil, 0); err != nil {
			return err
		}
		d.Notify(events.String, "set", []byte("undone"))
		d.Undo(m)
		return d.SetString([]byte("kept"), nil, 0)
	})
	l.expect(t, "new 0/kept")
}

// An expired key is heard of once: when the sweeper removes it, or when it is
// written anew before the sweeper has come to it.
func TestExpiredEvents(t *testing.T) {
	n, l := listen(t, events.Expired|events.NewKey)
	n.Must(setUntil(0, "a", 1_000_100), setUntil(2, "b", 1_000_100), setUntil(2, "c", 1_000_100))
	l.expect(t, "new 0/a", "new 2/b", "new 2/c")
	n.Clock.Set(time.UnixMilli(1_000_200))
	n.Must(set(2, "b"))
	l.expect(t, "expired 2/b", "new 2/b")
	ctx, stop := context.WithCancel(context.Background())
	removed := make(chan int, 1)
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		n.Writer.Sweep(ctx, func(keys int) { removed <- keys })
	}()
	if got := <-removed; got != 2 {
		t.Errorf("the sweeper removed %d keys; want 2", got)
	}
	stop()
	<-swept
	l.expect(t, "expired 0/a", "expired 2/c")
}
