package journal_test

import (
	"reflect"
	"testing"
	"time"

	"ledge/journal"
)

// A piece comes back as it was, for whoever asks for that one of that journal.
func TestPiece(t *testing.T) {
	b := journal.Batch{Epoch: 3, Entries: []journal.Entry{{At: time.UnixMilli(5),
		Ops: []journal.Op{&journal.StringSet{Key: "k", Value: "v"}, &journal.MoveAt{ID: 1, Cursor: 2, Seq: 3}}}}}
	p := journal.AppendPiece(nil, 7, 9, b)
	got, err := journal.ReadPiece(p, 7, 9)
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("ReadPiece = %+v, %v; want %+v", got, err, b)
	}
	flipped := append([]byte(nil), p...)
	flipped[len(p)-1] ^= 1
	for what, read := range map[string]func() (journal.Batch, error){
		"another number":  func() (journal.Batch, error) { return journal.ReadPiece(p, 7, 8) },
		"another lineage": func() (journal.Batch, error) { return journal.ReadPiece(p, 6, 9) },
		"cut short":       func() (journal.Batch, error) { return journal.ReadPiece(p[:len(p)-1], 7, 9) },
		"a flipped bit":   func() (journal.Batch, error) { return journal.ReadPiece(flipped, 7, 9) },
	} {
		if b, err := read(); err == nil {
			t.Errorf("%s: %+v; want an error", what, b)
		}
	}
}
