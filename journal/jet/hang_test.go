package jet_test

// A disk on which calls hang until they are released. Nothing has failed then: an
// append is in doubt for as long as that lasts, and what the disk says in the end is
// what the journal holds.

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/journal/jet/faultfs"
	"ledge/journal/jet/jettest"
)

// forEver is longer than any test; Clear ends it.
const forEver = time.Hour

// hanging returns a journal that holds numbers 1 to 5 on a disk whose calls of a kind
// then hang, for files with match in their names, and end in errno.
func hanging(t *testing.T, cfg jet.Config, op faultfs.Op, match string, errno syscall.Errno) (*jettest.Journal, *faultfs.FS) {
	t.Helper()
	disk := faultfs.Start(t)
	cfg.Dir, cfg.Create = filepath.Join(disk.Dir, "nats"), true
	cfg.AppendTimeout = 50 * time.Millisecond
	j := open(t, cfg)
	t.Cleanup(func() { disk.Clear() }) // before the journal is closed
	fill(t, j, 0, 5)
	disk.Add(faultfs.Rule{Op: op, Match: match, Delay: forEver, Errno: errno})
	return j, disk
}

// doubtful returns the doubt that err must be.
func isUnclear(t *testing.T, what string, err error) *journal.Doubt {
	t.Helper()
	var d *journal.Doubt
	if !errors.As(err, &d) {
		t.Fatalf("%s = %v; want that it is in doubt", what, err)
	}
	select {
	case <-d.Done():
		t.Fatalf("%s is settled before the disk has answered: %v", what, d)
	default:
	}
	return d
}

// While an append hangs reads go on, other calls are refused or give way, and when
// the disk answers the append is what the disk says. Then the next one works.
func TestAppendHangs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		errno  syscall.Errno
		stored int
	}{{"and works", 0, 1}, {"and fails", syscall.EIO, 0}, {"and finds no space", syscall.ENOSPC, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			j, disk := hanging(t, jet.Config{}, faultfs.OpFsync, ".blk", tt.errno)
			d := isUnclear(t, "Append", j.Append(t.Context(), 5, frame(6)))
			if d.Seq != 6 {
				t.Errorf("number %d is in doubt; want 6", d.Seq)
			}
			wantFrames(t, j, 1, 5)
			for what, call := range map[string]func(context.Context) error{
				"Append": func(ctx context.Context) error { return j.Append(ctx, 6, frame(7)) },
				"Reopen": j.Reopen,
				"Cut":    func(ctx context.Context) error { return j.Cut(ctx, 3) },
				"Bulk":   func(ctx context.Context) error { return j.Bulk(ctx, true) },
			} {
				if err := call(t.Context()); fault.Of(err) != fault.Retryable {
					t.Errorf("%s while an append is in doubt = %v, class %s; want class retryable", what, err, fault.Of(err))
				}
			}
			soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := j.Truncate(soon, 2); fault.Of(err) == fault.Fatal {
				t.Errorf("Truncate while an append is in doubt = %v; want it to give way", err)
			}
			isUnclear(t, "Append", d)
			disk.Clear()
			n, err := settled(t, 0, d)
			if n != tt.stored || (err == nil) != (tt.errno == 0) || fault.Of(err) == fault.Fatal {
				t.Fatalf("settled as %d, %v, class %s; want %d", n, err, fault.Of(err), tt.stored)
			}
			if tt.errno != 0 && !strings.Contains(err.Error(), tt.errno.Error()) {
				t.Errorf("it is not stored because of %v; want %v", err, tt.errno)
			}
			if err != nil {
				if err := j.Reopen(t.Context()); err != nil {
					t.Fatalf("Reopen = %v; want nil", err)
				}
			}
			last := journal.Seq(5 + n)
			fill(t, j, last, last+2)
			st, err := j.Stat(t.Context())
			if err != nil || st.Last != last+2 {
				t.Errorf("Stat = %+v, %v; want it to end with %d", st, err, last+2)
			}
			wantFrames(t, j, st.First, last+2)
		})
	}
}

// A window that hangs in the middle stores what the disk has taken, in order.
func TestWindowHangs(t *testing.T) {
	j, disk := hanging(t, jet.Config{}, faultfs.OpFsync, "none", 0)
	disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", After: 20, Delay: forEver})
	n, err := j.AppendAll(t.Context(), 5, framesBehind(5, 50))
	d := isUnclear(t, "AppendAll", err)
	disk.Clear()
	if n, err = settled(t, n, d); n != 50 || err != nil {
		t.Errorf("settled as %d, %v; want all", n, err)
	}
	wantFrames(t, j, 1, 55)
	fill(t, j, 55, 56)
}

// Files that can't be read say nothing about an append: it stays in doubt until they
// can.
func TestSettleUnreadable(t *testing.T) {
	for _, op := range []faultfs.Op{faultfs.OpOpen, faultfs.OpRead} {
		j, disk := hanging(t, jet.Config{}, faultfs.OpFsync, "none", 0)
		disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Errno: syscall.EIO})
		disk.Add(faultfs.Rule{Op: op, Match: ".blk", Errno: syscall.EIO})
		n, err := 0, j.Append(t.Context(), 5, frame(6))
		var d *journal.Doubt
		if errors.As(err, &d) { // unless the kernel has had it all
			disk.Clear()
			n, err = settled(t, 0, d)
		}
		if n != 0 || fault.Of(err) != fault.Operator || !errors.Is(err, journal.ErrSync) {
			t.Errorf("with a failing %s: settled as %d, %v, class %s; want a failed sync", op, n, err, fault.Of(err))
		}
		disk.Clear()
		if err := j.Reopen(t.Context()); err != nil {
			t.Fatalf("Reopen = %v; want nil", err)
		}
		fill(t, j, 5, 6)
		wantFrames(t, j, 1, 6)
	}
}

