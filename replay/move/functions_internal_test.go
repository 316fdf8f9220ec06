package move

import (
	"testing"

	"github.com/nats-io/nats.go"
)

// FuzzLibraryPart has a target read whatever a source answers: what it takes is a part of a
// library that comes after the one that was named, and no more than the whole.
func FuzzLibraryPart(f *testing.F) {
	f.Add("b", "8", "0a0b0c0d", []byte("b 1"), "a", 0)
	f.Add("b", "8", "0a0b0c0d", []byte("b 1"), "a", 6)
	f.Add("a", "9999999999999", "0a0b0c0d", []byte("x"), "a", 1<<30)
	f.Add("", "", "", []byte(nil), "", 0)
	f.Fuzz(func(t *testing.T, name, size, sum string, data []byte, after string, offset int) {
		q := functions{Move: 1, After: after, Offset: offset}
		if q.Check() != nil {
			return
		}
		m := nats.NewMsg("")
		m.Data = data
		m.Header.Set(headerName, name)
		m.Header.Set(headerSize, size)
		m.Header.Set(headerSum, sum)
		p, err := readLibraryPart(m, q)
		switch {
		case err != nil:
		case p.name == "" && len(p.data) == 0:
		case p.name <= after || !travels(p.name) || len(p.data) == 0 || offset+len(p.data) > p.size || p.size > maxPiece:
			t.Errorf("taken: %+v after %q from %d on", p, after, offset)
		}
	})
}
