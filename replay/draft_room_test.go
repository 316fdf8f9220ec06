package replay

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Where the process has no room, what takes much is refused as Redis does, and what
// takes little or frees is not even asked about.
func TestDraftRoom(t *testing.T) {
	s, g := panicState(t)
	var asked []int64
	fits := int64(0)
	s.SetRoom(func(n int64) bool { asked = append(asked, n); return n <= fits })
	s.SetBound(32 << 20)
	long := []byte(strings.Repeat("v", 900_000))
	for _, tt := range []struct {
		name  string
		fits  int64
		steps func(d *Draft) error
		asked int // times
		want  string
	}{
		{"a long string that fits", 4 << 20, func(d *Draft) error { return d.SetString([]byte("k"), long, 0) }, 1, "<nil>"},
		{"a long string", 1 << 20, func(d *Draft) error { return d.SetString([]byte("k"), long, 0) }, 1, errNoRoom.Error()},
		{"an edit of an absent string", 1 << 20, func(d *Draft) error { return d.EditString([]byte("e"), 900_000, []byte("x")) }, 1, errNoRoom.Error()},
		{"long elements", 1 << 20, func(d *Draft) error { _, err := d.SetFields([]byte("h"), 0, [][]byte{[]byte("f"), long}); return err }, 1, errNoRoom.Error()},
		{"little", 0, func(d *Draft) error { return d.SetString([]byte("k"), long[:1000], 0) }, 0, "<nil>"},
		{"deletions", 0, func(d *Draft) error {
			for i := range 10_000 {
				if err := d.SetString(fmt.Append(nil, i), nil, 0); err != nil {
					return err
				}
				if _, err := d.Delete(fmt.Append(nil, i)); err != nil {
					return err
				}
			}
			return nil
		}, 0, "<nil>"},
	} {
		asked, fits = nil, tt.fits
		var err error
		if _, panicked := evaluate(g, func(d *Draft) { err = tt.steps(d) }); panicked != nil {
			t.Fatal(panicked)
		}
		if got := fmt.Sprint(err); got != tt.want {
			t.Errorf("%s: %v; want %s", tt.name, got, tt.want)
		}
		if len(asked) != tt.asked {
			t.Errorf("%s: asked for room %v; want %d times", tt.name, asked, tt.asked)
		}
	}
}

// What a draft has refused or taken back does not live as long as the draft: 200 values
// of a transaction that nobody could keep had the kernel kill a node.
func TestRefusedIsLetGo(t *testing.T) {
	s, g := panicState(t)
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	long := make([]byte, 900_000)
	for name, step := range map[string]func(d *Draft){
		"refused": func(d *Draft) {
			s.SetBound(1 << 20) // so an entry may have 1 MiB
			_ = d.SetString([]byte("a"), long, 0)
			if d.SetString([]byte("b"), long, 0) == nil {
				t.Error("an entry of 1.8 MB is taken")
			}
		},
		"taken back": func(d *Draft) {
			m := d.Mark()
			_ = d.SetString([]byte("a"), long, 0)
			d.Undo(m)
		},
	} {
		var before, after uint64
		if _, err := evaluate(g, func(d *Draft) {
			s.SetBound(0)
			before = live()
			for range 20 {
				m := d.Mark()
				step(d)
				d.Undo(m)
			}
			after = live()
		}); err != nil {
			t.Fatal(err)
		}
		if after > before+2<<20 {
			t.Errorf("%s: 20 values of 0.9 MB leave %d bytes; want none of them", name, after-before)
		}
	}
}
