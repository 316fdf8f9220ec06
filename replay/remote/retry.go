package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/standing"
	"ledge/replay/wire"
)

// The pause between attempts grows from the least to the most.
const (
	RetryLeast = 100 * time.Millisecond
	RetryMost  = 30 * time.Second
)

// keptCauses is how many of the latest causes an error joins.
const keptCauses = 10

// knockEvery is how often it is looked whether a leader that could not be
// reached can be, while the next attempt is some time off.
const knockEvery = time.Second

// pause waits until the next attempt is due. One that failed because nothing
// could be reached is made as soon as something can. If nothing is reached then
// either, whoever was there is no leader, and the pause after that is kept.
func (f *Follower) pause(ctx context.Context, d time.Duration, cause error) {
	due, tick := time.NewTimer(d), time.NewTicker(knockEvery)
	defer due.Stop()
	defer tick.Stop()
	var away *wire.Unreachable
	early := errors.As(cause, &away) && !f.knocked
	f.knocked = false
	for {
		select {
		case <-due.C:
			return
		case <-ctx.Done():
			return
		case <-f.again:
			return
		case <-tick.C:
			if early && wire.Knock(ctx, f.cfg.Leader, knockEvery) {
				f.knocked = true
				return
			}
		}
	}
}

// failed notes that an attempt has failed, and returns when to make the next.
func (f *Follower) failed(err error) time.Duration {
	f.causes = append(f.causes, err)
	if len(f.causes) > keptCauses {
		f.causes = f.causes[1:]
	}
	// A leader that is back, and not quite ready yet, has done nothing to be kept
	// waiting as long as one that is away; but one that comes and goes has.
	var nobody *wire.Unreachable
	if away := errors.As(err, &nobody); away != f.away {
		f.turns, f.away = f.turns+1, away
		f.alike = f.turns / 2
	}
	f.alike++
	var pause time.Duration
	limit := f.cfg.Timeouts().Attempts
	f.set(func(l *standing.Link) {
		l.Attempts++
		l.Err = joined(l.Attempts, f.causes)
		pause = backoff(f.alike)
		switch {
		case fault.Of(err) == fault.Operator, l.Attempts >= limit && f.alike > 1:
			pause = jitter(RetryMost)
			fallthrough
		case l.Attempts >= limit:
			l.State, l.Step = standing.LinkFailed, ""
		case l.State == standing.LinkStreaming:
			l.State = standing.LinkStalled
		}
		l.Next = f.cfg.Clock().Add(pause)
	})
	l := f.Link()
	f.cfg.Logger.Warn("replica link down", "leader", l.Leader, "state", l.State.String(), "attempts", l.Attempts,
		"class", fault.Of(err).String(), "cause", err, "next", l.Next.UTC().Format(time.RFC3339Nano))
	return pause
}

// joined joins the causes of attempts, equal ones in a row as one with their
// count. The class is the last one's.
func joined(attempts int, causes []error) error {
	var texts []string
	first := attempts - len(causes) + 1
	for i := 0; i < len(causes); {
		from, text := i, causes[i].Error()
		for i++; i < len(causes) && causes[i].Error() == text; i++ {
		}
		which := fmt.Sprintf("attempt %d", first+from)
		if n := i - from; n > 1 {
			which = fmt.Sprintf("%d attempts, %d to %d", n, first+from, first+i-1)
		}
		texts = append(texts, which+": "+text)
	}
	return fault.As(fault.Of(causes[len(causes)-1]), "follow", errors.New(strings.Join(texts, "; ")))
}

// backoff is how long to wait after so many failures in a row.
func backoff(attempts int) time.Duration {
	return jitter(min(RetryMost, RetryLeast<<min(attempts-1, 16)))
}

// jitter is d, give or take a fifth, so that replicas don't all come at once.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*d/5+1)
}

// Only what brings the replica further ends a row of failures: whatever a leader
// answers before it fails, in whichever state the link is by then, the pauses
// grow, and the link counts as failed in the end.

// advanced notes that the target may have come to a higher number than ever.
func (f *Follower) advanced() {
	if at := f.cfg.Target.State().Pos().Seq; at > f.reached {
		f.reached, f.received = at, 0
		f.worked()
	}
}

// stored notes how many bytes there are of a snapshot. A leader that begins with
// another one each time has to come further with it than with those before.
func (f *Follower) stored(bytes int64) {
	if bytes > f.received {
		f.received = bytes
		f.worked()
	}
}

// level notes that the leader was heard of. A stream that has nothing to bring
// counts when it has been sound for as long as the longest pause: a failure after
// that leads to no more attempts than a link that has failed makes.
func (f *Follower) level(last journal.Seq, since time.Time) {
	if at := f.cfg.Target.State().Pos().Seq; len(f.causes) > 0 && at >= last && time.Since(since) >= f.steady {
		f.reached, f.received = at, 0
		f.worked()
	}
}

// worked notes that the leader has brought the replica further.
func (f *Follower) worked() {
	if f.causes == nil {
		return
	}
	f.causes, f.alike, f.turns = nil, 0, 0
	f.set(func(l *standing.Link) { l.Attempts, l.Err, l.Next = 0, nil, time.Time{} })
}