// With an interval the broker syncs in the background. That this hangs loses nothing
// and fails nothing.
func TestIntervalSyncHangs(t *testing.T) {
	j, disk := hanging(t, jet.Config{Sync: jet.SyncInterval, SyncEvery: 10 * time.Millisecond}, faultfs.OpFsync, ".blk", 0)
	last := journal.Seq(5)
	var err error
	for end := time.Now().Add(2 * time.Second); err == nil && time.Now().Before(end); {
		if err = j.Append(t.Context(), last, frame(last+1)); err == nil {
			last++
		}
	}
	wantFrames(t, j, 1, last)
	if err != nil {
		d := isUnclear(t, "Append", err)
		disk.Clear()
		n, err := settled(t, 0, d)
		if err != nil {
			t.Errorf("settled as %d, %v; want it to be stored", n, err)
		}
		last += journal.Seq(n)
	}
	disk.Clear()
	fill(t, j, last, last+1)
	wantFrames(t, j, 1, last+1)
}

// What prepares appends may hang as well, and is in doubt then.
func TestBulkHangs(t *testing.T) {
	j, disk := hanging(t, jet.Config{}, faultfs.OpFsync, "mark", 0)
	d := isUnclear(t, "Bulk", j.Bulk(t.Context(), true))
	if d.Seq != 0 {
		t.Errorf("number %d is in doubt; want none", d.Seq)
	}
	wantFrames(t, j, 1, 5)
	disk.Clear()
	if _, err := settled(t, 0, d); err != nil {
		t.Fatalf("Bulk that has come back = %v; want nil", err)
	}
	fillAll(t, j, 5, 10)
	bulk(t, j, false)
	fill(t, j, 15, 16)
	wantFrames(t, j, 1, 16)
}

// The mark is no append's business: one goes on while it hangs. A truncation that
// hangs with it is finished when the disk answers.
func TestMarkHangs(t *testing.T) {
	j, disk := hanging(t, jet.Config{}, faultfs.OpFsync, "mark", 0)
	done := make(chan error, 1)
	before := disk.Stats()[faultfs.OpFsync].Hits
	go func() { done <- j.Truncate(t.Context(), 3) }()
	until(t.Context(), t, "the truncation hangs", func() bool { return disk.Stats()[faultfs.OpFsync].Hits > before })
	_, err := settled(t, 0, j.Append(t.Context(), 5, frame(6)))
	if err != nil {
		t.Errorf("Append while a truncation hangs = %v; want nil", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := j.Reopen(soon); fault.Of(err) != fault.Retryable {
		t.Errorf("Reopen while a truncation hangs = %v; want a Retryable error", err)
	}
	disk.Clear()
	if err := <-done; err != nil {
		t.Errorf("the truncation = %v; want nil", err)
	}
	if err := j.Reopen(t.Context()); err != nil {
		t.Errorf("Reopen = %v; want nil", err)
	}
	wantFrames(t, j, 4, 6)
}

// Reopening after a failed sync cuts, and that is synced. One that hangs there goes on
// when the disk answers.
func TestReopenHangs(t *testing.T) {
	j, disk := hanging(t, jet.Config{}, faultfs.OpFsync, "none", 0)
	disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Errno: syscall.EIO, Count: 1})
	if _, err := settled(t, 0, j.Append(t.Context(), 5, frame(6))); !errors.Is(err, journal.ErrSync) {
		t.Fatalf("Append = %v; want a failed sync", err)
	}
	disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Delay: forEver})
	before := disk.Stats()[faultfs.OpFsync].Hits
	done := make(chan error, 1)
	go func() { done <- j.Reopen(t.Context()) }()
	until(t.Context(), t, "reopening hangs", func() bool { return disk.Stats()[faultfs.OpFsync].Hits > before })
	wantFrames(t, j, 1, 5)
	disk.Clear()
	if err := <-done; err != nil {
		t.Errorf("Reopen = %v; want nil", err)
	}
	fill(t, j, 5, 6)
}

// Close does not wait for ever, and says what it has left.
func TestCloseHangs(t *testing.T) {
	t.Parallel()
	j, _ := hanging(t, jet.Config{}, faultfs.OpFsync, ".blk", 0)
	d := isUnclear(t, "Append", j.Append(t.Context(), 5, frame(6)))
	began := time.Now()
	err := j.Close()
	if took := time.Since(began); took > jet.CloseLimit+5*time.Second {
		t.Errorf("Close took %s; want %s at most", took, jet.CloseLimit)
	}
	if fault.Of(err) != fault.Operator || !errors.Is(err, jet.ErrLeft) || !strings.Contains(err.Error(), "the next start finds out") {
		t.Errorf("Close = %v; want that the next start finds out", err)
	}
	if n, err := settled(t, 0, d); n != 0 || fault.Of(err) != fault.Fatal {
		t.Errorf("settled as %d, %v, class %s; want that it can't be known", n, err, fault.Of(err))
	}
}

// A disk that takes some seconds for the first files of a journal has it made all the same.
func TestMadeLate(t *testing.T) {
	t.Parallel()
	disk := faultfs.Start(t)
	const late = 6 * time.Second
	disk.Add(faultfs.Rule{Op: faultfs.OpRename, Match: "meta.inf", Delay: late, Count: 1})
	began := time.Now()
	fill(t, open(t, jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true}), 0, 5)
	if took := time.Since(began); took < late {
		t.Errorf("it took %s; want the disk's %s", took, late)
	}
}
