package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/appliance/store"
	"ledge/journal/fault"
	"ledge/journal/logtest"
)

// place is where a store is, with its log.
type place struct {
	store.Config
	log *logtest.Log
}

func newPlace(t *testing.T) place {
	t.Helper()
	dir, log := t.TempDir(), &logtest.Log{}
	return place{store.Config{Path: filepath.Join(dir, "node.db"), Aside: filepath.Join(dir, "aside", "node.db"),
		Log: log.Logger()}, log}
}

func (p place) open(t *testing.T) *store.Store {
	t.Helper()
	s := store.Open(p.Config)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v; want nil", err)
		}
	})
	return s
}

// rows are the rows of a table as words.
func rows(s *store.Store, table string) (words []string) {
	for _, r := range s.Range(table, "", "") {
		words = append(words, r.Key+"="+string(r.Val))
	}
	return words
}

func wantRows(t *testing.T, s *store.Store, table string, want ...string) {
	t.Helper()
	if got := rows(s, table); !slices.Equal(got, want) {
		t.Errorf("table %s has %q; want %q", table, got, want)
	}
	if got := s.Len(table); got != len(want) {
		t.Errorf("table %s has %d rows; want %d", table, got, len(want))
	}
}

func put(t *testing.T, s *store.Store, table, key, val string) {
	t.Helper()
	if err := s.Put(table, key, []byte(val)); err != nil {
		t.Fatalf("Put %s %s = %v", table, key, err)
	}
}

// Tables don't know each other, rows are in the order of their keys, and all of it is
// there after the store has been opened again.
func TestStore(t *testing.T) {
	p := newPlace(t)
	s := p.open(t)
	for _, k := range []string{"c", "a", "b", "d"} {
		put(t, s, "one", k, "1"+k)
		put(t, s, "on", k, "2"+k)
	}
	put(t, s, "one", "a", "new\r\n\x00")
	if err := s.Delete("one", "d"); err != nil {
		t.Error(err)
	}
	if err := s.Delete("one", "was never"); err != nil {
		t.Error(err)
	}
	for keep := range 3 {
		if err := s.Trim("one", 3+keep); err != nil {
			t.Error(err)
		}
	}
	if err := s.Trim("on", 2); err != nil {
		t.Error(err)
	}
	check := func(s *store.Store) {
		t.Helper()
		wantRows(t, s, "one", "a=new\r\n\x00", "b=1b", "c=1c")
		wantRows(t, s, "on", "c=2c", "d=2d")
		if got := s.Range("one", "b", "c"); len(got) != 1 || got[0].Key != "b" {
			t.Errorf("Range from b before c = %v; want b", got)
		}
		if last, ok := s.Last("on"); !ok || last.Key != "d" {
			t.Errorf("Last = %v, %v; want d", last, ok)
		}
		if _, ok := s.Last("om"); ok {
			t.Error("an empty table has a last row")
		}
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Put("one", "k", nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Put after Close = %v; want ErrClosed", err)
	}
	if err := s.PutSynced(t.Context(), "one", "k", nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("PutSynced after Close = %v; want ErrClosed", err)
	}
	check(p.open(t))
	if got := p.log.String(); got != "" {
		t.Errorf("the log says %s; want nothing", got)
	}
	if st, err := os.Stat(p.Path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; want mode 0600", st.Mode(), err)
	}
}

// While the disk takes nothing rows are in memory, what has to be on the disk is
// refused and is as it was before, and all of it is written once the disk goes on.
func TestNoDisk(t *testing.T) {
	p := newPlace(t)
	gone := filepath.Dir(p.Path)
	p.Path = filepath.Join(gone, "later", "node.db")
	s := p.open(t)
	put(t, s, "t", "a", "1")
	for _, key := range []string{"a", "b"} {
		if err := s.PutSynced(t.Context(), "t", key, []byte("2")); fault.Of(err) != fault.Retryable || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("PutSynced of %s without a directory = %v; want Retryable, that it does not exist", key, err)
		}
	}
	wantRows(t, s, "t", "a=1")
	if got := strings.Count(p.log.String(), "could not be written"); got != 1 {
		t.Errorf("the log has %d lines of it; want 1: %s", got, p.log)
	}
	if err := os.Mkdir(filepath.Dir(p.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.PutSynced(t.Context(), "t", "b", []byte("3")); err != nil {
		t.Errorf("PutSynced with the directory = %v; want nil", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantRows(t, p.open(t), "t", "a=1", "b=3")
}

// A row that was to be on the disk and whose writer gave up waiting is as it was
// before, here and after the next start.
func TestGaveUp(t *testing.T) {
	p := newPlace(t)
	s := p.open(t)
	put(t, s, "t", "a", "1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // the disk may be faster than the context
		if err := s.PutSynced(ctx, "t", "a", []byte("2")); err == nil {
			put(t, s, "t", "a", "1")
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("PutSynced = %v; want that the context was over", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantRows(t, p.open(t), "t", "a=1")
}

// Neither rows nor their number grow past bounds.
func TestBounds(t *testing.T) {
	s := newPlace(t).open(t)
	for _, tt := range []struct {
		table, key string
		val        int
	}{{"t", "k", store.MaxValue + 1}, {"t", strings.Repeat("k", store.MaxKey), 0}, {"", "k", 0}, {"a:b", "k", 0}} {
		if err := s.Put(tt.table, tt.key, make([]byte, tt.val)); fault.Of(err) != fault.Refused {
			t.Errorf("Put %q %.10q, %d bytes = %v; want Refused", tt.table, tt.key, tt.val, err)
		}
	}
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = s.Put("t", fmt.Sprint(n), make([]byte, store.MaxValue))
	}
	if !errors.Is(err, store.ErrFull) || n < 10 {
		t.Errorf("row %d: %v; want ErrFull, after some", n, err)
	}
	if err := s.Put("t", "0", nil); err != nil {
		t.Errorf("a shorter value for a row of a full store = %v; want nil", err)
	}
	if err := s.Trim("t", 0); err != nil || s.Len("t") != 0 {
		t.Errorf("Trim = %v, %d rows are left; want none", err, s.Len("t"))
	}
}

// The file doesn't grow with what is history.
func TestFileBound(t *testing.T) {
	p := newPlace(t)
	s := p.open(t)
	big := make([]byte, 1<<18)
	for i := range 100 {
		if err := s.Put("t", "k", big); err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			if err := s.PutSynced(t.Context(), "t", "k", big); err != nil {
				t.Fatal(err)
			}
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		st, err := os.Stat(p.Path)
		if err == nil && st.Size() < 8<<20 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the file has %d bytes, %v; want less than 8 MiB for one row of %d", st.Size(), err, len(big))
		}
		s.Put("t", "k", big)
	}
}

// Whatever is in the file, the store opens, and what it has then it has again.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("*3\r\n$3\r\nset\r\n$3\r\nt:k\r\n$5\r\nxxxxv\r\n*2\r\n$3\r\ndel\r\n$3\r\nt:k\r\n"))
	f.Add([]byte("\x00"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		cfg := store.Config{Path: filepath.Join(dir, "node.db"), Aside: filepath.Join(dir, "aside")}
		if err := os.WriteFile(cfg.Path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s := store.Open(cfg)
		got := rows(s, "t")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = store.Open(cfg)
		if again := rows(s, "t"); !slices.Equal(again, got) {
			t.Errorf("%q: %q, and then %q", b, got, again)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
