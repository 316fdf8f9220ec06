package jet_test

import (
	"testing"

	"ledge/journal"
	"ledge/journal/jet"
	"ledge/journal/journaltest"
)

// open opens a journal, which is closed when the test ends.
func open(t *testing.T, cfg jet.Config) *jet.Journal {
	t.Helper()
	if cfg.Lineage == 0 {
		cfg.Lineage = lineage
	}
	j, err := jet.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func TestDriver(t *testing.T) {
	dirs := map[journal.Driver]string{}
	journaltest.Run(t,
		func(t *testing.T) journal.Driver {
			dir := t.TempDir()
			j := open(t, jet.Config{Dir: dir, Create: true})
			dirs[j] = dir
			return j
		},
		func(t *testing.T, d journal.Driver) journal.Driver {
			if err := d.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			j := open(t, jet.Config{Dir: dirs[d]})
			dirs[j] = dirs[d]
			return j
		})
}
