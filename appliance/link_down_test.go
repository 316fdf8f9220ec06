package appliance_test

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
)

// A replica's health says that the link is down, and why, long before the link counts as
// failed: of a leader that was killed and of one that stands still. It says so no more
// once the leader is back. ledge health fails for it when the leader has been silent for
// 5 s, and not before.
func TestHealthLinkDown(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "frozen": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dirs := directories(t, "a", "b")
			a := lead(t, dirs[0])
			a.do("SET", "k", "v")
			b := follow(t, dirs[1], a, "--sync-attempts", "1000") // it never counts as failed
			b.equal(a)
			if h := healthOf(t, b); h.LinkDown != "" || h.LinkFailed != "" {
				t.Fatalf("health of a replica that follows: %+v; want no fault of its link", h)
			}
			began := time.Now()
			if sig == syscall.SIGKILL {
				a.end(sig)
			} else {
				_ = a.cmd.Process.Signal(sig)
				t.Cleanup(func() { _ = a.cmd.Process.Signal(syscall.SIGCONT) })
			}
			var h admin.Health
			within(t, 60*time.Second, "the replica's health says that the link is down", func() bool {
				h = healthOf(t, b)
				return h.LinkDown != "" || h.LinkFailed != ""
			})
			t.Logf("said after %s: %s", time.Since(began), h.LinkDown)
			if h.LinkFailed != "" || h.State != admin.StateOK {
				t.Errorf("health is %+v; want a link that is down and has not failed", h)
			}
			within(t, 60*time.Second, "ledge health fails", func() bool {
				got := run(t, "health", "--dir", b.dir, "--json")
				var h admin.Health
				if err := json.Unmarshal([]byte(got.stdout), &h); err != nil || h.LinkFailed != "" {
					t.Fatalf("ledge health says %s, %v; want a link that is down", got.stdout, err)
				}
				want := 0
				if h.LinkSilent >= 5 {
					want = 1
				}
				if got.code != want {
					t.Fatalf("ledge health of a leader that is silent for %v s: %d, %s; want %d", h.LinkSilent, got.code, got.stderr, want)
				}
				return got.code == 1 && strings.Contains(got.stderr, "has not heard of its leader for")
			})
			if got := run(t, "health", "--dir", b.dir); !strings.Contains(got.stdout, "link down") {
				t.Errorf("ledge health: %d, %s; want the link down", got.code, got.stdout)
			}
			if sig == syscall.SIGSTOP {
				_ = a.cmd.Process.Signal(syscall.SIGCONT)
				within(t, 60*time.Second, "the link is up again", func() bool { return healthOf(t, b).LinkDown == "" })
			}
		})
	}
}

// healthOf returns what a node says of itself.
func healthOf(t *testing.T, p *peer) (h admin.Health) {
	t.Helper()
	got := run(t, "health", "--dir", p.dir, "--json")
	if err := json.Unmarshal([]byte(got.stdout), &h); err != nil {
		t.Fatalf("%s%s: %v", got.stdout, got.stderr, err)
	}
	return h
}
