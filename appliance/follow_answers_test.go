package appliance_test

import (
	"strings"
	"testing"
	"time"
)

// A fresh node that begins to follow takes its leader's journal, and with that another
// broker. Whoever asks it meanwhile is answered all the same, if with that it has nothing yet.
func TestFollowAnswers(t *testing.T) {
	t.Parallel()
	dirs := directories(t, "a", "b")
	a, b := lead(t, dirs[0]), lead(t, dirs[1])
	a.do("SET", "k", "v")
	b.follows(a)
	for _, args := range [][]string{{"health"}, {"status"}, {"config", "get", "maxmemory"}, {"snapshots"}, {"clients"}, {"slowlog"}} {
		var got ended
		within(t, 10*time.Second, "a command finds the node", func() bool { // which it tries for 3 s by itself
			got = run(t, append(args, "--dir", b.dir)...)
			return got.code != 2
		})
		if loads := args[0] == "health" && got.code == 1 && strings.Contains(got.stderr, "LOADING"); got.code != 0 && !loads {
			t.Errorf("%s: %d, %s; want an answer", strings.Join(args, " "), got.code, got.stderr)
		}
	}
	b.equal(a)
}
