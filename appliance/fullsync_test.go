package appliance_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// spoiled are the ways in which a chunk goes wrong once.
var spoiled = []struct {
	name  string
	spoil func(b *between, once *atomic.Bool)
}{
	{"refused", func(b *between, once *atomic.Bool) {
		b.meddle(func(what string, m *nats.Msg) bool {
			if what == "chunk" && strings.Contains(string(m.Data), `"chunk":2}`) && once.CompareAndSwap(false, true) {
				b.refuse(m, "this chunk fails once")
				return false
			}
			return true
		}, nil)
	}},
	{"damaged", func(b *between, once *atomic.Bool) {
		b.meddle(nil, func(what string, m, a *nats.Msg) {
			if what == "chunk" && strings.Contains(string(m.Data), `"chunk":2}`) && once.CompareAndSwap(false, true) {
				a.Data[len(a.Data)/2] ^= 1
			}
		})
	}},
	{"short", func(b *between, once *atomic.Bool) {
		b.meddle(nil, func(what string, m, a *nats.Msg) {
			if what == "chunk" && strings.Contains(string(m.Data), `"chunk":2}`) && once.CompareAndSwap(false, true) {
				a.Data = a.Data[:len(a.Data)-1]
			}
		})
	}},
	{"silent", func(b *between, once *atomic.Bool) {
		b.meddle(func(what string, m *nats.Msg) bool {
			return what != "chunk" || !strings.Contains(string(m.Data), `"chunk":2}`) || !once.CompareAndSwap(false, true)
		}, nil)
	}},
}

// A chunk that fails or is damaged on its way is asked for again, and none
// before it. What the replica had is served until the whole is there: nothing
// half-loaded is ever seen.
func TestFullSyncResumes(t *testing.T) {
	for _, c := range spoiled {
		t.Run(c.name, func(t *testing.T) {
			dirs := directories(t, "leader", "replica")
			a := lead(t, dirs[0])
			a.large(t)
			total := a.do("DBSIZE")
			m := stand(t, a)
			var once atomic.Bool
			c.spoil(m, &once)
			b := m.followed(dirs[1], "--sync-chunk-timeout", "4s") // a busy machine takes a second
			within(t, fallow, "the replica has it all", func() bool {
				n, err := b.c.Do(t.Context(), "DBSIZE").Result()
				if err != nil && !strings.HasPrefix(err.Error(), "LOADING") || err == nil && n != int64(0) && n != total {
					t.Fatalf("DBSIZE = %v, %v; want none or all of %v", n, err, total)
				}
				return n == total
			})
			b.equal(a)
			if !once.Load() {
				t.Error("the chunk was not spoiled; want more chunks")
			}
			for n := range m.requests("chunk") {
				want := 1
				if n == 2 {
					want = 2
				}
				got := m.count("chunk", fmt.Sprintf(`"chunk":%d}`, n))
				if got != want && (got > 0 || n < 4) {
					t.Errorf("chunk %d was asked for %d times; want %d", n, got, want)
				}
			}
		})
	}
}

// A replica that is killed between chunks asks for the rest only.
func TestFullSyncKilled(t *testing.T) {
	dirs := directories(t, "leader", "replica")
	a := lead(t, dirs[0])
	a.large(t)
	m := stand(t, a)
	m.meddle(func(what string, q *nats.Msg) bool {
		return what != "chunk" || !strings.Contains(string(q.Data), `"chunk":2}`)
	}, nil)
	b := m.followed(dirs[1])
	within(t, fallow, "chunk 2 is asked for", func() bool { return m.count("chunk", `"chunk":2}`) > 0 })
	b.refuses("LOADING", "DBSIZE") // nothing of what is half there
	b.end(9)
	m.meddle(nil, nil)
	b = m.followed(dirs[1])
	b.equal(a)
	for n := range 2 {
		if got := m.count("chunk", fmt.Sprintf(`"chunk":%d}`, n)); got != 1 {
			t.Errorf("chunk %d was asked for %d times; want 1", n, got)
		}
	}
}

// A leader that fails the same step each time is tried as often as the option
// says. Then the link has failed, with all causes, their class and when it is
// tried again; and when the leader works again, so does the link.
func TestFullSyncFails(t *testing.T) {
	t.Parallel() // it waits between attempts, most of the time
	attempts := 10
	if testing.Short() {
		attempts = 4
	}
	dirs := directories(t, "leader", "replica")
	a := lead(t, dirs[0])
	a.large(t)
	m := stand(t, a)
	m.meddle(func(what string, q *nats.Msg) bool {
		if what == "meta" {
			m.refuse(q, "the disk is full")
		}
		return what != "meta"
	}, nil)
	b := m.followed(dirs[1], "--sync-attempts", fmt.Sprint(attempts))
	b.state("failed", 100*time.Second)
	l := b.link()
	if l.Attempts != attempts || l.Class != "retryable" || l.Next == nil || !l.Next.After(time.Now()) {
		t.Errorf("link = %+v; want %d attempts, retryable, and when it is tried again", l, attempts)
	}
	want := fmt.Sprintf("%d attempts, 1 to %d: full sync: meta: leader: the disk is full", attempts, attempts)
	if !strings.Contains(l.LastError, want) || strings.Count(l.LastError, "the disk is full") != 1 {
		t.Errorf("last error is %q; want %q, once", l.LastError, want)
	}
	if got := len(m.requests("meta")); got != attempts {
		t.Errorf("meta was asked for %d times; want %d", got, attempts)
	}
	m.meddle(nil, nil)
	within(t, 45*time.Second, "the link has recovered", func() bool { return b.field("ledge_link_state") == "streaming" })
	b.equal(a)
	if l := b.link(); l.Attempts != 0 || l.LastError != "" {
		t.Errorf("link = %+v; want nothing left of the failure", l)
	}
}
