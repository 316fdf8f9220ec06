package replay_test

import (
	"fmt"
	"strings"
	"testing"

	"ledge/replay"
	"ledge/replay/replaytest"
)

// Collections become wide where Redis changes their encoding at its default
// settings, because the order of what they return does.
func TestWide(t *testing.T) {
	key := []byte("k")
	fields := func(name, val string) func(*replay.Draft) error {
		return func(d *replay.Draft) error {
			_, err := d.SetFields(key, 0, [][]byte{[]byte(name), []byte(val)})
			return err
		}
	}
	scored := func(name string) func(*replay.Draft) error {
		return func(d *replay.Draft) error {
			return d.SetScores(key, []replay.Scored{{Member: []byte(name)}})
		}
	}
	for _, tt := range []struct {
		what string
		add  func(name string) func(*replay.Draft) error
		n    int // elements that still are narrow
		last string
		want bool
	}{
		{"hash of 512", func(s string) func(*replay.Draft) error { return fields(s, "") }, 511, "x", false},
		{"hash of 513", func(s string) func(*replay.Draft) error { return fields(s, "") }, 512, "x", true},
		{"long name", func(s string) func(*replay.Draft) error { return fields(s, "") }, 0,
			strings.Repeat("x", 65), true},
		{"name of 64", func(s string) func(*replay.Draft) error { return fields(s, s) }, 0,
			strings.Repeat("x", 64), false},
		{"long value", func(s string) func(*replay.Draft) error { return fields("n", s) }, 0,
			strings.Repeat("x", 65), true},
		{"zset of 128", scored, 127, "x", false},
		{"zset of 129", scored, 128, "x", true},
	} {
		n := replaytest.Open(t, 1, replay.WriterConfig{})
		for i := range tt.n {
			n.Must(tt.add(fmt.Sprint(i)))
		}
		n.Must(tt.add(tt.last), func(d *replay.Draft) error {
			h, err := d.Hash(key)
			got := h.Wide()
			if err != nil {
				z, _ := d.ZSet(key)
				got = z.Wide()
			}
			if got != tt.want {
				t.Errorf("%s is wide: %v; want %v", tt.what, got, tt.want)
			}
			return nil
		})
	}
}
