package jet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/fault"
)

// JetStream error codes that an append may meet.
const (
	codeWrongLast   = 10071
	codeNoMemory    = 10002 // the account's limit
	codeNoResources = 10023 // the server's limit
	codeStoreFailed = 10077 // maximum bytes exceeded
)

// Append stores frame as number prev+1. The broker's acknowledgement and its
// error replies are answers; anything else is in doubt, and found out by
// settle.
func (j *Journal) Append(ctx context.Context, prev journal.Seq, frame []byte) error {
	_, err := j.AppendAll(ctx, prev, [][]byte{frame})
	return err
}

// The most that the broker is given before its first answer.
const (
	windowFrames = 512
	windowBytes  = 1 << 20
)

// window returns how many of frames go together. A large one goes by itself.
func window(frames [][]byte) int {
	size := 0
	for i, f := range frames {
		size += len(f)
		if i == windowFrames || i > 0 && (size > windowBytes || len(f) > smallFrame) {
			return i
		}
		if len(f) > smallFrame {
			return 1
		}
	}
	return len(frames)
}

// AppendAll stores frames behind prev.
func (j *Journal) AppendAll(ctx context.Context, prev journal.Seq, frames [][]byte) (stored int, err error) {
	const op = "jet.Append"
	if err := j.usable(); err != nil {
		return 0, fault.As(fault.Retryable, op, err)
	}
	for stored < len(frames) {
		if err := ctx.Err(); err != nil {
			return stored, fault.As(fault.Retryable, op, err)
		}
		if err := j.ready(ctx); err != nil {
			return stored, j.failed(op, err)
		}
		at, next := prev+journal.Seq(stored), frames[stored:]
		n, err := j.appendSome(ctx, at, next[:window(next)])
		stored += n
		if err != nil {
			return stored, j.failed(op, err)
		}
	}
	return stored, nil
}

// sending is a window of frames that the broker has got, and what it has said of
// them so far.
type sending struct {
	prev   journal.Seq
	frames [][]byte
	token  uint64 // of the answer to the first; the last's is the next one
	broken error  // why it has not got more
	// first and last are what it has said of the first frame and of the last, if
	// those are heard.
	first, last           error
	firstHeard, lastHeard bool
}

// clear reports whether what was said says all: each frame expects the one before
// it to be there, so that the last stands says it of all, and that the first does
// says that they are ours.
func (s *sending) clear() bool {
	return s.firstHeard && s.lastHeard && !doubtful(s.first) && !doubtful(s.last) &&
		!errors.Is(s.first, errWrongLast) && (s.first != nil || s.last == nil)
}

// outcome is what the broker's words mean if they are clear.
func (s *sending) outcome() (stored int, err error) {
	if s.first != nil {
		return 0, s.first
	}
	return len(s.frames), nil
}

// appendSome hands a window's frames to the broker and waits for its word on the
// first and the last. It may store fewer than all without an error; what the
// broker has against the next it says when that comes first.
func (j *Journal) appendSome(ctx context.Context, prev journal.Seq, frames [][]byte) (stored int, err error) {
	by := time.Now().Add(j.cfg.AppendTimeout)
	token, sent, broken := j.wire.publish(prev, frames, by)
	if sent == 0 {
		// The broker has not got the whole message, so it can't store it. The
		// next append takes a new connection.
		j.wire.close()
		return 0, fault.As(fault.Retryable, "", fmt.Errorf("hand frame to the broker: %w", broken))
	}
	s := &sending{prev: prev, frames: frames[:sent], token: token, broken: broken}
	quiet := j.listen(ctx, s, by)
	if quiet == nil && s.clear() {
		stored, err = s.outcome()
		j.took(prev, s.frames[:stored])
		return stored, err
	}
	cause := quiet
	if cause == nil {
		cause = cmp.Or(s.last, s.first)
	}
	return j.within(ctx, prev+1, cause, func(ctx context.Context) (int, error) {
		n, err := j.findOut(ctx, s, quiet)
		j.took(prev, s.frames[:n])
		if err != nil {
			err = j.failed("", err)
		}
		return n, err
	})
}

// listen waits for the broker's words on a window until by. The error is that it
// has not said anything.
func (j *Journal) listen(ctx context.Context, s *sending, by time.Time) (quiet error) {
	hear := func(prev journal.Seq, token uint64, by time.Time) (error, bool) {
		word := j.await(ctx, prev, token, by)
		if errors.As(word, new(silence)) {
			quiet = word
			return nil, false
		}
		return word, true
	}
	if !s.firstHeard {
		if s.first, s.firstHeard = hear(s.prev, s.token, by); quiet != nil {
			return quiet
		}
		by = time.Now().Add(j.cfg.AppendTimeout)
	}
	n := len(s.frames)
	switch {
	case s.broken != nil:
		s.last, s.lastHeard = doubt{s.broken}, true
	case n == 1 || doubtful(s.first):
		s.last, s.lastHeard = s.first, true
	case !s.lastHeard:
		s.last, s.lastHeard = hear(s.prev+journal.Seq(n-1), s.token+1, by)
	}
	return quiet
}

