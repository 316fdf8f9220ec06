package appliance_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
)

// Compacting makes room the first time it is asked for, says why when there is
// none to make, and loses nothing of what a restart brings back.
func TestCompact(t *testing.T) {
	p := lead(t, directories(t, "lead")[0])
	value := strings.Repeat("x", 1<<20)
	for _, key := range []string{"a", "b", "c"} {
		p.do("SET", key, value)
	}
	p.do("FLUSHALL")
	p.do("SET", "kept", "v")
	compact := func() (c admin.Compacted) {
		p.asked(func(ctx context.Context, conn *admin.Conn) (err error) {
			c, err = conn.Compact(ctx, filepath.Base(p.dir))
			return err
		})
		return c
	}
	c := compact()
	if c.BytesBefore < 3<<20 || c.Bytes > 1<<20 || c.First != c.Snapshot.Number+1 || c.Kept != "" {
		t.Errorf("the first compact = %+v; want all up to the snapshot truncated", c)
	}
	if c.History != c.Snapshot.Number || c.HistoryTime == nil || !c.HistoryTime.Equal(c.Snapshot.Created.Truncate(time.Millisecond)) {
		t.Errorf("the first compact = %+v; want that the past goes back to its snapshot", c)
	}
	p.do("LEDGE", "AT", fmt.Sprint(c.History), "GET", "kept")
	p.refuses("the node goes back to number "+fmt.Sprint(c.History), "LEDGE", "AT", fmt.Sprint(c.History-1), "GET", "kept")
	if c := compact(); c.First != c.FirstBefore || !strings.Contains(c.Kept, "nothing was written") {
		t.Errorf("a second compact = %+v; want it to say that there was nothing to truncate", c)
	}
	p.do("SET", "more", "w")
	if c := compact(); c.First <= c.FirstBefore || c.First != c.Snapshot.Number+1 || c.Kept != "" {
		t.Errorf("compact after a write = %+v; want all up to the snapshot truncated", c)
	}
	p.do("SET", "last", "z")
	p.end(syscall.SIGTERM)
	p = lead(t, p.dir)
	for key, want := range map[string]string{"kept": "v", "more": "w", "last": "z"} {
		if got := p.do("GET", key); got != want {
			t.Errorf("GET %s after a restart = %v; want %s", key, got, want)
		}
	}
}
