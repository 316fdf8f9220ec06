package jet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
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
	if p := j.dead.Load(); p != nil {
		return 0, *p
	}
	for stored < len(frames) {
		if err := ctx.Err(); err != nil {
			return stored, fault.As(fault.Retryable, op, err)
		}
		if err := j.ready(ctx); err != nil {
			return stored, j.failed(op, err)
		}
		at, next := prev+journal.Seq(stored), frames[stored:]
		next = next[:window(next)]
		n, err := j.appendSome(ctx, at, next)
		if n > 0 {
			j.took(at, next[:n])
			stored += n
		}
		if err != nil {
			return stored, j.failed(op, err)
		}
	}
	return stored, nil
}

// appendSome hands a window's frames to the broker and waits for its word on the
// first and the last: each expects the one before it to be there, so that the
// last stands says it of all, and that the first does says that they are ours.
// It may store fewer than all without an error; what the broker has against the
// next it says when that comes first.
func (j *Journal) appendSome(ctx context.Context, prev journal.Seq, frames [][]byte) (stored int, err error) {
	by := time.Now().Add(j.cfg.AppendTimeout)
	token, sent, broken := j.wire.publish(prev, frames, by)
	if sent == 0 {
		// The broker has not got the whole message, so it can't store it. The
		// next append takes a new connection.
		j.wire.close()
		return 0, fault.As(fault.Retryable, "", fmt.Errorf("hand frame to the broker: %w", broken))
	}
	first := j.await(ctx, prev, token, by)
	last := first
	switch {
	case broken != nil:
		last = doubt{broken}
	case sent > 1 && !doubtful(first):
		last = j.await(ctx, prev+journal.Seq(sent-1), token+1, time.Now().Add(j.cfg.AppendTimeout))
	}
	if !doubtful(first) && !doubtful(last) {
		if errors.Is(first, errWrongLast) {
			if err := j.fenced(ctx, prev, frames[0], first); err != nil {
				return 0, j.withdraw(ctx, prev, frames[:sent], err)
			}
			if first = nil; sent == 1 {
				last = nil
			}
		}
		switch {
		case first != nil:
			return 0, first
		case last == nil:
			return sent, nil
		}
	}
	stored, err = j.settle(ctx, prev, frames[:sent], last)
	if stored > 0 && errors.Is(err, errWrongLast) {
		err = nil
	}
	return stored, err
}

// took notes that frames are stored behind prev.
func (j *Journal) took(prev journal.Seq, frames [][]byte) {
	before := j.bytes.Load()
	for _, f := range frames {
		j.bytes.Add(int64(recordHead + len(subject) + 4 + len(expectHead) + digits(prev) +
			len(expectTail) + len(f) + recordHash))
		prev++
	}
	j.last.Store(max(j.last.Load(), uint64(prev)))
	j.witness.took(prev, frames[len(frames)-1], j.bytes.Load()-before)
}

// lateAnswer is how much longer an answer may take once its time is up.
const lateAnswer = 200 * time.Millisecond

func digits(n journal.Seq) int {
	d := 1
	for ; n > 9; n /= 10 {
		d++
	}
	return d
}

// doubt says that an append may or may not have been stored.
type doubt struct{ cause error }

func (d doubt) Error() string { return d.cause.Error() }
func (d doubt) Unwrap() error { return d.cause }

func doubtful(err error) bool { return errors.As(err, new(doubt)) }

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
		case <-j.broker.log.sick:
			return answer{}, doubt{errors.New(j.broker.log.takeCause())}
		case <-j.wire.dead:
			return answer{}, doubt{j.wire.why}
		case <-ctx.Done():
			return answer{}, doubt{ctx.Err()}
		case <-t.C:
			if !late {
				// A process that was frozen finds its timer up and the answer
				// not yet read.
				late = true
				t.Reset(lateAnswer)
				continue
			}
			return answer{}, doubt{fmt.Errorf("no answer from the broker in %s", j.cfg.AppendTimeout)}
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
// after it.
func (j *Journal) failed(op string, err error) error {
	err = fault.As(fault.Fatal, op, err)
	if fault.Of(err) == fault.Fatal {
		j.dead.Store(&err)
	}
	return err
}
