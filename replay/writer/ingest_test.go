package writer_test

// A node that follows has its leader's frames and nothing else, whatever its own
// journal or its leader does.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// apprentice is a node that follows.
type apprentice struct {
	*writer.Follower
	writer *writer.Writer
	state  *replay.State
	mem    *mem.Journal
}

func follow(t *testing.T) *apprentice {
	t.Helper()
	a := &apprentice{mem: mem.New(), state: replaytest.NewState(t, 1)}
	a.writer = writer.New(writer.Config{Log: replaytest.NewLog(t, a.mem), State: a.state})
	var err error
	if a.Follower, err = a.writer.Follow(t.Context(), errors.New("it follows")); err != nil {
		t.Fatal(err)
	}
	if err := a.Recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = a.writer.RunHealth(ctx) }()
	ran := make(chan struct{})
	go func() { defer close(ran); _ = a.writer.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done; <-ran })
	return a
}

// framesOf returns what a journal in memory has from a number on.
func framesOf(t *testing.T, m *mem.Journal, from journal.Seq) (fs []journal.Frame) {
	t.Helper()
	for f, err := range m.Read(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		fs = append(fs, journal.Frame{Seq: f.Seq, Data: bytes.Clone(f.Data)})
	}
	return fs
}

// A replica whose disk was full goes on with its leader's next frame: resuming
// it stores nothing of its own, which would part the two for good.
func TestFollowerResumes(t *testing.T) {
	leader, a := replaytest.Open(t, 1, writer.Config{}), follow(t)
	leader.Must(replaytest.Set("a", "1"))
	if err := a.Ingest(t.Context(), framesOf(t, leader.Mem, 1), 0); err != nil {
		t.Fatal(err)
	}
	leader.Must(replaytest.Set("b", "2"))
	next := framesOf(t, leader.Mem, a.state.Pos().Seq+1)
	a.mem.FailNext(fault.With(fault.Retryable, journal.ErrNoSpace))
	if err := a.Ingest(t.Context(), next, 0); !errors.Is(err, journal.ErrNoSpace) {
		t.Fatalf("Ingest into a full journal = %v; want no space", err)
	}
	if err := a.Ingest(t.Context(), next, 0); err == nil {
		t.Error("Ingest while suspended = nil; want why")
	}
	before := a.state.Pos()
	steps, err := a.writer.Health().Resume(t.Context())
	if err != nil || len(steps) == 0 {
		t.Fatalf("Resume = %v, %v; want steps and no error", steps, err)
	}
	if got := a.state.Pos(); got != before {
		t.Errorf("behind a resume the replica is at %v; want %v", got, before)
	}
	if err := a.Ingest(t.Context(), next, 0); err != nil {
		t.Errorf("Ingest behind a resume = %v; want nil", err)
	}
	if got, want := a.state.Pos(), leader.Pos(); got != want {
		t.Errorf("the replica is at %v; want %v", got, want)
	}
}

// Of frames of which the journal takes only some, those are applied.
func TestIngestInPart(t *testing.T) {
	leader, a := replaytest.Open(t, 1, writer.Config{}), follow(t)
	for _, key := range []string{"a", "b", "c"} {
		leader.Must(replaytest.Set(key, "1"))
	}
	all := framesOf(t, leader.Mem, 1)
	a.mem.PassNext(2)
	a.mem.FailNext(fault.With(fault.Retryable, journal.ErrNoSpace))
	if err := a.Ingest(t.Context(), all, 0); !errors.Is(err, journal.ErrNoSpace) {
		t.Fatalf("Ingest into a journal that fills up = %v; want no space", err)
	}
	if st, _ := a.mem.Stat(t.Context()); a.state.Pos().Seq != 2 || st.Last != 2 {
		t.Errorf("at %v, journal to %d; want both at 2", a.state.Pos(), st.Last)
	}
	if _, err := a.writer.Health().Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Ingest(t.Context(), all[2:], 0); err != nil || a.state.Pos() != leader.Pos() {
		t.Errorf("Ingest of the rest = %v, at %v; want nil, at %v", err, a.state.Pos(), leader.Pos())
	}
}

