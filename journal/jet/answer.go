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

// lateAnswer is how much longer an answer may take once its time is up.
const lateAnswer = 200 * time.Millisecond

// unclear says that an append may or may not have been stored.
type unclear struct{ cause error }

func (u unclear) Error() string { return u.cause.Error() }
func (u unclear) Unwrap() error { return u.cause }

func isUnclear(err error) bool { return errors.As(err, new(unclear)) }

// silence is the cause of an unclear outcome: there was no answer in time.
type silence struct{ cause error }

func (s silence) Error() string { return s.cause.Error() }
func (s silence) Unwrap() error { return s.cause }

var errWrongLast = errors.New("wrong last number")

// await returns what the broker's answer to the append with token means.
func (j *Journal) await(ctx context.Context, prev journal.Seq, token uint64, by time.Time) error {
	a, err := j.answer(ctx, token, by)
	if err != nil {
		return err
	}
	return a.outcome(prev)
}

// answer waits for the broker's answer to the append with token. If there is none
// the outcome is unclear.
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
		case <-j.stream.Sick():
			return answer{}, unclear{errors.New(j.stream.ClearCause())}
		case <-j.wire.dead:
			return answer{}, unclear{j.wire.why}
		case <-ctx.Done():
			return answer{}, unclear{silence{ctx.Err()}}
		case <-t.C:
			if !late {
				// A process that was frozen finds its timer up and the answer
				// not yet read.
				late = true
				t.Reset(lateAnswer)
				continue
			}
			return answer{}, unclear{silence{fmt.Errorf("no answer from the disk in %s", j.cfg.AppendTimeout)}}
		}
	}
}

// outcome is what an answer means for the append after number prev.
func (a answer) outcome(prev journal.Seq) error {
	err := fmt.Errorf("broker: %s (%d)", a.text, a.code)
	switch a.code {
	case 0:
		if a.seq != prev+1 {
			return fault.With(fault.Fatal, fmt.Errorf("broker stored number %d; want %d", a.seq, prev+1))
		}
		return nil
	case -1, noResponder:
		return unclear{err}
	case codeWrongLast:
		return fmt.Errorf("%w: %s", errWrongLast, a.text)
	case codeStoreFailed, codeNoMemory, codeNoResources:
		return fault.With(fault.Retryable, err)
	}
	return fault.With(fault.Operator, err)
}
