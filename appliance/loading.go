package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"ledge/appliance/process"
	"ledge/appliance/report"
	"ledge/journal/fault"
	"ledge/replay"
)

// Steps of a start, in words.
const (
	stepChecking = "checking the journal"
	stepJournal  = "opening the journal"
	stepReading  = "reading snapshot and journal"
	stepOrder    = "putting keys in order"
	stepRepair   = "finding out what can be served of a damaged directory"
	stepWriter   = "proving that the journal takes writes"
)

// loadingTick is how often it is said in the log how far the node has come.
const loadingTick = 3 * time.Second

// loadingPatience is how much longer a service manager is asked to wait each time that
// a start has got on. Making room for many keys at once may show nothing for a while.
const loadingPatience = time.Minute

// errNotLoaded answers operators' requests that need data.
var errNotLoaded = fault.With(fault.Retryable, errors.New("the node is loading its data; ledge health says how far it is"))

// loading is how far a node has come that is being opened. It is changed by the
// goroutine that opens the node, and may be looked at from any other.
type loading struct {
	began time.Time
	step  atomic.Pointer[string] // nil once the node has all of its data

	checked, journal atomic.Int64 // bytes that have been checked, of those that are there
	snapshot         atomic.Int64 // bytes of the largest snapshot, until it is known which is taken
	reading          atomic.Int64 // since when snapshot and journal are read, Unix nanoseconds; 0 is not yet
	recovery         replay.Progress
}

func newLoading(began time.Time) *loading {
	l := &loading{began: began}
	l.enter(stepChecking)
	return l
}

// enter says what the node is at.
func (l *loading) enter(step string) { l.step.Store(&step) }

// done says that the node has all of its data.
func (l *loading) done() { l.step.Store(nil) }

// ready returns nil once the node has all of its data.
func (l *loading) ready() error {
	if l.step.Load() != nil {
		return errNotLoaded
	}
	return nil
}

// seen is told how much of the journal has been checked.
func (l *loading) seen(done, total int64) {
	l.checked.Store(done)
	l.journal.Store(total)
}

// What a byte takes in each step, in proportion, so that what is shown grows as
// time goes by: a check reads and sums up, and a byte of the journal becomes state
// with more work than one of a snapshot, whose rows are in order.
const (
	costCheck    = 1
	costSnapshot = 8
	costJournal  = 24
)

// facts says how far the node has come.
func (l *loading) facts() report.Loading {
	step := l.step.Load()
	if step == nil {
		return report.Loading{}
	}
	p, now := l.recovery.Read(), time.Now()
	toLoad, toApply := p.SnapshotBytes, p.JournalBytes
	if toLoad == 0 && toApply == 0 { // it is not known yet which snapshot is taken
		if toLoad = l.snapshot.Load(); toLoad == 0 {
			toApply = l.journal.Load()
		}
	}
	f := report.Loading{Step: *step, Began: l.began, Rows: p.Rows, Left: -1,
		Bytes: l.checked.Load() + p.Loaded + p.Applied, Total: l.journal.Load() + toLoad + toApply}
	done := costCheck*l.checked.Load() + costSnapshot*p.Loaded + costJournal*p.Applied
	if all := costCheck*l.journal.Load() + costSnapshot*toLoad + costJournal*toApply; all > 0 {
		f.Share = float64(done) / float64(all)
	}
	if at := l.reading.Load(); at > 0 {
		f.Rate = float64(p.Rows) / max(now.Sub(time.Unix(0, at)).Seconds(), 0.001)
	}
	if f.Share > 0 && f.Share < 1 {
		f.Left = time.Duration(float64(now.Sub(l.began)) * (1 - f.Share) / f.Share)
	}
	return f
}

// tell says in the log and to the service manager how far the node has come, again and
// again until ctx ends.
func (l *loading) tell(ctx context.Context, log *slog.Logger, super *process.Supervisor) {
	was := report.Loading{}
	tick := time.NewTicker(loadingTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		f := l.facts()
		if f.Step == "" {
			continue
		}
		more := time.Duration(0)
		if f.Step != was.Step || f.Bytes != was.Bytes {
			more = loadingPatience
		}
		was = f
		super.Starting(fmt.Sprintf("loading, %s: %.0f %%, %d keys", f.Step, 100*f.Share, f.Rows), more)
		log.Info("loading", "step", f.Step, "percent", int(100*f.Share), "rows", f.Rows,
			"rows per second", int64(f.Rate), "left", max(f.Left, 0).Round(time.Second))
	}
}
