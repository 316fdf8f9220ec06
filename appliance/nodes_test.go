package appliance_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
)

// A leader, two replicas and one that follows the first of these, each with a directory
// and passwords of its own. Whoever asks one of them sees those that it names, and which
// of them refuse; with one password for monitor, all four, whichever is asked. One that
// ends is named no longer, or as one that does not answer.
func TestNodesOfFour(t *testing.T) {
	t.Parallel()
	dirs := directories(t, "a", "b", "c", "d")
	a := lead(t, dirs[0])
	b, c := follow(t, dirs[1], a), follow(t, dirs[2], a)
	d := follow(t, dirs[3], b)
	for _, p := range []*peer{b, c, d} {
		p.state("streaming", 30*time.Second)
	}
	sees := func(dir, want string) { t.Helper(); seesNodes(t, dir, want) }
	sees(dirs[0], "a leader, b !, c !")
	sees(dirs[1], "a !, b replica, d !")
	sees(dirs[2], "a !, c replica")
	sees(dirs[3], "b !, d replica")

	shared := filepath.Join(dirs[0], "auth", "monitor")
	for _, dir := range dirs[1:] {
		if got := run(t, "passwd", "--dir", dir, "--expire-now", "--new-password-file", shared, "monitor"); got.code != 0 {
			t.Fatalf("passwd: exit code %d, %s", got.code, got.stderr)
		}
	}
	for _, dir := range dirs {
		sees(dir, "a leader, b replica, c replica, d replica")
	}
	got := run(t, "nodes", "--server", d.nats(), "--user", "monitor", "--password-file", shared)
	if lines := strings.Split(strings.TrimSpace(got.stdout), "\n"); got.code != 0 || len(lines) != 5 {
		t.Errorf("without a directory: exit code %d, %s%s; want a line for each node", got.code, got.stdout, got.stderr)
	}

	if got := run(t, "passwd", "--dir", dirs[2], "--expire-now", "monitor"); got.code != 0 {
		t.Fatalf("passwd: exit code %d, %s", got.code, got.stderr)
	}
	sees(dirs[3], "a leader, b replica, c !, d replica")
	d.end(syscall.SIGTERM)
	within(t, 30*time.Second, "d is not seen to answer", func() bool {
		l := answered[admin.NodeList](t, "nodes", "--json", "--dir", dirs[0])
		for _, n := range l.Nodes {
			if n.Node == "d" && n.Unreachable == "" {
				return false
			}
		}
		return strings.Contains(fmt.Sprint(l.Nodes), "{b ")
	})
}

// seesNodes waits until the nodes as seen from a directory are those: who answers by name
// and role, who refuses with a "!".
func seesNodes(t *testing.T, dir, want string) {
	t.Helper()
	got := ""
	defer func() {
		if t.Failed() {
			t.Logf("from %s is seen %s", filepath.Base(dir), got)
		}
	}()
	within(t, 30*time.Second, "from "+filepath.Base(dir)+" are seen "+want, func() bool {
		var words []string
		for _, n := range answered[admin.NodeList](t, "nodes", "--json", "--dir", dir).Nodes {
			word := n.Node + " " + n.Role
			if n.Unreachable != "" {
				word = n.Node + " !"
				if n.ID != "" || !strings.Contains(n.Unreachable, "does not let user \"monitor\" in") || !strings.Contains(n.Unreachable, "ledge passwd") {
					t.Fatalf("%s is seen as %+v; want it refused, and what to do", n.Node, n)
				}
			}
			words = append(words, word)
		}
		got = strings.Join(words, ", ")
		return got == want
	})
}
