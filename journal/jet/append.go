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

// window returns how many of frames are sent together. A large one is sent by itself.
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

// AppendAll stores frames after number prev.
func (j *Journal) AppendAll(ctx context.Context, prev journal.Seq, frames [][]byte) (stored int, err error) {
	const op = "append to the journal"
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

// sending is a window of frames that the broker has been sent, and what it has
// answered so far.
type sending struct {
	prev   journal.Seq
	frames [][]byte
	token  uint64 // of the answer to the first frame; that of the last frame is the next
	broken error  // why no more could be sent
	// first and last are the answers about the first frame and the last one, once
	// they have come.
	first, last           error
	firstHeard, lastHeard bool
}

// clear reports whether the two answers say all there is to know. Each message
// carries Expected-Last-Sequence, so if the last one was stored, all were; and if the
// first one was, the numbers are ours and nobody else's.
func (s *sending) clear() bool {
	return s.firstHeard && s.lastHeard && !isUnclear(s.first) && !isUnclear(s.last) &&
		!errors.Is(s.first, errWrongLast) && (s.first != nil || s.last == nil)
}

// outcome is what the answers mean if they are clear.
func (s *sending) outcome() (stored int, err error) {
	if s.first != nil {
		return 0, s.first
	}
	return len(s.frames), nil
}

// appendSome sends a window's frames to the broker and waits for its answers about
// the first and the last. It may store fewer than all without an error: what the
// broker has against the next frame it says when that is the first of a window.
func (j *Journal) appendSome(ctx context.Context, prev journal.Seq, frames [][]byte) (stored int, err error) {
	by := time.Now().Add(j.cfg.AppendTimeout)
	token, sent, broken := j.wire.publish(prev, frames, by)
	if sent == 0 {
		// The broker has not got the whole message, so it can't store it. The
		// next append takes a new connection.
		j.wire.close()
		return 0, fault.With(fault.Retryable, fmt.Errorf("hand frame to the broker: %w", broken))
	}
	s := &sending{prev: prev, frames: frames[:sent], token: token, broken: broken}
	quiet := j.listen(ctx, s, by)
	if quiet == nil && s.clear() {
		stored, err = s.outcome()
		j.noteStored(prev, s.frames[:stored])
		return stored, err
	}
	cause := quiet
	if cause == nil {
		cause = cmp.Or(s.last, s.first)
	}
	return j.within(ctx, j.patience(), prev+1, cause, func(ctx context.Context) (int, error) {
		n, err := j.findOut(ctx, s, quiet)
		j.noteStored(prev, s.frames[:n])
		if err != nil {
			err = j.failed("", err)
		}
		return n, err
	})
}

// listen waits for the broker's answers about a window until by. An error says that
// there are none.
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
		s.last, s.lastHeard = unclear{s.broken}, true
	case n == 1 || isUnclear(s.first):
		s.last, s.lastHeard = s.first, true
	case !s.lastHeard:
		s.last, s.lastHeard = hear(s.prev+journal.Seq(n-1), s.token+1, by)
	}
	return quiet
}

// findOut returns how many of a window's frames are stored, however long that
// takes. A broker that is silent is most likely waiting for the disk and will answer,
// so it is listened to first: that costs nothing. The files are read only if the
// broker is silent although it answers other questions, or has met an error.
func (j *Journal) findOut(ctx context.Context, s *sending, quiet error) (stored int, err error) {
	cause := quiet
	if quiet != nil {
		cause = j.waitOutSilence(ctx, s)
	}
	if ctx.Err() != nil {
		return 0, cannotSettle(s.prev+1, cause, errClosing)
	}
	if cause == nil {
		if s.clear() {
			return s.outcome()
		}
		if !isUnclear(s.first) && !isUnclear(s.last) && errors.Is(s.first, errWrongLast) {
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

// waitOutSilence listens until the broker has answered, and returns nil then. It
// gives up if the broker answers a question about the stream, so that its disk can't
// be what it waits for, and still says nothing about the window for as long as an
// append may take: then the answer is lost.
func (j *Journal) waitOutSilence(ctx context.Context, s *sending) error {
	ask := func() chan error {
		c := make(chan error, 1)
		j.owned.Go(func() {
			_, err := j.stream.Info(ctx)
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

// noteStored notes that frames are stored after number prev.
func (j *Journal) noteStored(prev journal.Seq, frames [][]byte) {
	if len(frames) == 0 {
		return
	}
	before := j.bytes.Load()
	for _, f := range frames {
		j.bytes.Add(blocks.FrameSize(prev, len(f)))
		prev++
	}
	j.last.Store(max(j.last.Load(), uint64(prev)))
	j.witness.noteStored(prev, frames[len(frames)-1], j.bytes.Load()-before)
}

// failed passes err on. After a Fatal error nothing is appended any more. A
// journal.Doubt is not yet an error.
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
