package backup

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/snapshot"
)

// Part is a part of a backup somewhere.
type Part struct {
	Name string // for people
	// Open begins to read it from its beginning, decrypted.
	Open func() (io.ReadCloser, error)
}

// Target is how far to go; the zero Target is all there is.
type Target struct {
	Seq  journal.Seq // if HasSeq, up to and including it
	Time time.Time   // if it isn't zero, before the first batch that has an entry written after it

	HasSeq bool
}

// past reports whether a batch is beyond the target.
func (t *Target) past(c journal.Committed) bool {
	if t.HasSeq && c.Seq() > t.Seq {
		return true
	}
	return !t.Time.IsZero() && slices.ContainsFunc(c.Batch().Entries, func(e journal.Entry) bool { return e.At.After(t.Time) })
}

// Loaded is what has come of a backup.
type Loaded struct {
	State   *replay.State // whoever calls closes it
	Header  Header        // of the last part that was read
	Base    Point         // where it began
	Batches int           // applied after that
	// At is when the last entry that was applied was written, or the snapshot was
	// begun; zero for an empty state.
	At time.Time
	// Gaps are missing, which is no damage. Verify alone looks for them.
	Gaps []Gap
}

// Load makes the state that a backup has at a target. Every byte that it needs is
// checked, and every digest on the way. A backup that does not go as far back, or
// as far, is refused with what it has.
func Load(ctx context.Context, parts []Part, to Target) (*Loaded, error) {
	l, err := load(ctx, parts, to)
	return l, fault.As(fault.Operator, "restore", err)
}

func load(ctx context.Context, parts []Part, to Target) (l *Loaded, err error) {
	heads, err := survey(parts)
	if err != nil {
		return nil, err
	}
	ways := newChains(heads)
	begin := ways.choose(to)
	if begin == nil {
		return nil, tooEarly(heads, to)
	}
	l = &Loaded{}
	if err = l.follow(ctx, ways, begin, to, func(*head) {}); err != nil {
		return l, err
	}
	if err = l.short(heads, to); err != nil {
		err = errors.Join(err, l.State.Close())
	}
	return l, err
}

// follow loads a part and those that follow it, up to the target, on top of what is loaded.
// With an error nothing is.
func (l *Loaded) follow(ctx context.Context, ways *chains, begin *head, to Target, visit func(*head)) (err error) {
	defer func() {
		if err != nil && l.State != nil {
			err = errors.Join(err, l.State.Close())
		}
	}()
	for next := begin; next != nil; next = ways.following(l.Header.Last) {
		visit(next)
		done, err := l.take(ctx, next, to)
		if err != nil {
			return fmt.Errorf("%s: %w", next.Name, err)
		}
		if done {
			return nil
		}
	}
	return l.tooLate(ways.heads, to)
}

// Verify reads every part, loads each with those that follow it, and returns what
// the farthest comes to.
func Verify(ctx context.Context, parts []Part) (*Loaded, error) {
	l, err := verify(ctx, parts)
	return l, fault.As(fault.Operator, "verify", err)
}

func verify(ctx context.Context, parts []Part) (best *Loaded, err error) {
	heads, err := survey(parts)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && best != nil {
			best, err = nil, errors.Join(err, best.State.Close())
		}
	}()
	ways, seen := newChains(heads), make(map[*head]bool)
	see := func(h *head) { seen[h] = true }
	for _, h := range heads {
		if h.Base() && !seen[h] {
			l := &Loaded{}
			err := l.follow(ctx, ways, h, Target{}, see)
			if err == nil {
				best, err = farther(best, l)
			}
			if err != nil {
				return best, err
			}
		}
	}
	for _, h := range heads {
		if !seen[h] { // it begins elsewhere on a way, or nowhere
			l, berr := branch(ctx, ways, h, see)
			if berr == nil {
				best, berr = farther(best, l)
			}
			err = errors.Join(err, berr)
		}
	}
	if best != nil {
		best.Gaps = gaps(heads)
	}
	return best, err
}