// Frames that stop adding up after some that do are found out while those after
// them are being stored, and leave nothing.
func TestIngestDoesNotAddUp(t *testing.T) {
	const same, all = 300, 600
	leader, other, a := replaytest.Open(t, 1, writer.Config{}), replaytest.Open(t, 1, writer.Config{}), follow(t)
	for i := range all {
		leader.Must(replaytest.Set(fmt.Sprint("k", i), "1"))
		if i == same {
			other.Must(replaytest.Set(fmt.Sprint("k", i), "other"))
		} else {
			other.Must(replaytest.Set(fmt.Sprint("k", i), "1"))
		}
	}
	good, mixed := framesOf(t, leader.Mem, 1), framesOf(t, leader.Mem, 1)
	copy(mixed[same+2:], framesOf(t, other.Mem, same+3))
	err := a.Ingest(t.Context(), mixed, 0)
	at := a.state.Pos().Seq
	st, statErr := a.mem.Stat(t.Context())
	if !errors.Is(err, writer.ErrDiverged) || fault.Of(err) != fault.Operator || statErr != nil || st.Last != at || at > same+2 {
		t.Fatalf("Ingest = %v, class %s, at %d, journal to %d; want that they have diverged, and both at %d at most",
			err, fault.Of(err), at, st.Last, same+2)
	}
	if err := a.Ingest(t.Context(), good[at:], 0); err != nil || a.state.Pos() != leader.Pos() {
		t.Errorf("Ingest of what is right = %v, at %v; want nil, at %v", err, a.state.Pos(), leader.Pos())
	}
}

// What a leader sends that is damaged, foreign or of another history is for an
// operator, and leaves the replica as it was; it does not stop it.
func TestIngestRefuses(t *testing.T) {
	leader, other := replaytest.Open(t, 1, writer.Config{}), replaytest.Open(t, 1, writer.Config{})
	leader.Must(replaytest.Set("a", "1"))
	leader.Must(replaytest.Set("b", "2"))
	other.Must(replaytest.Set("a", "other"))
	other.Must(replaytest.Set("b", "2"))
	good := framesOf(t, leader.Mem, 1)
	flipped := journal.Frame{Seq: 3, Data: append([]byte(nil), good[2].Data...)}
	flipped.Data[len(flipped.Data)-1] ^= 1
	// In the middle of what is sent, the frames in front are taken if the journal
	// they come from is the right one, and none if they don't add up.
	for name, mix := range map[string]struct {
		bad  journal.Frame
		want journal.Seq
	}{
		"damaged": {flipped, 2}, "another history": {framesOf(t, other.Mem, 3)[0], 0}, "a gap": {journal.Frame{Seq: 4, Data: good[2].Data}, 2},
	} {
		a := follow(t)
		err := a.Ingest(t.Context(), []journal.Frame{good[0], good[1], mix.bad}, 0)
		if st, _ := a.mem.Stat(t.Context()); fault.Of(err) != fault.Operator || a.state.Pos().Seq != mix.want || st.Last != mix.want {
			t.Errorf("%s in the middle: %v, class %s, at %v, journal to %d; want class operator, at %d",
				name, err, fault.Of(err), a.state.Pos(), st.Last, mix.want)
		}
		if err := a.Ingest(t.Context(), good[mix.want:], 0); err != nil {
			t.Errorf("%s in the middle: what is right is refused: %v", name, err)
		}
	}
	for name, bad := range map[string]journal.Frame{
		"damaged": flipped, "another history": framesOf(t, other.Mem, 3)[0], "a gap": {Seq: 4, Data: good[2].Data},
	} {
		a := follow(t)
		if err := a.Ingest(t.Context(), good[:2], 0); err != nil {
			t.Fatal(err)
		}
		before := a.state.Pos()
		err := a.Ingest(t.Context(), []journal.Frame{bad}, 0)
		if fault.Of(err) != fault.Operator || a.state.Pos() != before {
			t.Errorf("%s: %v, class %s, at %v; want class operator, at %v", name, err, fault.Of(err), a.state.Pos(), before)
		}
		if err := a.Ingest(t.Context(), good[2:], 0); err != nil {
			t.Errorf("%s: what follows is refused: %v", name, err)
		}
	}
}

