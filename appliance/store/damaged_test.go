package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// A file that ends anywhere has all rows that were written whole before that, and is
// gone on with. So has one whose end did not reach the disk and reads as zeros.
func TestTorn(t *testing.T) {
	p := newPlace(t)
	s := p.open(t)
	const n = 5
	var ends []int
	for i := range n {
		if err := s.PutSynced(t.Context(), "t", fmt.Sprint(i), []byte(strings.Repeat("v", i))); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(p.Path)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, int(st.Size()))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(p.Path)
	if err != nil || len(whole) != ends[n-1] {
		t.Fatalf("the file has %d bytes, %v; want %d", len(whole), err, ends[n-1])
	}
	for _, zeros := range []int{0, 1, 100} {
		for cut := range whole {
			q := newPlace(t)
			if err := os.WriteFile(q.Path, append(slices.Clone(whole[:cut]), make([]byte, zeros)...), 0o600); err != nil {
				t.Fatal(err)
			}
			want := 0
			for want < n && ends[want] <= cut {
				want++
			}
			s := q.open(t)
			if got := s.Len("t"); got != want {
				t.Fatalf("cut at %d, %d zeros after it: %d rows; want %d", cut, zeros, got, want)
			}
			put(t, s, "t", "more", "x")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if got := q.open(t).Len("t"); got != want+1 {
				t.Fatalf("cut at %d, %d zeros after it, one row more: %d rows; want %d", cut, zeros, got, want+1)
			}
			if got := q.log.String(); got != "" {
				t.Fatalf("cut at %d, %d zeros after it: the log says %s; want nothing", cut, zeros, got)
			}
		}
	}
}

// A file in which a byte is not what it was is set aside, whatever byte it is: the
// start is not refused, what stands before the damage and after it is kept, and a WARN
// says so. In the last row it may read as one that was not written whole.
func TestDamaged(t *testing.T) {
	p := newPlace(t)
	s := p.open(t)
	for i := range 3 {
		put(t, s, "t", fmt.Sprint(i), strings.Repeat("v", 10))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		for _, flip := range []byte{1, 0x80, 0xff} {
			q := newPlace(t)
			bad := slices.Clone(whole)
			bad[i] ^= flip
			if err := os.WriteFile(q.Path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			s := q.open(t)
			kept := rows(s, "t")
			put(t, s, "t", "more", "x")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if got := q.open(t).Len("t"); got != len(kept)+1 {
				t.Fatalf("byte %d: %d rows; want %d and one more", i, got, len(kept))
			}
			if len(kept) < 2 {
				t.Errorf("byte %d: %d rows; want all but the damaged one", i, len(kept))
			}
			if aside, err := os.ReadFile(q.Aside); err == nil {
				if !bytes.Equal(aside, bad) || !strings.Contains(q.log.String(), "level=WARN") {
					t.Fatalf("byte %d: %d bytes are set aside, log %s; want what there was, and a WARN", i, len(aside), q.log)
				}
			} else if len(kept) == 3 {
				t.Fatalf("byte %d is another one, and nobody has noticed", i)
			}
		}
	}
}

// What can't be the node's own store at all is set aside as well.
func TestForeign(t *testing.T) {
	for _, text := range []string{
		"SQLite format 3\x00", "*3\r\n$3\r\nset\r\n$99999999999\r\n", "*1\r\n$7\r\nflushdb\r\n", "*2\r\n$3\r\ndel\r\n$1\r\nx\r\n",
		"*3\r\n$3\r\nset\r\n$3\r\nt:k\r\n$0\r\n\r\n", "*1\r\n$0\r\n\r\n", "*9223372036854775807\r\n", "\x00\x00*1\r\n",
	} {
		p := newPlace(t)
		if err := os.WriteFile(p.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := p.open(t)
		if err := s.PutSynced(t.Context(), "t", "k", []byte("v")); err != nil {
			t.Errorf("%q: PutSynced = %v; want nil", text, err)
		}
		if b, err := os.ReadFile(p.Aside); err != nil || string(b) != text {
			t.Errorf("%q: aside is %q, %v; want the file", text, b, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		wantRows(t, p.open(t), "t", "k=v")
	}
}

// A node that has started before has a file with something in it. One that has none any more
// has lost its settings, and a password may have been among them: that is said once.
func TestLostFile(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"cut":     func(path string) error { return os.Truncate(path, 10) },
	} {
		p := newPlace(t)
		s := p.open(t)
		put(t, s, "t", "k", "v")
		if err := errors.Join(s.Close(), lose(p.Path)); err != nil {
			t.Fatal(err)
		}
		for _, known := range []bool{false, true} {
			q := p
			q.Known = known
			if err := q.open(t).Close(); err != nil {
				t.Fatal(err)
			}
			if got := q.log.Take(); strings.Contains(got, "a password among them") != known {
				t.Errorf("%s, known %v: the log says %q; want a WARN if the node has started before", name, known, got)
			}
			if err := lose(p.Path); err != nil && name == "removed" && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
}

// More zeros than a row that was being written can have are no torn end: they are kept as
// evidence, with the rows before them taken.
func TestManyZeros(t *testing.T) {
	p := newPlace(t)
	s := p.open(t)
	put(t, s, "t", "k", "v")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p.Path, 100<<20); err != nil {
		t.Fatal(err)
	}
	s = p.open(t)
	defer s.Close()
	wantRows(t, s, "t", "k=v")
	if st, err := os.Stat(p.Aside); err != nil || st.Size() != 100<<20 || !strings.Contains(p.log.String(), "level=WARN") {
		t.Errorf("aside: %v, %v, the log says %q; want all of the file, and a WARN", st, err, p.log)
	}
}
