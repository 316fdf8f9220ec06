package replay_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/writer"
)

// libraries returns the libraries of a state, name and code in turn.
func libraries(t *testing.T, s *replay.State) (list []string) {
	t.Helper()
	if err := s.View((&replaytest.Clock{}).Now(), func(v *replay.View) error {
		for _, name := range v.Functions().Names() {
			code, _ := v.Functions().Code(name)
			list = append(list, name, code)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// Libraries are set, replaced, removed and flushed; a draft sees what it did,
// and undoing it leaves nothing. The journal leads to the same state.
func TestFunctions(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{Node: "functions"})
	setLib := func(name, code string) replaytest.Command {
		return func(d *replay.Draft) error { return d.SetFunction(name, code) }
	}
	n.Must(setLib("b", "two"), setLib("a", "one"), setLib("b", "three"), set(1, "k"))
	n.Must(func(d *replay.Draft) error {
		m := d.Mark()
		if err := errors.Join(d.SetFunction("c", "x"), d.DeleteFunction("a")); err != nil {
			return err
		}
		if got := d.Functions().Names(); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("Names = %q in the draft; want b and c", got)
		}
		d.Undo(m)
		if got := d.Functions().Names(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("Names = %q after Undo; want a and b", got)
		}
		return nil
	})
	want := []string{"a", "one", "b", "three"}
	if got := libraries(t, n.State); !slices.Equal(got, want) {
		t.Errorf("libraries = %q; want %q", got, want)
	}
	if got := libraries(t, n.Replay(t, n.Pos().Seq)); !slices.Equal(got, want) {
		t.Errorf("libraries = %q after replaying; want %q", got, want)
	}
	n.Must(func(d *replay.Draft) error { return d.DeleteFunction("a") })
	n.Must(func(d *replay.Draft) error { return d.FlushFunctions() })
	again := n.Replay(t, n.Pos().Seq)
	if got := libraries(t, again); len(got) != 0 || again.Pos() != n.Pos() {
		t.Errorf("libraries = %q at %v; want none at %v", got, again.Pos(), n.Pos())
	}
}

// A snapshot has the libraries, and no bit of them can change unnoticed.
func TestFunctionsInSnapshot(t *testing.T) {
	n := sample(t)
	n.Must(func(d *replay.Draft) error {
		return errors.Join(d.SetFunction("lib", "code \x00"), d.SetFunction("a", "b"))
	})
	var buf bytes.Buffer
	if _, err := n.WriteSnapshot(context.Background(), &buf, replaytest.Lineage); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.snap")
	load := func(b []byte) (*replay.State, error) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, _, err := replay.LoadSnapshot(context.Background(), path, 3)
		return s, err
	}
	s, err := load(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	replaytest.CheckAtEnd(t, s)
	if got, want := libraries(t, s), libraries(t, n.State); !slices.Equal(got, want) || s.Pos() != n.Pos() {
		t.Errorf("libraries = %q at %v; want %q at %v", got, s.Pos(), want, n.Pos())
	}
	at := bytes.Index(buf.Bytes(), []byte("code"))
	b := slices.Clone(buf.Bytes())
	b[at] ^= 1
	reseal(b)
	var d *snapshot.Damage
	if _, err := load(b); !errors.As(err, &d) {
		t.Errorf("a library changed: %v; want SnapshotDamage", err)
	}
}
