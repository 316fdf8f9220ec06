package journaltest

// Many frames at a time, and taking them out again.

import (
	"bytes"
	"context"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
)

func testAppendAll(t *testing.T, h *harness) {
	ctx := t.Context()
	if n, err := h.drv.AppendAll(ctx, 0, nil); n != 0 || err != nil {
		t.Errorf("AppendAll of nothing = %d, %v; want 0, nil", n, err)
	}
	h.fill(0, 3)
	if n, err := h.drv.AppendAll(ctx, 3, frames(3, 203, 0)); n != 200 || err != nil {
		t.Fatalf("AppendAll = %d, %v; want 200, nil", n, err)
	}
	h.wantFrames(1, 203)
	for _, prev := range []journal.Seq{0, 202, 204} {
		n, err := h.drv.AppendAll(ctx, prev, [][]byte{[]byte("from"), []byte("somebody else")})
		if c := fault.Of(err); n != 0 || c != fault.Operator {
			t.Errorf("AppendAll(%d) behind number 203 = %d, %v, class %s; want 0 and class operator", prev, n, err, c)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if n, err := h.drv.AppendAll(cancelled, 203, frames(203, 303, 0)); n != 0 || fault.Of(err) != fault.Retryable {
		t.Errorf("AppendAll when cancelled = %d, %v; want 0 and a Retryable error", n, err)
	}
	all := frames(203, 403, 200<<10)
	if n, err := h.drv.AppendAll(ctx, 203, all); n != 200 || err != nil {
		t.Fatalf("AppendAll with large ones = %d, %v; want 200, nil", n, err)
	}
	i := 0
	for f, err := range h.drv.Read(ctx, 204) {
		if err != nil || !bytes.Equal(f.Data, all[i]) {
			t.Fatalf("number %d: %v, %d bytes; want %d", 204+i, err, len(f.Data), len(all[i]))
		}
		i++
	}
	h.wantStat(1, 403)
}

func testBulk(t *testing.T, h *harness) {
	bulk := func(on bool) {
		t.Helper()
		for range 2 { // saying it twice changes nothing
			if err := h.drv.Bulk(t.Context(), on); err != nil {
				t.Fatalf("Bulk(%v) = %v; want nil", on, err)
			}
		}
	}
	bulk(false)
	last := journal.Seq(0)
	for _, on := range []bool{true, false, true} {
		h.fill(last, last+3)
		bulk(on)
		if n, err := h.drv.AppendAll(t.Context(), last+3, frames(last+3, last+300, 0)); n != 297 || err != nil {
			t.Fatalf("AppendAll in bulk %v = %d, %v; want 297, nil", on, n, err)
		}
		if err := h.drv.Sync(t.Context()); err != nil {
			t.Fatalf("Sync in bulk %v = %v; want nil", on, err)
		}
		last += 300
		if err := h.drv.Truncate(t.Context(), last-150); err != nil {
			t.Fatalf("Truncate in bulk %v = %v; want nil", on, err)
		}
		h.wantFrames(last-149, last)
	}
	h.again(t)
	h.wantStat(last-149, last)
	h.wantFrames(last-149, last)
	h.fill(last, last+3)
}

func testCut(t *testing.T, h *harness) {
	h.fill(0, 30)
	for _, last := range []journal.Seq{30, 1000, 20} {
		if err := h.drv.Cut(t.Context(), last); err != nil {
			t.Fatalf("Cut(%d) = %v; want nil", last, err)
		}
	}
	h.wantStat(1, 20)
	h.wantFrames(1, 20)
	h.fill(20, 22)
	h.again(t)
	h.wantFrames(1, 22)
	if err := h.drv.Cut(t.Context(), 0); err != nil {
		t.Fatalf("Cut(0) = %v; want nil", err)
	}
	h.again(t)
	h.wantStat(1, 0)
	h.fill(0, 3)
	h.wantFrames(1, 3)
}

func testCutTruncated(t *testing.T, h *harness) {
	h.fill(0, 30)
	if err := h.drv.Truncate(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if err := h.drv.Cut(t.Context(), 15); err != nil {
		t.Fatalf("Cut(15) = %v; want nil", err)
	}
	h.wantFrames(11, 15)
	h.fill(15, 17)
	if err := h.drv.Cut(t.Context(), 10); err != nil {
		t.Fatalf("Cut(10), all that is left, = %v; want nil", err)
	}
	h.wantStat(11, 10)
	h.fill(10, 12)
	h.again(t)
	h.wantFrames(11, 12)
}

// frames are numbers prev+1 to last, of 100 bytes but for some that are large.
func frames(prev, last journal.Seq, large int) (fs [][]byte) {
	for seq := prev + 1; seq <= last; seq++ {
		size := 100
		if large > 0 && seq%50 == 0 {
			size = large
		}
		fs = append(fs, frame(seq, size))
	}
	return fs
}
