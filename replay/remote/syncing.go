package remote

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ledge/journal/progress"
)

// Steps of a full sync, in words; progress has that of reading the snapshot.
const (
	StepAsk   = "waiting for the leader's snapshot"
	StepFetch = "fetching the leader's snapshot"
	// StepAdopt is for the Target to say, once it has the state.
	StepAdopt = "putting the leader's journal in place"
)

// What a byte of a snapshot takes, about, in nanoseconds: how long the steps are that
// have not begun. One that has goes by its own pace.
const (
	fetchByte = 10
	readByte  = 8
)

// syncTick is how often it is said in the log how far a full sync is.
const syncTick = 3 * time.Second

// syncing is a full sync that is being received.
type syncing struct {
	began time.Time
	meter *progress.Meter
}

// Syncing returns how far the full sync is that is being received, and since when; false
// is that there is none.
func (f *Follower) Syncing() (s progress.Seen, began time.Time, ok bool) {
	p := f.syncing.Load()
	if p == nil {
		return s, began, false
	}
	return p.meter.Look(), p.began, true
}

// shown returns a context on whose Meter a full sync says how far it is, until done is
// called. It is in the log again and again meanwhile.
func (f *Follower) shown(ctx context.Context) (_ context.Context, done func()) {
	p := &syncing{began: f.cfg.Clock(), meter: progress.New()}
	f.syncing.Store(p)
	telling, end := context.WithCancel(ctx)
	var busy sync.WaitGroup
	busy.Go(func() { p.tell(telling, f.tellSync, f.cfg.Logger) })
	return progress.With(ctx, p.meter), func() {
		end()
		busy.Wait()
		f.syncing.Store(nil)
	}
}

// expect plans what a full sync takes, of which so many bytes are here already.
func expect(m *progress.Meter, meta *metaReply, have int64) {
	rest := time.Duration(meta.Bytes - have)
	m.Plan(progress.Part{Name: StepFetch, Unit: progress.Bytes, Total: meta.Bytes, Cost: fetchByte * rest},
		progress.Part{Name: progress.StepLoad, Unit: progress.Bytes, Total: meta.Bytes, Cost: readByte * time.Duration(meta.Bytes)},
		progress.Part{Name: StepAdopt, Cost: time.Second})
	m.Step(StepFetch, progress.Bytes, meta.Bytes)
	m.To(have)
}

// tell says in the log how far it is, until ctx ends.
func (p *syncing) tell(ctx context.Context, every time.Duration, log *slog.Logger) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s := p.meter.Look()
		args := []any{"step", s.Step}
		if s.Known {
			args = append(args, "percent", int(100*s.Share))
		}
		if s.Unit == progress.Bytes && s.Total > 0 {
			args = append(args, "bytes", s.Done, "of", s.Total, "bytes per second", int64(s.Rate))
		}
		if s.Left >= 0 {
			args = append(args, "left", s.Left.Round(time.Second))
		}
		log.Info("full sync goes on", args...)
	}
}
