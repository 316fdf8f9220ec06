package respd_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"ledge/respd"
)

// The node's rule for a parameter of the server's holds, all or none; what the
// server itself refuses is refused in Redis's words, and what is taken is kept as
// the rule writes it. A parameter that can only be read has no use for a rule.
func TestCheckParam(t *testing.T) {
	var asked sync.Map // of names; the server asks on its own goroutine
	n := start(t, func(cfg *respd.Config) {
		cfg.CheckParam = func(name, v string) (string, error) {
			asked.Store(name, true)
			if strings.Contains(v, "9") || v == "x" {
				return "", errors.New("nines are for the node")
			}
			return strings.TrimPrefix(v, "+"), nil
		}
	})
	c := n.dial()
	const failed = "(error) ERR CONFIG SET failed (possibly related to argument 'maxclients') - "
	c.want("CONFIG SET maxclients +80", "OK")
	c.want("CONFIG GET maxclients", `["maxclients" "80"]`)
	c.want("CONFIG SET maxclients 99", failed+"nines are for the node")
	c.want("CONFIG SET maxclients x", failed+"argument couldn't be parsed into an integer")
	c.want("CONFIG SET slowlog-max-len 5 maxclients 90", failed+"nines are for the node")
	c.want("CONFIG GET maxclients slowlog-max-len", `["maxclients" "80" "slowlog-max-len" "128"]`)
	c.want("CONFIG SET databases 5", "(error) ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config")
	for name, want := range map[string]bool{"databases": false, "slowlog-max-len": true, "maxclients": true} {
		if _, got := asked.Load(name); got != want {
			t.Errorf("the node was asked for %s: %v; want %v", name, got, want)
		}
	}
}
