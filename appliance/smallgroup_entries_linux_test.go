package appliance_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"
)

// Transactions that make much of little are refused, or done, in a small group, and never
// the end of the node: what they journal is held to a part of what the group has, since
// there are several copies of an entry on its way to the disk.
func TestSmallGroupLargeEntries(t *testing.T) {
	k := groupsHere(t)
	p := inGroup(t, k.nest(t, groupBounds{inner: map[string]string{k.limit: smallLimit}}), onDisk(t), "--sync", "interval")
	c, ctx := p.client(), t.Context()
	if err := c.Set(ctx, "big", strings.Repeat("v", 3_000_000), 0).Err(); err != nil {
		t.Fatal(err)
	}
	for at := int64(2_500_000); at < 8_000_000; at += 2_500_000 { // an edit is journaled as one
		// A collection that comes late on a slow machine has writes refused for a moment.
		within(t, 30*time.Second, "SETRANGE is taken", func() bool { return c.SetRange(ctx, "long", at, "x").Err() == nil })
	}
	for range 5 { // what one round leaves may not be in the way of the next
		makeMuch(t, p)
	}
	if got := c.StrLen(ctx, "long").Val(); got != 7_500_001 {
		t.Errorf("long has %d bytes; want 7500001", got)
	}
}

// makeMuch has clients make much of little, each kind of which has had the kernel kill a
// node once.
func makeMuch(t *testing.T, p *process) {
	t.Helper()
	c, ctx := p.client(), t.Context()
	for _, tt := range []struct {
		command        string
		clients, times int
	}{
		{"BITOP NOT q big", 1, 5}, {"BITOP NOT q big", 1, 200}, {"BITOP NOT q big", 8, 5},
		{"COPY big copy REPLACE", 1, 200}, {"COPY big copy REPLACE", 8, 5}, {"BITOP NOT q long", 2, 3},
		{"SETRANGE long 7500000 y", 2, 50}, {"APPEND big x", 2, 100},
	} {
		var all sync.WaitGroup
		for range tt.clients {
			all.Go(func() {
				tx := p.client().TxPipeline()
				for range tt.times {
					var args []any
					for _, a := range strings.Fields(tt.command) {
						args = append(args, a)
					}
					tx.Do(context.Background(), args...)
				}
				_, _ = tx.Exec(context.Background()) // whether it is refused is not what this is about
			})
		}
		all.Wait()
		if err := c.Ping(ctx).Err(); err != nil {
			t.Fatalf("%d clients, %d times %s: PING = %v; want PONG of a node that lives", tt.clients, tt.times, tt.command, err)
		}
	}
}