// branch loads a part that is on no way which comes farthest, and those that follow it,
// after what is before it.
func branch(ctx context.Context, ways *chains, h *head, see func(*head)) (*Loaded, error) {
	see(h)
	gap := damaged("%s: it goes on from number %d, digest %s, %w", h.Name, h.After.Seq, h.After.Digest, ErrGap)
	to := Target{HasSeq: true, Seq: h.After.Seq}
	begin := ways.choose(to)
	if begin == nil || ways.end(begin).Last.Seq < to.Seq {
		return nil, gap
	}
	l := &Loaded{}
	if err := l.follow(ctx, ways, begin, to, func(*head) {}); err != nil {
		return nil, err
	}
	if at := (Point{l.State.Pos(), l.State.Epoch()}); at != h.After {
		return nil, errors.Join(gap, l.State.Close())
	}
	return l, l.follow(ctx, ways, h, Target{}, see)
}

// ErrGap says of a part that the one before it is missing.
var ErrGap = errors.New("and no other part ends there")

// head is a part whose header has been read.
type head struct {
	Part
	Header
	taken time.Time // when its snapshot was begun
}

// survey reads the headers of parts, and sorts them.
func survey(parts []Part) ([]*head, error) {
	var heads []*head
	for _, p := range parts {
		h, err := headOf(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		if heads = append(heads, h); h.Lineage != heads[0].Lineage {
			return nil, fault.With(fault.Operator, fmt.Errorf("%s is of lineage %s; %s is of %s: they are backups of two journals",
				p.Name, h.Lineage, heads[0].Name, heads[0].Lineage))
		}
	}
	slices.SortFunc(heads, func(a, b *head) int {
		return cmp.Or(cmp.Compare(a.After.Seq, b.After.Seq), cmp.Compare(a.Last.Seq, b.Last.Seq))
	})
	return heads, nil
}

// HeaderOf reads the header of a part.
func HeaderOf(p Part) (Header, error) {
	h, err := headOf(p)
	if err != nil {
		return Header{}, err
	}
	return h.Header, nil
}

func headOf(p Part) (*head, error) {
	f, err := p.Open()
	if err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	defer f.Close()
	r, err := NewReader(f)
	if err != nil {
		return nil, err
	}
	h := &head{Part: p, Header: r.Header}
	if h.Snapshot == 0 {
		return h, nil
	}
	s, err := snapshot.NewReader(r, h.Snapshot)
	if err != nil {
		return nil, err
	}
	h.taken = s.Header.Created
	return h, nil
}

// farther closes one of two, the one that comes less far. The first may be nil.
func farther(a, b *Loaded) (*Loaded, error) {
	if a == nil {
		return b, nil
	}
	if a.State.Pos().Seq > b.State.Pos().Seq {
		a, b = b, a
	}
	if err := a.State.Close(); err != nil {
		return nil, errors.Join(err, b.State.Close())
	}
	return b, nil
}

func tooEarly(heads []*head, to Target) error {
	for _, h := range heads {
		if h.Base() {
			return fault.With(fault.Operator, fmt.Errorf("the backup goes back to number %d, of %s; %s is before that",
				h.After.Seq, h.taken.UTC().Format(time.RFC3339), to))
		}
	}
	return fault.With(fault.Operator, errors.New("the backup has no part to begin with: one with a snapshot, or from number 1 on"))
}

// String says in words what the target is.
func (t Target) String() string {
	switch {
	case t.HasSeq:
		return fmt.Sprintf("number %d", t.Seq)
	case !t.Time.IsZero():
		return t.Time.UTC().Format(time.RFC3339Nano)
	}
	return "all"
}

// before refuses a time before everything: c, which is beyond it, is the first batch that
// there ever was.
func (t Target) before(c journal.Committed) error {
	e := c.Batch().Entries
	if c.Seq() != 1 || t.Time.IsZero() || len(e) == 0 {
		return nil
	}
	first := slices.MaxFunc(e, func(a, b journal.Entry) int { return a.At.Compare(b.At) }).At
	return fault.With(fault.Operator, fmt.Errorf("there was nothing at %s: the first time that can be had is %s",
		t.Time.UTC().Format(time.RFC3339Nano), first.UTC().Format(time.RFC3339Nano)))
}

// take applies a part, and reports whether the target is reached.
func (l *Loaded) take(ctx context.Context, h *head, to Target) (done bool, err error) {
	f, err := h.Open()
	if err != nil {
		return false, fault.With(fault.Operator, err)
	}
	defer f.Close()
	r, err := NewReader(bufio.NewReaderSize(f, ChunkSize))
	if err != nil {
		return false, err
	}
	l.Header = r.Header
	if l.State == nil {
		if err := l.begin(ctx, r); err != nil {
			return false, err
		}
	}
	last := h.Last.Seq
	if to.HasSeq {
		last = min(last, to.Seq)
	}
	progress.Of(ctx).Step(progress.StepApply, progress.Numbers, int64(last-min(last, l.State.Pos().Seq)))
	src := &Bounded{Source: journal.NewHistory(partFrames{r}, h.Lineage), To: to, Note: l.Note}
	if err := recovery.CatchUpAll(ctx, src, l.State); err != nil {
		return false, err
	}
	if src.Past {
		return true, nil
	}
	if got := (Point{l.State.Pos(), l.State.Epoch()}); got != h.Last {
		return false, damaged("it comes to %s of epoch %d; its header says %s of %d", got.Pos, got.Epoch, h.Last.Pos, h.Last.Epoch)
	}
	return to.HasSeq && h.Last.Seq == to.Seq, nil
}

// begin makes the state that the first part begins with.
func (l *Loaded) begin(ctx context.Context, r *Reader) (err error) {
	h := &r.Header
	l.Base = h.After
	if h.Snapshot == 0 {
		l.State, err = replay.New(h.Databases)
		return err
	}
	var info snapshot.Info
	if l.State, info, err = recovery.LoadFrom(ctx, r, h.Snapshot, h.Databases); err != nil {
		l.State = nil
		return err
	}
	if at := (Point{info.Pos, info.Epoch}); at != h.After || info.Lineage != h.Lineage {
		return damaged("its snapshot is of %s at %s; its header says %s at %s", info.Lineage, at.Pos, h.Lineage, h.After.Pos)
	}
	l.At = info.Created
	return nil
}

// Bounded are the batches of a source up to a target.
type Bounded struct {
	Source recovery.Source
	To     Target
	// Note is told of each batch that is about to be applied.
	Note func(journal.Committed)
	// Past says that there are batches beyond the target.
	Past bool
}

// Read yields the batches from number from on, up to the target.
func (s *Bounded) Read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Committed, error] {
	return func(yield func(journal.Committed, error) bool) {
		for c, err := range s.Source.Read(ctx, from) {
			if err == nil && s.To.past(c) {
				if err := s.To.before(c); err != nil {
					yield(c, err)
				}
				s.Past = true
				return
			}
			if err == nil {
				s.Note(c)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

// Note counts a batch that is about to be applied.
func (l *Loaded) Note(c journal.Committed) {
	l.Batches++
	if e := c.Batch().Entries; len(e) > 0 {
		l.At = e[len(e)-1].At
	}
}

// partFrames are the frames of a part as a journal.Reader. They are read once.
type partFrames struct{ r *Reader }

func (p partFrames) Read(ctx context.Context, _ journal.Seq) iter.Seq2[journal.Frame, error] {
	return p.r.Frames(ctx)
}

func (p partFrames) Stat(context.Context) (journal.Stat, error) {
	return journal.Stat{}, fault.With(fault.Refused, errNoSpan)
}
