package jet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/turn"
)

// A disk may take any time to answer. The broker holds its stream's lock meanwhile,
// so every call into the broker that is about the stream may hang as well; taking the
// stream out is such a call. All of them are therefore made on goroutines that the
// journal owns. The caller waits for a while. After that it gets a journal.Doubt, and
// the goroutine goes on until the disk answers or the journal is closed.

// mendTime is how long the appending goroutine waits for what usually takes
// milliseconds, such as finding out what became of an append, if Config.AppendTimeout
// isn't less. What takes longer has not failed; the caller gets a journal.Doubt.
const mendTime = 2 * time.Second

// settleTimeout bounds those steps of settling in which the broker does not wait for
// the disk.
const settleTimeout = 10 * time.Second

// errBusy refuses what would have to wait for a call that hangs in the kernel.
var errBusy = errors.New("the store is busy with something that has not come back")

// errClosing ends what is in doubt when the journal is closed.
var errClosing = errors.New("the journal is being closed")

// await waits for a turn until ctx ends.
func await(ctx context.Context, t turn.Turn) error {
	if err := t.Lock(ctx); err != nil {
		return fault.With(fault.Retryable, fmt.Errorf("%w: %w", errBusy, err))
	}
	return nil
}

// within calls run, which may hang, on a goroutine, and returns its outcome if that
// comes within a limit and before ctx ends. Otherwise it returns a Doubt with that
// cause, about the frames from seq on; 0 is none. The context that run gets ends with
// the journal. Only the appending goroutine calls within.
func (j *Journal) within(ctx context.Context, limit time.Duration, seq journal.Seq, cause error,
	run func(context.Context) (int, error)) (int, error) {
	d, settle := journal.NewDoubt(seq, cause)
	j.doubt = d
	j.owned.Go(func() { settle(run(j.life)) })
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-d.Done():
	case <-t.C:
	case <-ctx.Done():
	}
	if j.busy() == nil {
		return d.Outcome()
	}
	j.cfg.Log.Warn("the disk has not answered; waiting for it", "number", uint64(seq), "cause", cause)
	return 0, d
}

// busy returns why the appending goroutine can't begin anything, or nil.
func (j *Journal) busy() error {
	if j.doubt == nil {
		return nil
	}
	select {
	case <-j.doubt.Done():
		j.doubt = nil
		return nil
	default:
		return fault.With(fault.Retryable, fmt.Errorf("%w: %s", errBusy, j.doubt.Error()))
	}
}

// usable returns why nothing can be done at the journal's end, or nil.
func (j *Journal) usable() error {
	if p := j.dead.Load(); p != nil {
		return *p
	}
	return j.busy()
}

func (j *Journal) patience() time.Duration { return min(mendTime, j.cfg.AppendTimeout) }

// late is the cause of a doubt that no frame is in.
func late(doing string, limit time.Duration) error {
	return fmt.Errorf("%s takes longer than %s", doing, limit)
}
