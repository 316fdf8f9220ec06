package appliance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
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