// findOut returns how many of a window's frames are stored, however long that
// takes. While the broker is silent it is most likely waiting for the disk, and
// then says what has become of them; that costs nothing. Only when it answers
// others, or has met an error, it is found out from the files.
func (j *Journal) findOut(ctx context.Context, s *sending, quiet error) (stored int, err error) {
	cause := quiet
	if quiet != nil {
		cause = j.outlast(ctx, s)
	}
	if ctx.Err() != nil {
		return 0, unsettled(s.prev+1, cause, errClosing)
	}
	if cause == nil {
		if s.clear() {
			return s.outcome()
		}
		if !doubtful(s.first) && !doubtful(s.last) && errors.Is(s.first, errWrongLast) {
			if err := j.fenced(ctx, s.prev, s.frames[0], s.first); err != nil {
				return 0, j.withdraw(ctx, s.prev, s.frames, err)
			}
			if s.first = nil; len(s.frames) == 1 {
				return 1, nil
			}
			if s.last == nil {
				return len(s.frames), nil
			}
		}
		cause = s.last
	}
	stored, err = j.settle(ctx, s.prev, s.frames, cause)
	if stored > 0 && errors.Is(err, errWrongLast) {
		err = nil
	}
	return stored, err
}

// outlast listens for as long as the broker is silent. It returns nil when the
// broker has spoken. It gives up if the broker has answered a question about the
// stream and then says nothing for as long as an append may take: an answer that is
// lost never comes.
func (j *Journal) outlast(ctx context.Context, s *sending) error {
	ask := func() chan error {
		c := make(chan error, 1)
		j.owned.Go(func() {
			_, err := j.broker.StreamInfo(ctx)
			c <- err
		})
		return c
	}
	for asked, well := ask(), false; ; {
		quiet := j.listen(ctx, s, time.Now().Add(j.cfg.AppendTimeout))
		if quiet == nil || well || ctx.Err() != nil {
			return quiet
		}
		select {
		case err := <-asked:
			if well = err == nil; !well {
				asked = ask()
			}
		default:
		}
	}
}

// took notes that frames are stored behind prev.
func (j *Journal) took(prev journal.Seq, frames [][]byte) {
	if len(frames) == 0 {
		return
	}
	before := j.bytes.Load()
	for _, f := range frames {
		j.bytes.Add(blocks.FrameSize(prev, len(f)))
		prev++
	}
	j.last.Store(max(j.last.Load(), uint64(prev)))
	j.witness.took(prev, frames[len(frames)-1], j.bytes.Load()-before)
}

// lateAnswer is how much longer an answer may take once its time is up.
const lateAnswer = 200 * time.Millisecond

// doubt says that an append may or may not have been stored.
type doubt struct{ cause error }

func (d doubt) Error() string { return d.cause.Error() }
func (d doubt) Unwrap() error { return d.cause }

func doubtful(err error) bool { return errors.As(err, new(doubt)) }

// silence is a doubt for want of an answer in time.
type silence struct{ cause error }

func (s silence) Error() string { return s.cause.Error() }
func (s silence) Unwrap() error { return s.cause }

var errWrongLast = errors.New("wrong last number")

// await returns what the broker's word on the append with token means.
func (j *Journal) await(ctx context.Context, prev journal.Seq, token uint64, by time.Time) error {
	a, err := j.answer(ctx, token, by)
	if err != nil {
		return err
	}
	return a.outcome(prev)
}

// answer waits for the broker's word on the append with token. That there is
// none is a doubt.
func (j *Journal) answer(ctx context.Context, token uint64, by time.Time) (answer, error) {
	for len(j.wire.answers) > 0 {
		if a := <-j.wire.answers; a.token == token {
			return a, nil
		}
	}
	t := time.NewTimer(time.Until(by))
	defer t.Stop()
	for late := false; ; {
		select {
		case a := <-j.wire.answers:
			if a.token == token {
				return a, nil
			}
		case <-j.broker.Sick():
			return answer{}, doubt{errors.New(j.broker.TakeCause())}
		case <-j.wire.dead:
			return answer{}, doubt{j.wire.why}
		case <-ctx.Done():
			return answer{}, doubt{silence{ctx.Err()}}
		case <-t.C:
			if !late {
				// A process that was frozen finds its timer up and the answer
				// not yet read.
				late = true
				t.Reset(lateAnswer)
				continue
			}
			return answer{}, doubt{silence{fmt.Errorf("no answer from the disk in %s", j.cfg.AppendTimeout)}}
		}
	}
}

// outcome is what an answer means for the append behind prev.
func (a answer) outcome(prev journal.Seq) error {
	err := fmt.Errorf("broker: %s (%d)", a.text, a.code)
	switch a.code {
	case 0:
		if a.seq != prev+1 {
			return fault.As(fault.Fatal, "", fmt.Errorf("broker stored number %d; want %d", a.seq, prev+1))
		}
		return nil
	case -1, noResponder:
		return doubt{err}
	case codeWrongLast:
		return fmt.Errorf("%w: %s", errWrongLast, a.text)
	case codeStoreFailed, codeNoMemory, codeNoResources:
		return fault.As(fault.Retryable, "", err)
	}
	return fault.As(fault.Operator, "", err)
}

// failed passes err on. A Fatal one is the last word: nothing is appended
// after it. A doubt is none yet.
func (j *Journal) failed(op string, err error) error {
	var d *journal.Doubt
	if errors.As(err, &d) {
		return fmt.Errorf("%s: %w", op, err)
	}
	err = fault.As(fault.Fatal, op, err)
	if fault.Of(err) == fault.Fatal {
		j.dead.Store(&err)
	}
	return err
}
