package appliance_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal/freeport"
	"ledge/journal/logtest"
	"ledge/replay/standing"
)

// A replica that is told of its leader's other password makes its link anew with it,
// before the one from before is refused, and nothing is said to be wrong. A password that
// the leader does not take leaves the link as it is.
func TestPasswordRenewsLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := serve(t, appliance.Config{Node: "a", Dir: dir, NATSListen: freeport.Addr(t)})
	file := filepath.Join(t.TempDir(), "leader")
	first := word(t, dir, "replica")
	replaceFile(t, file, first+"\n")
	var log logtest.Log
	cfg := appliance.Config{Node: "b", NATSListen: appliance.Off, Follow: a.Status().NATS, FollowPasswordFile: file, Logger: log.Logger()}
	cfg.Reread = func() (appliance.Config, error) { return cfg, nil }
	b := serve(t, cfg)
	within(t, 20*time.Second, "the replica streams", func() bool { return b.Link().State == standing.LinkStreaming && b.Link().Applied > 0 })
	reload := func(word string) {
		t.Helper()
		replaceFile(t, file, word+"\n")
		if err := b.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	reload("not the leader's")
	within(t, 20*time.Second, "the log says that the leader does not take it", func() bool {
		return log.Count("does not take the password that was read anew") == 1
	})
	if l := b.Link(); l.State != standing.LinkStreaming || l.Attempts != 0 {
		t.Errorf("the link is %s after %d attempts; want it as it was", l.State, l.Attempts)
	}

	op, in := knock(t, a.Status().NATS, "admin", word(t, dir, "admin"))
	if !in {
		t.Fatal("the operator is not let in")
	}
	if r, err := op.Passwd(t.Context(), "a", "replica", "", time.Hour); err != nil || r.Former != 1 {
		t.Fatalf("passwd: %+v, %v; want one connection from before", r, err)
	}
	reload(word(t, dir, "replica"))
	within(t, 20*time.Second, "the link is made with the other password", func() bool {
		st, err := op.Status(t.Context(), "a")
		return err == nil && len(st.Former) == 1 && st.Former[0] == admin.FormerPassword{User: "replica", Until: st.Former[0].Until, Current: 1}
	})
	within(t, 20*time.Second, "the replica streams", func() bool { return b.Link().State == standing.LinkStreaming })
	if said := log.String(); !strings.Contains(said, `level=INFO msg="the leader's password has changed, and the link is made anew with it"`) ||
		strings.Contains(said, "replica link down") {
		t.Errorf("the replica's log:\n%s\nwant the link made anew, and not down", said)
	}
}
