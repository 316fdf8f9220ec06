package appliance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ledge/appliance"
)

// A document that is forced sets the version back. What a node that is dead had by a later one
// counts no more: whoever asks for slots that MIGRATE has moved since is sent to the node that
// has them, though the dead one said that it had them at a higher epoch.
func TestExternalSetBack(t *testing.T) {
	t.Parallel()
	a, b, c := ruledAt(t, "a"), ruledAt(t, "b"), ruledAt(t, "c")
	givesNames(t, a, b, c)
	document := func(as, bs, cs string) string {
		return lineFor(a, "master - "+as) + "\n" + lineFor(b, "master - "+bs) + "\n" + lineFor(c, "master - "+cs)
	}
	early, late := document("0-16383", "", ""), document("0-4095", "4096-12287", "12288-16383")
	tells(t, late, 1, a, b, c)
	b.migrates("4096", a) // so that all have heard of each other
	b.migrates("4097", c)
	tells(t, late, 50, a, b, c)
	within(t, 20*time.Second, "a has heard what b owns", func() bool {
		for _, s := range a.cluster().Shards {
			for _, n := range s.Nodes {
				if n.Name == "b" && s.Count > 8000 {
					return true
				}
			}
		}
		return false
	})
	b.stop()
	for _, m := range []*member{a, c} {
		if got := m.clusterX("SETNODES", early, 3, "FORCE"); got != "OK" {
			t.Fatalf("%s: SETNODES with FORCE: %s", m.name, got)
		}
	}
	a.migrates("7600-7700", c) // k's is 7629
	a.moved(c)
	slots, err := a.c.Do(t.Context(), "CLUSTER", "SLOTS").Slice()
	want := fmt.Sprintf("[7600 7700 [%s", strings.Replace(c.Status().Listen, ":", " ", 1))
	if text := fmt.Sprint(slots); err != nil || len(slots) != 3 || !strings.Contains(text, want) {
		t.Errorf("CLUSTER SLOTS: %s, %v; want three ranges, and %q", text, err, want)
	}
}

// A replica keeps a document that was forced on it whatever the leader's journal makes of the
// one that it had, and takes the next ones after it, until the leader has one that is newer. If
// it is promoted before that, its journal has it.
func TestExternalForcedReplica(t *testing.T) {
	t.Parallel()
	a := ruled(t, appliance.Config{Node: "a"}, nil)
	r := ruled(t, appliance.Config{Node: "r"}, a)
	givesNames(t, a, r)
	document := func(slots string) string {
		return lineFor(a, "master - "+slots) + "\n" + lineFor(r, "slave "+controllerID("a"))
	}
	tells(t, document("0-16383"), 50, a)
	within(t, 20*time.Second, "the replica has the document", func() bool { return r.clusterX("VERSION") == "50" })
	keys := int64(0)
	catchesUp := func() {
		t.Helper()
		keys++
		if err := a.c.Set(t.Context(), fmt.Sprint("{k}", keys), "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		within(t, 20*time.Second, "the replica has all that the leader has", func() bool { return r.c.DBSize(t.Context()).Val() == keys })
	}
	answers := func(m *member, want string, args ...any) {
		t.Helper()
		m.answers([]saying{{append([]any{"SETNODES"}, args...), want}})
	}
	answers(r, "OK", document("0-9000"), 3, "FORCE")
	answers(a, "OK", document("0-16383"), 50, "FORCE") // it says the same, in another entry
	catchesUp()
	answers(r, "OK", document("0-9001"), 4)
	catchesUp()
	r.answers([]saying{{[]any{"VERSION"}, "4"}})
	answers(a, "OK", document("0-9002"), 51)
	within(t, 20*time.Second, "the leader's document holds, which is newer", func() bool { return r.clusterX("VERSION") == "51" })
	answers(a, "OK", document("0-9002"), 2, "FORCE") // below what the replica was told once
	within(t, 20*time.Second, "the leader's document holds, which was forced", func() bool { return r.clusterX("VERSION") == "2" })
	answers(a, "OK", document("0-9002"), 51)
	within(t, 20*time.Second, "the leader's document holds again", func() bool { return r.clusterX("VERSION") == "51" })
	answers(r, "OK", lineFor(r, "master - 0-16383"), 5, "FORCE")
	answers(a, "OK", document("0-9002"), 51, "FORCE")
	catchesUp()
	a.stop()
	if _, err := r.op().Promote(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "the promoted node serves", func() bool { return r.c.Get(t.Context(), "{k}3").Val() == "v" })
	r.answers([]saying{{[]any{"VERSION"}, "5"}})
}
