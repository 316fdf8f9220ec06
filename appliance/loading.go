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
	"ledge/journal/jet"
	"ledge/journal/progress"
	"ledge/replay/snapshot"
)

// Steps of a start, in words; replay has the others.
const (
	stepChecking = jet.StepCheck
	stepJournal  = "opening the journal"
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
	began   time.Time
	loaded  atomic.Bool // the node has all of its data
	shown   bool        // somebody shows it already; fixed
	meter   *progress.Meter
	reading atomic.Int64 // since when snapshot and journal are read, Unix nanoseconds; 0 is not yet
	held    atomic.Int64 // keys of the snapshot
	rest    atomic.Int64 // bytes of the journal after it
}

// newLoading returns the loading of a node that begins to be opened. m is the Meter of
// whoever shows it, or nil.
func newLoading(began time.Time, m *progress.Meter) *loading {
	l := &loading{began: began, shown: m != nil, meter: m}
	if m == nil {
		l.meter = progress.New()
	}
	l.enter(stepChecking)
	return l
}

// enter says what the node is at, in a step whose share nobody can tell.
func (l *loading) enter(step string) { l.meter.Step(step, progress.Unmeasured, 0) }

// done says that the node has all of its data.
func (l *loading) done() { l.loaded.Store(true) }

// ready returns nil once the node has all of its data.
func (l *loading) ready() error {
	if !l.loaded.Load() {
		return errNotLoaded
	}
	return nil
}

// What each step takes, about, for a byte or a key. These are estimates: they say how
// long the steps are that have not begun, and a step that has begun goes by its own
// pace. packaging/bench/start.sh shows how far that is from the truth.
const (
	checkByte = 1.0 // nanoseconds, like the rest
	openByte  = 1.0 // where the broker reads all, because the journal was not closed
	loadByte  = 1.0
	loadKey   = 1300.0
	applyByte = 1.0
	applyKey  = 2000.0
	sortKey   = 185.0
	orderKey  = 2000.0
	// tableSlows is by what part the last keys take longer than the first where the
	// tables of keys grow.
	tableSlows = 0.5
	// What a verification has beside a start.
	effectsByte = 3.0
	verifyByte  = 1.5
	// What keys cost that are saved, and checked again.
	saveKey   = 600.0
	verifyKey = 300.0
	// sizeOfKey is how many bytes of the journal are taken to bring a key, before it is
	// seen how many do.
	sizeOfKey = 80
)

// orderFrom is how many keys that a recovery has left out of order are put in order
// before the node serves. Fewer are left for KeepOrder, beside the clients.
const orderFrom = 4 << 20

// expect plans what the start of a directory comes to: from the size of its journal, the
// header of its newest snapshot, and the journal's mark.
func (l *loading) expect(d *directory) {
	bytes := jet.Size(d.journalPath())
	mark, _ := jet.Look(d.journalPath()) // the check says what is wrong with it
	info := d.newestSnapshot()
	rest := jet.SizeAfter(d.journalPath(), info.Pos.Seq)
	l.held.Store(int64(info.Keys))
	l.rest.Store(rest)
	open := 0.0
	if !mark.Clean {
		open = openByte * float64(bytes)
	}
	parts := []progress.Part{
		{Name: stepChecking, Unit: progress.Bytes, Total: bytes, Cost: nanoseconds(checkByte * float64(bytes))},
		{Name: stepJournal, Cost: nanoseconds(open)},
	}
	if info.Keys > 0 {
		parts = append(parts, progress.Part{Name: progress.StepLoad, Unit: progress.Bytes, Total: info.Bytes, Slows: tableSlows,
			Cost: nanoseconds(loadByte*float64(info.Bytes) + loadKey*float64(info.Keys))})
	}
	l.meter.Plan(append(parts,
		progress.Part{Name: progress.StepApply, Unit: progress.Bytes, Total: rest, Slows: tableSlows},
		progress.Part{Name: progress.StepSort}, progress.Part{Name: progress.StepOrder, Unit: progress.Keys},
		progress.Part{Name: stepWriter, Cost: 20 * time.Millisecond})...)
	l.expectKeys(rest / sizeOfKey)
}

// expectKeys says that the journal brings that many keys, about.
func (l *loading) expectKeys(keys int64) {
	rest := l.rest.Load()
	l.meter.Expect(progress.StepApply, rest, nanoseconds(applyByte*float64(rest)+applyKey*float64(keys)))
	if keys < orderFrom {
		keys = 0
	}
	l.meter.Expect(progress.StepSort, keys, nanoseconds(sortKey*float64(keys)))
	l.meter.Expect(progress.StepOrder, keys, nanoseconds(orderKey*float64(keys)))
}

// nanoseconds is a time of so many nanoseconds.
func nanoseconds(ns float64) time.Duration { return time.Duration(ns) }

// facts says how far the node has come.
func (l *loading) facts() report.Loading {
	if l.loaded.Load() {
		return report.Loading{}
	}
	s, now := l.meter.Look(), time.Now()
	if s.Step == progress.StepApply && s.Total > 0 && s.Done > s.Total/50 { // it is seen how many keys come of it
		l.rest.Store(s.Total)
		l.expectKeys(int64(float64(max(s.Keys-l.held.Load(), 0)) * float64(s.Total) / float64(s.Done)))
		s = l.meter.Look()
	}
	f := report.Loading{Step: s.Step, Began: l.began, Rows: s.Keys, Share: s.Share, Left: s.Left}
	f.Bytes, f.Total = l.meter.Read()
	if at := l.reading.Load(); at > 0 {
		f.Rate = float64(s.Keys) / max(now.Sub(time.Unix(0, at)).Seconds(), 0.001)
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
		level := slog.LevelInfo
		if l.shown { // on the terminal that the log goes to, too
			level = slog.LevelDebug
		}
		log.Log(ctx, level, "loading", "step", f.Step, "percent", int(100*f.Share), "rows", f.Rows,
			"rows per second", int64(f.Rate), "left", max(f.Left, 0).Round(time.Second))
	}
}

// newestSnapshot returns what the header of the newest snapshot says that can be read; zero
// is none.
func (d paths) newestSnapshot() snapshot.Info {
	list, _ := snapshot.Paths(d.snapshotPath()) // recovery says what is wrong with it
	for _, path := range list {
		if f, err := snapshot.Open(path); err == nil {
			f.Close()
			return f.Info
		}
	}
	return snapshot.Info{}
}
