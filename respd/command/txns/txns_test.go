package txns_test

// What MULTI, DISCARD, WATCH and UNWATCH do to a session, on a state without a
// server. The conversations with EXEC are in respd/compat/testdata/txns.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/command/txns"
	"ledge/respd/resp"
)

// host is only a state.
type host struct {
	command.Host
	state *replay.State
}

func (h *host) State() *replay.State { return h.state }

type client struct {
	*command.Session
	t     *testing.T
	table *command.Table
}

// wire is a connection of a server that has room.
type wire struct{ command.Connection }

func (wire) HasRoom(int) bool { return true }

func open(t *testing.T) *client {
	st, err := replay.New(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := &command.Session{Host: &host{state: st}, Conn: wire{}}
	s.Queued.Store(-1)
	return &client{s, t, command.NewTable(txns.Table())}
}

// do checks the reply to a command.
func (c *client) do(line, want string) {
	c.t.Helper()
	var args command.Args
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	spec, err := c.table.Resolve(args)
	var got resp.Value
	if err != nil {
		got = resp.FromError(err)
	} else {
		got = spec.Conn(c.Session, args)
	}
	if got.String() != want {
		c.t.Errorf("%s = %s; want %s", line, got, want)
	}
}

// counts checks what CLIENT LIST shows.
func (c *client) counts(queued, watching int32) {
	c.t.Helper()
	if q, w := c.Queued.Load(), c.Watching.Load(); q != queued || w != watching {
		c.t.Errorf("queued %d, watching %d; want %d, %d", q, w, queued, watching)
	}
}

func TestMulti(t *testing.T) {
	c := open(t)
	c.do("EXEC", "(error) ERR EXEC without MULTI")
	c.do("DISCARD", "(error) ERR DISCARD without MULTI")
	c.counts(-1, 0)
	c.do("MULTI", "OK")
	c.counts(0, 0)
	c.do("MULTI", "(error) ERR MULTI calls can not be nested")
	c.do("WATCH k", "(error) ERR WATCH inside MULTI is not allowed")
	c.Tx.Broken = true
	c.Tx.Queue = make([]command.Queued, 3)
	c.do("DISCARD", "OK")
	c.counts(-1, 0)
	if c.Tx.On || c.Tx.Broken || c.Tx.Queue != nil {
		t.Errorf("after DISCARD the transaction is %+v; want none", c.Tx)
	}
}

// A key is watched once in each database, and UNWATCH gives all back.
func TestWatch(t *testing.T) {
	c := open(t)
	c.do("WATCH a b a", "OK")
	c.do("WATCH b c", "OK")
	c.counts(-1, 3)
	c.Select(1)
	c.do("WATCH a", "OK")
	c.counts(-1, 4)
	c.do("UNWATCH", "OK")
	c.counts(-1, 0)
	c.do("WATCH a", "OK")
	c.do("MULTI", "OK")
	c.do("DISCARD", "OK")
	c.counts(-1, 0)
}

// What a client watches makes no further WATCH slower, of many keys at once or of one.
func TestWatchLinear(t *testing.T) {
	line := func(n int) string {
		var keys strings.Builder
		for i := range n {
			fmt.Fprintf(&keys, " key:%d", i)
		}
		return keys.String()
	}
	for name, watch := range map[string]func(c *client, keys string){
		"at once": func(c *client, keys string) { c.do("WATCH"+keys, "OK") },
		"each": func(c *client, keys string) {
			for key := range strings.FieldsSeq(keys) {
				c.do("WATCH "+key, "OK")
			}
		},
	} {
		took := func(n int) time.Duration {
			c, keys, best := open(t), line(n), time.Hour
			for range 3 {
				began := time.Now()
				watch(c, keys)
				best = min(best, time.Since(began))
				c.counts(-1, int32(n))
				c.Unwatch()
			}
			return best
		}
		// In proportion is 8 times as long, and each key against each other is 64 times. Other
		// programs only make it longer, so it is tried again, and the shortest counts.
		few, many := took(4000), took(32000)
		for range 5 {
			if many <= 32*few {
				break
			}
			many = min(many, took(32000))
		}
		if many > 32*few {
			t.Errorf("%s: 32,000 keys take %s, 4000 take %s; want about 8 times as long", name, many, few)
		}
	}
}

func TestWatchBound(t *testing.T) {
	c := open(t)
	c.do("WATCH"+strings.Repeat(" k", 1<<17), "OK")
	c.counts(-1, 1)
	c.do("WATCH"+strings.Repeat(" k", 1<<17), "(error) ERR too many watched keys")
	c.counts(-1, 1)
}

// The writer's loop may run commands between writes of one pipeline, but not
// WATCH, which looks at the state.
func TestFlags(t *testing.T) {
	for _, s := range txns.Table() {
		if got, want := s.Flags.Has(command.Inline), s.Name != "watch" && s.Name != "exec"; got != want {
			t.Errorf("%s is Inline: %v; want %v", s.Name, got, want)
		}
		if got, want := s.Flags.Has(command.Control), s.Name != "unwatch"; got != want {
			t.Errorf("%s is Control: %v; want %v", s.Name, got, want)
		}
	}
}
