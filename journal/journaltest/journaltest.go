// Package journaltest is the suite that every journal.Driver passes.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// Run checks the promises of journal.Driver. open returns an empty journal; the
// suite closes it. When reopen isn't nil, it closes a journal and returns it as
// a restarted node would find it.
func Run(t *testing.T, open func(*testing.T) journal.Driver,
	reopen func(*testing.T, journal.Driver) journal.Driver) {
	tests := []struct {
		name string
		run  func(*testing.T, *harness)
	}{
		{"Empty", testEmpty},
		{"AppendRead", testAppendRead},
		{"ReadFromMiddle", testReadFromMiddle},
		{"StopReading", testStopReading},
		{"WrongPrev", testWrongPrev},
		{"FrameIsNotKept", testFrameIsNotKept},
		{"LargeFrames", testLargeFrames},
		{"AppendAll", testAppendAll},
		{"Bulk", testBulk},
		{"Synced", testSynced},
		{"Cut", testCut},
		{"CutTruncated", testCutTruncated},
		{"Truncate", testTruncate},
		{"TruncateAll", testTruncateAll},
		{"TruncateTooMuch", testTruncateTooMuch},
		{"Cancelled", testCancelled},
		{"ReadWhileAppending", testReadWhileAppending},
		{"Restart", testRestart},
		{"Reopen", testReopen},
		{"CloseTwice", testCloseTwice},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &harness{T: t, drv: open(t), reopen: reopen}
			t.Cleanup(func() {
				if err := h.drv.Close(); err != nil {
					t.Errorf("Close = %v; want nil", err)
				}
			})
			tt.run(t, h)
		})
	}
}

// harness is one open journal.
type harness struct {
	*testing.T
	drv    journal.Driver
	reopen func(*testing.T, journal.Driver) journal.Driver
}

// again opens the journal anew, if the driver keeps anything.
func (h *harness) again(t *testing.T) {
	if h.reopen != nil {
		h.drv = h.reopen(t, h.drv)
	}
}

// frame is what the suite stores under a number.
func frame(seq journal.Seq, size int) []byte {
	b := bytes.Repeat([]byte(fmt.Sprintf("frame %d; ", seq)), size/8+1)
	return b[:size]
}

// fill appends numbers prev+1 to last.
func (h *harness) fill(prev, last journal.Seq) {
	h.Helper()
	for ; prev < last; prev++ {
		if err := h.drv.Append(h.Context(), prev, frame(prev+1, 100)); err != nil {
			h.Fatalf("Append(%d) = %v; want nil", prev, err)
		}
	}
}

// wantFrames reads all from number from and wants exactly those up to last.
func (h *harness) wantFrames(from, last journal.Seq) {
	h.Helper()
	next := from
	for f, err := range h.drv.Read(h.Context(), from) {
		if err != nil {
			h.Fatalf("Read(%d) at number %d: %v", from, next, err)
		}
		if f.Seq != next {
			h.Fatalf("Read(%d) yields number %d; want %d", from, f.Seq, next)
		}
		if want := frame(next, 100); !bytes.Equal(f.Data, want) {
			h.Fatalf("number %d holds %q; want %q", next, f.Data, want)
		}
		next++
	}
	if next != last+1 {
		h.Fatalf("Read(%d) ends before number %d; want %d", from, next, last+1)
	}
}

func (h *harness) wantStat(first, last journal.Seq) {
	h.Helper()
	st, err := h.drv.Stat(h.Context())
	if err != nil {
		h.Fatalf("Stat: %v", err)
	}
	if st.First != first || st.Last != last {
		h.Fatalf("Stat spans %d to %d; want %d to %d", st.First, st.Last, first, last)
	}
}

