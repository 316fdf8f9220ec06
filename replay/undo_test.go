package replay_test

import (
	"errors"
	"testing"

	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// undoSubjects are the types of collections, with how one is changed. Each name is
// an element that is added, or taken away.
var undoSubjects = []struct {
	name        string
	add, remove func(d *replay.Draft, key, name string) error
}{
	{"list",
		func(d *replay.Draft, key, name string) error {
			_, err := d.Push([]byte(key), false, [][]byte{[]byte(name)})
			return err
		},
		func(d *replay.Draft, key, _ string) error { return d.RemoveItems([]byte(key), 0, 1) }},
	{"hash",
		func(d *replay.Draft, key, name string) error {
			_, err := d.SetFields([]byte(key), 0, [][]byte{[]byte(name), []byte("v")})
			return err
		},
		func(d *replay.Draft, key, name string) error {
			_, err := d.RemoveFields([]byte(key), [][]byte{[]byte(name)})
			return err
		}},
	{"set",
		func(d *replay.Draft, key, name string) error {
			_, err := d.AddMembers([]byte(key), [][]byte{[]byte(name)})
			return err
		},
		func(d *replay.Draft, key, name string) error {
			_, err := d.RemoveMembers([]byte(key), [][]byte{[]byte(name)})
			return err
		}},
	{"zset",
		func(d *replay.Draft, key, name string) error {
			return d.SetScores([]byte(key), []value.Scored{{Member: []byte(name), Score: float64(name[0])}})
		},
		func(d *replay.Draft, key, name string) error {
			_, err := d.RemoveScored([]byte(key), [][]byte{[]byte(name)})
			return err
		}},
}

// What a command changed and a later one of its group did not keep is as it was,
// however often: undoing makes nodes itself, and those may not be changed in place
// by the next command, which may be undone as well. A copy in between is what gives
// nodes to two bodies. The state must be what the journal says of it.
func TestUndoAfterCopy(t *testing.T) {
	broken := errors.New("the command fails")
	for _, s := range undoSubjects {
		t.Run(s.name, func(t *testing.T) {
			n := replaytest.Open(t, 1, writer.Config{})
			for _, name := range []string{"a", "b", "c", "d"} {
				n.Must(func(d *replay.Draft) error {
					return errors.Join(s.add(d, "k", name), s.add(d, "other", name))
				})
			}
			fails := func(change func(d *replay.Draft) error) replaytest.Command {
				return func(d *replay.Draft) error {
					if err := errors.Join(change(d), d.Copy([]byte("other"), 0, []byte("copy of other"))); err != nil {
						t.Errorf("a change that is to be undone: %v", err)
					}
					return broken
				}
			}
			var want string
			shows := func(d *replay.Draft) error {
				if got := replaytest.Show(t, &d.View, "k"); got != want {
					t.Errorf("after a command that was undone k is %s; want %s", got, want)
				}
				return nil
			}
			n.Must(
				func(d *replay.Draft) error {
					err := s.add(d, "k", "e")
					want = replaytest.Show(t, &d.View, "k")
					return err
				},
				fails(func(d *replay.Draft) error {
					return errors.Join(s.add(d, "k", "f"), d.Copy([]byte("k"), 0, []byte("copy")), s.add(d, "k", "g"))
				}), shows,
				fails(func(d *replay.Draft) error { return s.remove(d, "k", "a") }), shows,
				fails(func(d *replay.Draft) error { return s.add(d, "k", "h") }), shows,
				fails(func(d *replay.Draft) error { return s.remove(d, "k", "b") }), shows,
			)
			again := n.Replay(t, n.Pos().Seq)
			if got, want := again.Pos(), n.Pos(); got != want {
				t.Errorf("replaying the journal leads to %v; want %v", got, want)
			}
			(&replaytest.Node{State: again, Clock: n.Clock}).Read(t, func(v *replay.View) {
				if got := replaytest.Show(t, v, "k"); got != want {
					t.Errorf("replayed, k is %s; want %s", got, want)
				}
			})
		})
	}
}
