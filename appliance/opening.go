package appliance

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"ledge/appliance/process"
	"ledge/journal/durable"
	"ledge/journal/progress"
	"ledge/replay"
	"ledge/replay/recovery"
)

// opening puts the journal and the state into a node that answers already. It is one
// goroutine's.
type opening struct{ *Node }

// run recovers, proves that the journal takes writes, and begins to answer replicas.
func (o *opening) run(ctx context.Context) error {
	ctx = progress.With(ctx, o.loading.meter)
	telling, told := context.WithCancel(ctx)
	var teller sync.WaitGroup
	teller.Go(func() { o.loading.tell(telling, o.cfg.Logger, o.super) })
	defer func() {
		told()
		teller.Wait()
	}()
	fresh, r, err := o.openState(ctx)
	tell(o.dir, o.cfg.Logger)
	if err != nil {
		return err
	}
	if err := inItsCluster(&o.cfg, fresh, o.dir.secret); err != nil {
		return errors.Join(err, fresh.Close())
	}
	r.lost = o.dir.id.lost()
	if err := o.state.Become(fresh); err != nil {
		return errors.Join(err, fresh.Close())
	}
	o.recovered.Store(r)
	o.loading.enter(stepWriter)
	full := holdReserve(o.reserve, o.cfg.Logger)
	warnOfDisk(o.Node)
	span, err := o.log.Stat(ctx)
	if err != nil {
		return err
	}
	o.saves.found(r.Report, span)
	o.writer.AtLeast(o.dir.id.Epoch)
	o.repl.Feed().Reset(span.Last)
	if err := o.repl.Start(ctx, o.dir.leader(o.cfg.Follow)); err != nil {
		return err
	}
	if full != nil {
		o.writer.Health().WithoutReserve(full)
	}
	tell(o.dir, o.cfg.Logger)
	o.gate.judge()
	return o.repl.Serve()
}

// holdReserve holds room back on the disk. A disk that is full already has none to
// hold, which is returned; the node starts all the same.
func holdReserve(r *reserve, log *slog.Logger) (full error) {
	err := r.Take()
	if durable.Full(err) {
		return err
	}
	if err != nil {
		log.Warn("no room is held back on the disk", "cause", err)
	}
	return nil
}

// openState opens the journal and recovers the state. Damage that costs nothing
// is repaired; damage that does is refused with the command that goes on from
// there, unless on-damage says to go on by itself.
func (o *opening) openState(ctx context.Context) (s *replay.State, r *recovered, err error) {
	err = o.dir.unknown // then there is nothing to try
	if err == nil {
		s, r, err = o.tryState(ctx)
	}
	if err == nil || ctx.Err() != nil || !isDamage(err) {
		return s, r, err
	}
	o.loading.enter(stepRepair)
	o.cfg.Logger.Error("the data directory is damaged; finding out what can be served", "cause", err)
	if err := o.drop(); err != nil {
		return nil, nil, err
	}
	p, perr := o.dir.plan(ctx, o.cfg.Databases, false)
	if perr != nil {
		return nil, nil, errors.Join(err, perr)
	}
	switch {
	case !p.Needed() && o.dir.unknown == nil:
		return nil, nil, err
	case p.foreign, p.Costs() && o.cfg.OnDamage != DamageServeGood:
		return nil, nil, p.refusal(err)
	}
	if err := o.dir.apply(ctx, p); err != nil {
		return nil, nil, err
	}
	log, words := o.cfg.Logger.Warn, "the data directory was damaged and is repaired; nothing is lost"
	if p.Costs() {
		log, words = o.cfg.Logger.Error, "the data directory was damaged and is repaired; numbers are lost"
	}
	for _, f := range p.Faults {
		log("damage", "what", f)
	}
	log(words, "lost", p.Loss(), "served", p.Serves(), "old files", p.Aside)
	o.dir.unknown = nil
	return o.tryState(ctx)
}

// tryState is openState as long as nothing is damaged.
func (o *opening) tryState(ctx context.Context) (*replay.State, *recovered, error) {
	if err := o.openJournal(ctx); err != nil {
		return nil, nil, err
	}
	return o.recover(ctx)
}

// openJournal opens the journal, and makes it if this is the first start or
// the first one was cut short. From "ready" on a journal that is missing has
// been lost, and is not replaced by an empty one. Operators are answered as soon as
// there is a broker that carries what they ask.
func (o *opening) openJournal(ctx context.Context) error {
	if err := o.dir.finish(); err != nil {
		return err
	}
	o.loading.expect(o.dir)
	o.loading.enter(stepChecking)
	c, checked, err := startCarrier(ctx, o.dir, whole(o.Node), &o.secure, o.cfg.NATSListen)
	if err != nil {
		return err
	}
	o.carried.Store(c)
	o.loading.enter(stepJournal)
	if err := o.openAdmin(ctx); err != nil {
		return err
	}
	if c, err = c.open(ctx, o.dir, checked); err != nil {
		return err
	}
	o.carried.Store(c)
	return o.log.Replace(ctx, o.meter.on(c.journal), o.dir.lineage)
}

// recover makes the state out of the newest good snapshot and the journal.
func (o *opening) recover(ctx context.Context) (*replay.State, *recovered, error) {
	began := time.Now()
	o.loading.reading.Store(began.UnixNano())
	span, err := o.log.Stat(ctx)
	if err != nil {
		return nil, nil, err
	}
	o.mem.Loading(span.Bytes+o.dir.snapshotBytes(), process.Available())
	s, found, err := recovery.Recover(ctx, o.dir.snapshotPath(), o.log, o.cfg.Databases, o.cfg.Logger)
	if err != nil {
		return nil, nil, err
	}
	if err := s.PutInOrder(ctx, orderFrom); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, &recovered{Report: found, took: time.Since(began), keys: s.Keys()}, nil
}

// drop gives up what openJournal has opened.
func (o *opening) drop() error {
	var errs []error
	if a := o.admins.Swap(nil); a != nil {
		errs = append(errs, a.close())
	}
	if c := o.carried.Swap(nil); c != nil {
		errs = append(errs, o.log.Replace(context.Background(), unopened{}, o.dir.lineage), c.Close())
	}
	return errors.Join(errs...)
}