// readErr reads from number from and returns how many frames came before the
// error.
func (h *harness) readErr(ctx context.Context, from journal.Seq) (int, error) {
	n := 0
	for _, err := range h.drv.Read(ctx, from) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func testEmpty(t *testing.T, h *harness) {
	h.wantStat(1, 0)
	h.wantFrames(1, 0)
	if err := h.drv.Truncate(t.Context(), 0); err != nil {
		t.Errorf("Truncate(0) = %v; want nil", err)
	}
	if err := h.drv.Truncate(t.Context(), 9); err != nil {
		t.Errorf("Truncate(9) of an empty journal = %v; want nil", err)
	}
	h.fill(0, 1)
	h.wantFrames(1, 1)
}

func testAppendRead(t *testing.T, h *harness) {
	h.fill(0, 50)
	h.wantFrames(1, 50)
	h.wantStat(1, 50)
	if st, _ := h.drv.Stat(t.Context()); st.Bytes < 50*100 {
		t.Errorf("Stat.Bytes = %d; want at least %d", st.Bytes, 50*100)
	}
}

func testReadFromMiddle(t *testing.T, h *harness) {
	h.fill(0, 20)
	for _, from := range []journal.Seq{1, 2, 19, 20, 21} {
		h.wantFrames(from, 20)
	}
	h.wantFrames(21, 20)
	h.fill(20, 25) // a follower goes on where it was
	h.wantFrames(21, 25)
	h.fill(25, 26)
	h.wantFrames(26, 26)
	h.wantFrames(25, 26)
}

func testStopReading(t *testing.T, h *harness) {
	h.fill(0, 10)
	for range h.drv.Read(t.Context(), 1) {
		break
	}
	h.wantFrames(1, 10)
}

func testWrongPrev(t *testing.T, h *harness) {
	h.fill(0, 5)
	for _, prev := range []journal.Seq{0, 4, 6, 1000} {
		err := h.drv.Append(t.Context(), prev, []byte("from somebody else"))
		if c := fault.Of(err); c != fault.Operator {
			t.Errorf("Append(%d) behind number 5 = %v, class %s; want class operator", prev, err, c)
		}
	}
	h.fill(5, 6)
	h.wantFrames(1, 6)
}

func testFrameIsNotKept(t *testing.T, h *harness) {
	buf := frame(1, 100)
	if err := h.drv.Append(t.Context(), 0, buf); err != nil {
		t.Fatal(err)
	}
	clear(buf)
	h.wantFrames(1, 1)
}

func testLargeFrames(t *testing.T, h *harness) {
	sizes := []int{0, 1, 1 << 20, journal.MaxFrame, 100, journal.MaxFrame, 32 << 10, 32<<10 + 1}
	for i, n := range sizes {
		if err := h.drv.Append(t.Context(), journal.Seq(i), frame(journal.Seq(i+1), n)); err != nil {
			t.Fatalf("Append of %d bytes = %v; want nil", n, err)
		}
	}
	i := 0
	for f, err := range h.drv.Read(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(f.Data, frame(f.Seq, sizes[i])) {
			t.Errorf("number %d of %d bytes came back as something else of %d", f.Seq, sizes[i], len(f.Data))
		}
		i++
	}
	if i != len(sizes) {
		t.Errorf("Read yields %d frames; want %d", i, len(sizes))
	}
}

func testTruncate(t *testing.T, h *harness) {
	h.fill(0, 30)
	for _, upTo := range []journal.Seq{10, 10, 3, 25} {
		if err := h.drv.Truncate(t.Context(), upTo); err != nil {
			t.Fatalf("Truncate(%d) = %v; want nil", upTo, err)
		}
	}
	h.wantStat(26, 30)
	h.wantFrames(26, 30)
	n, err := h.readErr(t.Context(), 25)
	var d *journal.DamageError
	if n != 0 || !errors.As(err, &d) || d.Seq != 25 {
		t.Errorf("Read(25) yields %d frames and %v; want a DamageError at 25", n, err)
	}
	h.fill(30, 35)
	h.wantFrames(26, 35)
}

func testTruncateAll(t *testing.T, h *harness) {
	h.fill(0, 10)
	if err := h.drv.Truncate(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	h.wantStat(11, 10)
	h.wantFrames(11, 10)
	if h.reopen != nil {
		h.drv = h.reopen(t, h.drv)
		h.wantStat(11, 10)
	}
	h.fill(10, 12)
	h.wantFrames(11, 12)
	if h.reopen != nil {
		h.drv = h.reopen(t, h.drv)
		h.wantFrames(11, 12)
	}
}

func testTruncateTooMuch(t *testing.T, h *harness) {
	h.fill(0, 10)
	if err := h.drv.Truncate(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	h.wantStat(11, 10)
	h.fill(10, 11)
	h.wantFrames(11, 11)
}

func testCancelled(t *testing.T, h *harness) {
	h.fill(0, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range h.drv.Read(ctx, 1) {
		if last = err; err != nil {
			break
		}
		n++
		cancel()
	}
	if n != 1 || !errors.Is(last, context.Canceled) {
		t.Errorf("Read that is cancelled after 1 frame yields %d and %v; want 1 and context.Canceled", n, last)
	}
	if err := h.drv.Append(ctx, 10, frame(11, 100)); err == nil || fault.Of(err) == fault.Fatal {
		t.Errorf("Append when cancelled = %v; want an error that isn't Fatal", err)
	}
	h.fill(10, 11)
	h.wantFrames(1, 11)
}

func testReadWhileAppending(t *testing.T, h *harness) {
	const n = 300
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.fill(0, n)
	}()
	next := journal.Seq(1)
	for running := true; running || next <= n; {
		select {
		case <-done:
			running = false
		default:
		}
		before := next
		for f, err := range h.drv.Read(t.Context(), next) {
			if err != nil {
				t.Errorf("Read(%d) at number %d: %v", before, next, err)
				<-done
				return
			}
			if f.Seq != next || !slices.Equal(f.Data, frame(next, 100)) {
				t.Errorf("Read yields number %d %q; want %d", f.Seq, f.Data, next)
			}
			next++
		}
		if !running && next == before {
			break
		}
	}
	if next != n+1 {
		t.Errorf("followed up to number %d; want %d", next-1, n)
	}
}

// A journal that is reopened where nothing is wrong is as it was.
func testReopen(t *testing.T, h *harness) {
	for n := journal.Seq(0); n < 30; n += 10 {
		if err := h.drv.Reopen(t.Context()); err != nil {
			t.Fatalf("Reopen at number %d = %v; want nil", n, err)
		}
		h.wantFrames(1, n)
		h.fill(n, n+10)
	}
	if err := h.drv.Truncate(t.Context(), 12); err != nil {
		t.Fatal(err)
	}
	if err := h.drv.Reopen(t.Context()); err != nil {
		t.Fatalf("Reopen of a truncated journal = %v; want nil", err)
	}
	h.wantStat(13, 30)
	h.fill(30, 31)
	h.wantFrames(13, 31)
}

func testRestart(t *testing.T, h *harness) {
	if h.reopen == nil {
		t.Skip("the driver doesn't outlive its Close")
	}
	h.drv = h.reopen(t, h.drv)
	h.wantStat(1, 0)
	h.fill(0, 20)
	h.drv = h.reopen(t, h.drv)
	h.wantStat(1, 20)
	h.wantFrames(1, 20)
	h.fill(20, 25)
	if err := h.drv.Truncate(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	h.drv = h.reopen(t, h.drv)
	h.wantStat(8, 25)
	h.wantFrames(8, 25)
}

// testSynced wants no more said to be on the disk than what has been synced, also
// of numbers that are used again.
func testSynced(t *testing.T, h *harness) {
	want := func(want journal.Seq) {
		t.Helper()
		if got, _ := h.drv.Synced(); got != want {
			t.Errorf("Synced() = %d; want %d", got, want)
		}
	}
	try := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s = %v; want nil", what, err)
		}
	}
	h.fill(0, 3)
	try("Sync", h.drv.Sync(t.Context()))
	want(3)
	try("Bulk(true)", h.drv.Bulk(t.Context(), true))
	want(3)
	h.fill(3, 5)
	if got, _ := h.drv.Synced(); got < 3 || got > 5 {
		t.Errorf("Synced() = %d; want 3 to 5", got)
	}
	try("Sync", h.drv.Sync(t.Context()))
	want(5)
	try("Cut", h.drv.Cut(t.Context(), 4))
	want(4)
	h.fill(4, 7)
	_, grown := h.drv.Synced()
	try("Sync", h.drv.Sync(t.Context()))
	want(7)
	if grown != nil {
		select {
		case <-grown:
		case <-time.After(10 * time.Second):
			t.Error("more is synced, and who waits for it isn't told")
		}
	}
	try("Bulk(false)", h.drv.Bulk(t.Context(), false))
	h.fill(7, 8)
	try("Sync", h.drv.Sync(t.Context()))
	want(8)
}

func testCloseTwice(t *testing.T, h *harness) {
	h.fill(0, 1)
	for range 2 {
		if err := h.drv.Close(); err != nil {
			t.Errorf("Close = %v; want nil", err)
		}
	}
}
