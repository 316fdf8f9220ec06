package journal_test

import (
	"errors"
	"strings"
	"testing"

	"ledge/journal"
)

// Whoever only reads a journal sees what its Log does, and the same checks hold.
func TestHistory(t *testing.T) {
	lg, drv := filled(t, 5)
	var reader journal.Reader = drv
	for name, h := range map[string]journal.History{"log": lg, "reader": journal.NewHistory(reader, lg.Lineage())} {
		st, err := h.Stat(t.Context())
		if err != nil || st.First != 1 || st.Last != 5 || h.Lineage() != lg.Lineage() {
			t.Errorf("%s: Stat = %+v, %v, lineage %s; want 1 to 5 of lineage %s", name, st, err, h.Lineage(), lg.Lineage())
		}
		n := journal.Seq(2)
		for c, err := range h.Read(t.Context(), 3) {
			if n++; err != nil || c.Seq() != n {
				t.Fatalf("%s: Read yields number %d, %v; want %d", name, c.Seq(), err, n)
			}
		}
		if n != 5 {
			t.Errorf("%s: Read(3) ends with number %d; want 5", name, n)
		}
		for range h.Read(t.Context(), 1) {
			break // leaves nothing
		}
	}
	for _, err := range journal.NewHistory(reader, lg.Lineage()+1).Read(t.Context(), 2) {
		if !errors.Is(err, journal.ErrDamage) || !strings.Contains(err.Error(), "number 2") {
			t.Errorf("Read of another lineage = %v; want damage at number 2", err)
		}
	}
}
