package appliance

import (
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/mem"
)

// What is taken in bulk counts as synced once it is, and not before.
func TestMeterBulk(t *testing.T) {
	ctx := t.Context()
	m := &meter{clock: time.Now, sync: SyncAlways, stored: func(journal.Seq, []byte) {}}
	d := m.on(mem.New())
	last := journal.Seq(0)
	add := func(n int) {
		t.Helper()
		if got, err := d.AppendAll(ctx, last, make([][]byte, n)); got != n || err != nil {
			t.Fatalf("AppendAll = %d, %v; want %d, nil", got, err, n)
		}
		last += journal.Seq(n)
	}
	bulk := func(on bool) {
		t.Helper()
		if err := d.Bulk(ctx, on); err != nil {
			t.Fatal(err)
		}
	}
	want := func(want journal.Seq) {
		t.Helper()
		if got := m.synced(last); got != want {
			t.Errorf("of %d numbers %d are synced; want %d", last, got, want)
		}
	}
	add(3)
	want(3)
	bulk(true)
	want(3)
	add(2)
	bulk(true)
	want(3)
	if err := d.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	want(5)
	add(2)
	want(5)
	bulk(false)
	want(7)
	add(1)
	want(8)
}
