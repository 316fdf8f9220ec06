package replay_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/catalog"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/writer"
)

// libraries returns the libraries of a state, name and code in turn.
func libraries(t *testing.T, s *replay.State) (list []string) {
	t.Helper()
	if err := s.View((&replaytest.Clock{}).Now(), func(v *replay.View) error {
		for _, name := range v.Functions().Keys() {
			code, _ := v.Functions().Get(name)
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
		if err := errors.Join(d.SetFunction("c", "x"), d.SetFunction("a", "")); err != nil {
			return err
		}
		if got := d.Functions().Keys(); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("Names = %q in the draft; want b and c", got)
		}
		d.Undo(m)
		if got := d.Functions().Keys(); !slices.Equal(got, []string{"a", "b"}) {
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
	n.Must(func(d *replay.Draft) error { return d.SetFunction("a", "") })
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
		s, _, err := recovery.Load(context.Background(), path, 3)
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

// What a batch has done to the libraries is taken back with the rest of it, and
// with what was applied together with it.
func TestFunctionsRollBack(t *testing.T) {
	bad := &journal.KeyDelete{DB: 9, Key: "k"}
	for name, ops := range map[string][]journal.Op{
		"set":     {&journal.FunctionSet{Name: "lib", Code: "other"}, bad},
		"new":     {&journal.FunctionSet{Name: "new", Code: "code"}, bad},
		"removed": {&journal.FunctionSet{Name: "lib"}, bad},
		"flushed": {&journal.FunctionFlush{}, bad},
	} {
		s := replaytest.NewState(t, 2)
		if err := s.Apply(commit(t, 1, journal.Batch{Epoch: 1, Entries: entry(&journal.FunctionSet{Name: "lib", Code: "code"})})); err != nil {
			t.Fatal(err)
		}
		var version catalog.Version
		if err := s.View(time.UnixMilli(0), func(v *replay.View) error { version = v.Functions().Version(); return nil }); err != nil {
			t.Fatal(err)
		}
		at := s.Pos()
		if err := s.Apply(commit(t, 2, journal.Batch{Epoch: 1, Prev: at.Digest, Entries: entry(ops...)})); err == nil {
			t.Fatalf("%s: Apply = nil; want an error", name)
		}
		if got := libraries(t, s); !slices.Equal(got, []string{"lib", "code"}) || s.Pos() != at {
			t.Errorf("%s: libraries = %q at %v; want lib as it was at %v", name, got, s.Pos(), at)
		}
		if err := s.View(time.UnixMilli(0), func(v *replay.View) error {
			if v.Functions().Version() != version {
				t.Errorf("%s: another version; want the one before the batch", name)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
