package respd_test

// Which of several reasons to turn a command away is told, and that none which
// comes up late is missed.

import (
	"sync/atomic"
	"testing"

	"ledge/respd"
	"ledge/respd/resp"
)

const (
	errStale  resp.Error = "STALE the data are old"
	errLonely resp.Error = "NOREPLICAS Not enough good replicas to write."
	oom                  = "(error) OOM command not allowed when used memory > 'maxmemory'."
	stale                = "(error) STALE the data are old"
	lonely               = "(error) NOREPLICAS Not enough good replicas to write."
	aborted              = "(error) EXECABORT Transaction discarded because of: NOREPLICAS Not enough good replicas to write."
)

func TestRefusalOrder(t *testing.T) {
	gate, full := &respd.Gate{}, atomic.Bool{}
	n := start(t, func(cfg *respd.Config) {
		cfg.Password, cfg.Replica, cfg.OutOfMemory = "pw", gate, full.Load
	})
	gate.Set(errStale, errLonely)
	full.Store(true)
	c := n.dial()
	c.want("SET k v", "(error) NOAUTH Authentication required.")
	c.want("GET", "(error) ERR wrong number of arguments for 'get' command")
	c.want("AUTH pw", "OK")
	c.want("SET k v", oom)
	c.want("DEL k", stale)
	c.want("GET k", stale)
	c.want("PING", stale) // as in Redis, which lets few commands through
	gate.Set(nil, errLonely)
	c.want("SET k v", oom)
	c.want("DEL k", lonely)
	c.want("GET k", "(nil)")
	full.Store(false)
	c.want("SET k v", lonely)

	sub := n.dial()
	sub.want("AUTH pw", "OK")
	sub.want("SUBSCRIBE ch", `["subscribe" "ch" (integer) 1]`)
	sub.want("SET k v", lonely)
	sub.want("GET k", "(error) ERR Can't execute 'get': …")

	gate.Set(errStale, errLonely)
	c.want("MULTI", "OK")
	c.want("GET k", stale)
	c.want("EXEC", "(error) EXECABORT Transaction discarded because of previous errors.")
}

// EXEC is turned away for what it would run, whenever that came to be refused.
func TestRefusalOfExec(t *testing.T) {
	gate, full := &respd.Gate{}, atomic.Bool{}
	n := start(t, func(cfg *respd.Config) { cfg.Replica, cfg.OutOfMemory = gate, full.Load })
	c := n.dial()
	begin := func(lines ...string) {
		t.Helper()
		gate.Set(nil, nil)
		full.Store(false)
		c.want("MULTI", "OK")
		for _, line := range lines {
			c.want(line, "QUEUED")
		}
	}
	begin("DEL k")
	gate.Set(nil, errLonely)
	c.want("EXEC", aborted)

	begin("GET k", "PING")
	gate.Set(nil, errLonely)
	full.Store(true)
	c.want("EXEC", "[(nil) PONG]")

	begin("SET k v")
	gate.Set(nil, errLonely)
	full.Store(true)
	c.want("EXEC", "(error) EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.")

	begin("SET k v")
	c.want("NOSUCH", "(error) ERR unknown command 'NOSUCH', with args beginning with: ")
	gate.Set(nil, errLonely)
	c.want("EXEC", aborted)

	gate.Set(nil, nil)
	c.want("GET k", "(nil)")
}

// A write that was let in, and waits while the journal is busy, is still refused
// when the reason comes up meanwhile.
func TestRefusalWhileWaiting(t *testing.T) {
	gate, full := &respd.Gate{}, atomic.Bool{}
	n := start(t, func(cfg *respd.Config) { cfg.Replica, cfg.OutOfMemory = gate, full.Load })
	for _, c := range []struct {
		line, want string
		close      func()
	}{
		{"SET a 1", lonely, func() { gate.Set(nil, errLonely) }},
		{"DEL a", lonely, func() { gate.Set(nil, errLonely) }},
		{"SET a 1", oom, func() { full.Store(true) }},
		{"RPUSH a 1", oom, func() { full.Store(true) }},
	} {
		gate.Set(nil, nil)
		full.Store(false)
		first, second, third := n.dial(), n.dial(), n.dial()
		release, appends := n.journal.Hold(), n.journal.Appends()
		first.send(encode("SET x 1"))
		n.behind(appends)
		second.send(encode(c.line))
		third.want("PING", "PONG") // the loop has been round
		c.close()
		release()
		first.expect("OK")
		second.expect(c.want)
		third.want("EXISTS a", "(integer) 0")
	}
}

// A journal that is suspended while a write waits after it refuses it, and what
// reads goes on.
func TestRefusalAfterFailure(t *testing.T) {
	n := start(t)
	first, second := n.dial(), n.dial()
	release, appends := n.journal.Hold(), n.journal.Appends()
	n.journal.Sicken(errFull)
	first.send(encode("SET x 1"))
	n.behind(appends)
	second.send(encode("SET a 1", "GET a"))
	release()
	first.expect(misconf)
	second.expect(misconf, "(nil)")
	n.journal.Heal()
}
