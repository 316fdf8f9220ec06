package respd_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// CLIENT KILL reaches a client wherever it is: idle, paused, asleep, or with
// the writer.
func TestKill(t *testing.T) {
	n := start(t)
	admin := n.dial()
	idle, asleep, writing, quiet := n.dial(), n.dial(), n.dial(), n.dial()
	id := func(c *client) string { return strings.TrimPrefix(c.do("CLIENT ID"), "(integer) ") }
	ids := []string{id(idle), id(asleep), id(writing)}
	qid := id(quiet)
	asleep.send(encode("DEBUG SLEEP 0.1", "SET b 1", "PING"))
	release := n.journal.Hold()
	appends := n.journal.Appends()
	writing.send(encode("SET a 1", "DEBUG SLEEP 50", "SET c 1"))
	n.behind(appends)
	for _, id := range ids {
		admin.want("CLIENT KILL ID "+id, "(integer) 1")
	}
	idle.closed()
	asleep.closed()
	release()
	writing.closed()
	admin.want("EXISTS a", "(integer) 1") // it was on its way
	admin.want("EXISTS b c", "(integer) 0")

	admin.want("CLIENT PAUSE 100000 WRITE", "OK")
	quiet.send(encode("SET d 1"))
	quiet.noAnswer(10 * time.Millisecond)
	admin.want("CLIENT KILL ID "+qid, "(integer) 1")
	quiet.closed()
	admin.want("CLIENT UNPAUSE", "OK")
	admin.want("EXISTS d", "(integer) 0")
	admin.want("CLIENT KILL ID 12345", "(integer) 0")
	self := id(admin)
	admin.send(encode("CLIENT KILL ID "+self+" SKIPME no", "PING"))
	admin.expect("(integer) 1")
	admin.closed()
}

// Clients that are killed while they are being let in, and descriptors that
// are used again, harm nobody else.
func TestKillStorm(t *testing.T) {
	n := start(t)
	steady := n.dial()
	var stop atomic.Bool
	killer := n.dial()
	parallel(4, func(i int) {
		switch i {
		case 0:
			for j := range 150 {
				steady.want("ECHO steady", `"steady"`)
				steady.want("INCR n", fmt.Sprintf("(integer) %d", j+1))
			}
			stop.Store(true)
		case 1:
			mine := strings.TrimPrefix(killer.do("CLIENT ID"), "(integer) ")
			for !stop.Load() {
				// steady is client 1: all others but the killer go
				for _, line := range strings.Split(killer.do("CLIENT LIST"), `\n`) {
					var id string
					_, _ = fmt.Sscanf(line[strings.Index(line, "id=")+1:], "d=%s", &id)
					if id != "" && id != "1" && id != mine {
						_ = killer.do("CLIENT KILL ID " + id)
					}
				}
			}
		default:
			for !stop.Load() {
				c := n.dial()
				_, _ = c.nc.Write(encode("SET x 1", "GET x", "DEBUG SLEEP 0.001", "SET y 1"))
				c.nc.Close()
			}
		}
	})
}
