package appliance_test

import (
	"strings"
	"testing"
)

// A fresh node that begins to follow takes its leader's journal, and with that another
// broker. Whoever asks it meanwhile is answered all the same.
func TestFollowAnswers(t *testing.T) {
	t.Parallel()
	dirs := directories(t, "a", "b")
	a, b := lead(t, dirs[0]), lead(t, dirs[1])
	a.do("SET", "k", "v")
	b.follows(a)
	for _, args := range [][]string{{"health"}, {"status"}, {"config", "get", "maxmemory"}, {"snapshots"}, {"clients"}, {"slowlog"}} {
		if got := run(t, append(args, "--dir", b.dir)...); got.code != 0 {
			t.Errorf("%s: %d, %s; want an answer", strings.Join(args, " "), got.code, got.stderr)
		}
	}
	b.equal(a)
}
