package journal_test

// What Log says of journals that are not as they were written. The driver is
// in memory and does harm to order.

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
)

const lineage journal.Lineage = 0x1ed6e

func newLog(t *testing.T, drv journal.Driver, l journal.Lineage) *journal.Log {
	t.Helper()
	lg, err := journal.NewLog(t.Context(), drv, l)
	if err != nil {
		t.Fatal(err)
	}
	return lg
}

func batch(epoch uint64, key string) journal.Batch {
	return journal.Batch{Epoch: epoch, Entries: []journal.Entry{{
		At: time.UnixMilli(1767225600000), Ops: []journal.Op{&journal.StringSet{Key: key, Value: "v"}},
	}}}
}

// filled returns a journal of n batches of epoch 1.
func filled(t *testing.T, n int) (*journal.Log, *mem.Journal) {
	t.Helper()
	drv := mem.New()
	lg := newLog(t, drv, lineage)
	for range n {
		if _, err := lg.Append(t.Context(), batch(1, "k")); err != nil {
			t.Fatal(err)
		}
	}
	return lg, drv
}

// readAll returns the numbers that Read yields and the error that ends it.
func readAll(t *testing.T, lg *journal.Log, from journal.Seq) ([]journal.Seq, error) {
	t.Helper()
	var seqs []journal.Seq
	for c, err := range lg.Read(t.Context(), from) {
		if err != nil {
			return seqs, err
		}
		seqs = append(seqs, c.Seq())
	}
	return seqs, nil
}

func TestAppendRead(t *testing.T) {
	lg, drv := filled(t, 0)
	for i := range journal.Seq(3) {
		c, err := lg.Append(t.Context(), batch(5, "k"))
		if err != nil || c.Seq() != i+1 || c.Size() == 0 {
			t.Fatalf("Append = number %d of %d bytes, %v; want number %d", c.Seq(), c.Size(), err, i+1)
		}
	}
	lg = newLog(t, drv, lineage)
	if c, err := lg.Append(t.Context(), batch(6, "k")); err != nil || c.Seq() != 4 {
		t.Errorf("Append on an opened journal = number %d, %v; want 4", c.Seq(), err)
	}
	got, err := readAll(t, lg, 2)
	if err != nil || len(got) != 3 || got[0] != 2 {
		t.Errorf("Read(2) = %v, %v; want 2 3 4", got, err)
	}
}

// Whatever is wrong with a stored journal is named at the number where it is,
// after everything before it.
func TestDamage(t *testing.T) {
	tests := []struct {
		name  string
		harm  func(*mem.Journal)
		at    journal.Seq
		cause string
	}{
		{"flipped bit", func(d *mem.Journal) { d.Flip(3, 400) }, 3, "checksum"},
		{"gap", func(d *mem.Journal) { d.Drop(3) }, 3, "number 4"},
		{"empty frame", func(d *mem.Journal) { d.Replace(3, nil) }, 3, "0 bytes"},
		{"other frame", func(d *mem.Journal) { d.Replace(3, stored(d, 2)) }, 3, "says it is number 2"},
		{"foreign frame", func(d *mem.Journal) { d.Replace(3, foreign(3, lineage+1, 1)) }, 3, "lineage"},
		{"falling epoch", func(d *mem.Journal) { d.Replace(3, foreign(3, lineage, 0)) }, 3, "epoch falls"},
		{"last", func(d *mem.Journal) { d.Flip(5, 0) }, 5, "begins with"},
		{"first", func(d *mem.Journal) { d.Drop(1) }, 1, "number 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lg, drv := filled(t, 5)
			tt.harm(drv)
			got, err := readAll(t, lg, 1)
			var d *journal.DamageError
			if !errors.As(err, &d) || d.Seq != tt.at || fault.Of(err) != fault.Fatal {
				t.Fatalf("Read = %v; want fatal damage at %d", err, tt.at)
			}
			if !strings.Contains(err.Error(), tt.cause) {
				t.Errorf("Read = %v; want it to say %q", err, tt.cause)
			}
			if len(got) != int(tt.at)-1 {
				t.Errorf("Read yields %v before the damage; want all up to %d", got, tt.at-1)
			}
		})
	}
}

// stored returns the frame that d keeps under seq.
func stored(d *mem.Journal, seq journal.Seq) []byte {
	for f := range d.Read(context.Background(), seq) {
		return f.Data
	}
	return nil
}

// foreign returns a good frame numbered seq from a journal of another kind.
func foreign(seq journal.Seq, l journal.Lineage, epoch uint64) []byte {
	d := mem.New()
	lg, err := journal.NewLog(context.Background(), d, l)
	if err != nil {
		panic(err)
	}
	for range seq {
		if _, err := lg.Append(context.Background(), batch(epoch, "k")); err != nil {
			panic(err)
		}
	}
	return stored(d, seq)
}

// A failed append keeps the driver's class, and the number stays free.
func TestAppendFails(t *testing.T) {
	lg, drv := filled(t, 2)
	drv.FailNext(fault.With(fault.Retryable, errors.New("disk full")))
	if _, err := lg.Append(t.Context(), batch(1, "lost")); fault.Of(err) != fault.Retryable {
		t.Errorf("Append = %v; want a Retryable error", err)
	}
	drv.FailNext(errors.New("no class"))
	if _, err := lg.Append(t.Context(), batch(1, "lost")); fault.Of(err) != fault.Fatal {
		t.Errorf("Append = %v; want a Fatal error", err)
	}
	if c, err := lg.Append(t.Context(), batch(1, "k")); err != nil || c.Seq() != 3 {
		t.Errorf("Append = number %d, %v; want 3", c.Seq(), err)
	}
}

// A batch over the limit is refused before the driver sees it.
func TestTooLarge(t *testing.T) {
	lg, drv := filled(t, 0)
	_, err := lg.Append(t.Context(), batch(1, strings.Repeat("k", journal.MaxFrame)))
	if fault.Of(err) != fault.Refused || drv.Appends() != 0 {
		t.Errorf("Append = %v after %d appends to the driver; want Refused and none", err, drv.Appends())
	}
}
