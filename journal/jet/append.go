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
	const op = "jet.Append"
	if p := j.dead.Load(); p != nil {
		return *p
	}
	if err := ctx.Err(); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	if err := j.ready(ctx); err != nil {
		return j.failed(op, err)
	}
	by := time.Now().Add(j.cfg.AppendTimeout)
	token, err := j.wire.publish(prev, frame, by)
	if err != nil {
		// The broker has not got the whole message, so it can't store it. The
		// next append takes a new connection.
		j.wire.close()
		return fault.As(fault.Retryable, op, fmt.Errorf("hand frame to the broker: %w", err))
	}
	err = j.await(ctx, prev, token, by)
	var d doubt
	switch {
	case errors.As(err, &d):
		err = j.settle(ctx, prev, frame, d.cause)
	case errors.Is(err, errWrongLast):
		err = j.fenced(ctx, prev, frame, err)
	}
	if err != nil {
		return j.failed(op, err)
	}
	j.last.Store(max(j.last.Load(), uint64(prev)+1))
	j.bytes.Add(int64(recordHead + len(subject) + 4 + len(expectHead) + digits(prev) +
		len(expectTail) + len(frame) + recordHash))
	return nil
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

var errWrongLast = errors.New("wrong last number")

// await waits for the broker's word on the append with token.
func (j *Journal) await(ctx context.Context, prev journal.Seq, token uint64, by time.Time) error {
	t := time.NewTimer(time.Until(by))
	defer t.Stop()
	for late := false; ; {
		select {
		case a := <-j.wire.answers:
			if a.token == token {
				return a.outcome(prev)
			}
		case <-j.broker.log.sick:
			return doubt{errors.New(j.broker.log.takeCause())}
		case <-j.wire.dead:
			return doubt{j.wire.why}
		case <-ctx.Done():
			return doubt{ctx.Err()}
		case <-t.C:
			if !late {
				// A process that was frozen finds its timer up and the answer
				// not yet read.
				late = true
				t.Reset(lateAnswer)
				continue
			}
			return doubt{fmt.Errorf("no answer from the broker in %s", j.cfg.AppendTimeout)}
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
