package replay_test

import (
	"testing"
	"time"

	"ledge/replay"
	"ledge/replay/crowdtest"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// Keys of one hash, which somebody may make on purpose, cost a command about what others cost,
// in its draft as in the state: it holds up nobody.
func TestCrowdInOneCommand(t *testing.T) {
	const keys, patience = 100_000, 30 * time.Second // compared one by one they would take minutes
	n := replaytest.Open(t, 1, writer.Config{})
	began := time.Now()
	slow := func() bool { return time.Since(began) > patience }
	n.Must(func(d *replay.Draft) error {
		for i := 0; i < keys && !slow(); i++ {
			if err := d.SetString([]byte(crowdtest.Key(i)), nil, 0); err != nil {
				return err
			}
		}
		return nil
	}, func(d *replay.Draft) error {
		for i := 0; i < keys && !slow(); i += 2 {
			if _, err := d.Delete([]byte(crowdtest.Key(i))); err != nil {
				return err
			}
		}
		return nil
	})
	if slow() {
		t.Fatalf("the commands have taken more than %s", patience)
	}
	n.Read(t, func(v *replay.View) {
		if got := v.Len(0); got != keys/2 {
			t.Errorf("there are %d keys; want %d", got, keys/2)
		}
		if !v.Exists([]byte(crowdtest.Key(1))) || v.Exists([]byte(crowdtest.Key(2))) {
			t.Error("other keys are there than were left")
		}
	})
	replaytest.CheckAtEnd(t, n.State)
}