// bulky is a journal that notes how it is to take frames.
type bulky struct {
	*mem.Journal
	on    bool
	turns []bool
	syncs int
	sick  error // what Sync fails with
}

func (b *bulky) Bulk(_ context.Context, on bool) error {
	if on != b.on {
		b.on, b.turns = on, append(b.turns, on)
	}
	return nil
}

func (b *bulky) Sync(context.Context) error {
	b.syncs++
	return b.sick
}

// written returns what a leader has that has written so many times.
func written(t *testing.T, n int) []journal.Frame {
	t.Helper()
	leader := replaytest.Open(t, 1, writer.Config{})
	for i := range n {
		leader.Must(replaytest.Set("k", fmt.Sprint(i)))
	}
	return framesOf(t, leader.Mem, 1)
}

// followOn returns a writer that follows with a journal.
func followOn(t *testing.T, drv journal.Driver) (*writer.Follower, *writer.Writer) {
	t.Helper()
	w := writer.New(writer.Config{Log: replaytest.NewLog(t, drv), State: replaytest.NewState(t, 1)})
	f, err := w.Follow(t.Context(), errors.New("it follows"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f, w
}

// What was taken in bulk is synced once, before Ingest returns. When that fails
// the node is suspended, and not synced again before it has resumed.
func TestIngestBulkSync(t *testing.T) {
	frames, drv := written(t, 40), &bulky{Journal: mem.New()}
	f, w := followOn(t, drv)
	if err := f.Ingest(t.Context(), frames[:10], 10); err != nil || drv.syncs != 0 {
		t.Fatalf("Ingest = %v with %d syncs; want nil and none, as it is not far behind", err, drv.syncs)
	}
	if err := f.Ingest(t.Context(), frames[10:20], 100_000); err != nil || drv.syncs != 1 {
		t.Fatalf("Ingest in bulk = %v with %d syncs; want nil and 1", err, drv.syncs)
	}
	drv.sick = fault.With(fault.Operator, journal.ErrSync)
	if err := f.Ingest(t.Context(), frames[20:30], 100_000); !errors.Is(err, journal.ErrSync) {
		t.Errorf("Ingest with a failed sync = %v; want that", err)
	}
	if w.Health().Refusal(false) == nil {
		t.Error("the node is not suspended behind a failed sync")
	}
	if err := f.Ingest(t.Context(), frames[30:], 100_000); err == nil || drv.syncs != 2 {
		t.Errorf("Ingest while suspended = %v with %d syncs; want why, and 2", err, drv.syncs)
	}
}

// Frames are taken in bulk from when there is far to go until there is hardly
// anything left, and never once the node leads.
func TestIngestInBulk(t *testing.T) {
	frames, drv := written(t, 40), &bulky{Journal: mem.New()}
	f, w := followOn(t, drv)
	for i, step := range []struct {
		last journal.Seq
		want []bool
	}{
		{4096, nil},
		{100_000, []bool{true}},
		{40, []bool{true}}, // no longer far, and something left
		{10, []bool{true, false}},
		{4000, []bool{true, false}},
		{100_000, []bool{true, false, true}},
	} {
		if err := f.Ingest(t.Context(), frames[i:i+1], step.last); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(drv.turns, step.want) {
			t.Errorf("at number %d of %d it was %v; want %v", i, step.last, drv.turns, step.want)
		}
	}
	if err := w.Lead(t.Context()); err != nil {
		t.Fatal(err)
	}
	if drv.on {
		t.Error("a node that leads takes frames in bulk")
	}
}
