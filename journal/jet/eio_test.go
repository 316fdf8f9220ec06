package jet_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/jet"
	"ledge/journal/jet/faultfs"
	"ledge/journal/jet/jettest"
)

// A disk that can't read a block leaves a damaged journal: what is before the
// block can be served, and the block is set aside unread.
func TestUnreadableBlock(t *testing.T) {
	disk := faultfs.Start(t)
	dir := filepath.Join(disk.Dir, "nats")
	j := open(t, jet.Config{Dir: dir, Create: true})
	batches(t, j, 10)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	rs := records(t, dir)
	lost := rs[len(rs)-1].Path
	first := journal.Seq(0)
	for _, r := range rs {
		if r.Path == lost && first == 0 {
			first = r.Seq
		}
	}
	if err := disk.Add(faultfs.Rule{Op: faultfs.OpRead, Match: filepath.Base(lost), Errno: syscall.EIO}); err != nil {
		t.Fatal(err)
	}
	if _, err := jettest.Open(t.Context(), jet.Config{Dir: dir, Lineage: lineage}, broker.Config{}); !errors.Is(err, journal.ErrDamage) {
		t.Fatalf("Open = %v; want damage", err)
	}
	s, err := jet.Inspect(t.Context(), dir, lineage)
	if err != nil || s.Promised != 10 || s.Reach(0) != first-1 {
		t.Fatalf("Inspect: traces up to %d, %d can be read, %v; want 10 and %d", s.Promised, s.Reach(0), err, first-1)
	}
	if err := s.Mend(t.Context(), jet.Mending{Lineage: lineage, Last: first - 1,
		Aside: filepath.Join(disk.Dir, "aside")}); err != nil {
		t.Fatalf("Mend = %v; want nil", err)
	}
	if err := disk.Clear(); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, 0, first-1)
}
