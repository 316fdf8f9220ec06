package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ledge/appliance/report"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/snapshot"
)

// openState opens the journal and recovers the state. Damage that costs nothing
// is repaired; damage that does is refused with the command that goes on from
// there, unless on-damage says to go on by itself.
func (n *Node) openState(ctx context.Context) error {
	err := n.dir.unknown // then there is nothing to try
	if err == nil {
		err = n.tryState(ctx)
	}
	if err == nil || ctx.Err() != nil || !isDamage(err) {
		return err
	}
	n.cfg.Logger.Error("the data directory is damaged; finding out what can be served", "cause", err)
	if err := n.dropState(); err != nil {
		return err
	}
	p, perr := n.dir.plan(ctx, n.cfg.Databases, false)
	if perr != nil {
		return errors.Join(err, perr)
	}
	switch {
	case !p.Needed() && n.dir.unknown == nil:
		return err
	case p.foreign, p.Costs() && n.cfg.OnDamage != DamageServeGood:
		return p.refusal(err)
	}
	if err := n.dir.apply(ctx, p); err != nil {
		return err
	}
	log, words := n.cfg.Logger.Warn, "the data directory was damaged and is repaired; nothing is lost"
	if p.Costs() {
		log, words = n.cfg.Logger.Error, "the data directory was damaged and is repaired; numbers are lost"
	}
	for _, f := range p.Faults {
		log("damage", "what", f)
	}
	log(words, "lost", p.Loss(), "served", p.Serves(), "old files", p.Aside)
	n.dir.unknown = nil
	return n.tryState(ctx)
}

// isDamage reports whether err says that what is on the disk is not to be
// trusted.
func isDamage(err error) bool {
	return errors.Is(err, journal.ErrDamage) || fault.Of(err) == fault.Fatal
}

// tryState is openState as long as nothing is damaged.
func (n *Node) tryState(ctx context.Context) error {
	if err := n.openJournal(ctx); err != nil {
		return err
	}
	return n.recover(ctx)
}

// dropState gives up what tryState has opened.
func (n *Node) dropState() error {
	if n.carrier() == nil {
		return nil
	}
	err := n.carrier().Close()
	n.carried.Store(nil)
	return err
}

// tell logs what was not as it should be and is made good.
func tell(d *directory, log *slog.Logger) {
	for _, note := range d.notes {
		log.Warn(note)
	}
	d.notes = nil
}

// checkSnapshots reads the snapshots that were not needed, so that a damaged one
// is heard of before it is.
func (n *Node) checkSnapshots(ctx context.Context) {
	list, damaged := snapshot.List(n.dir.snapshotPath())
	for _, info := range list {
		if info.Path == n.recovered.Snapshot.Path || ctx.Err() != nil {
			continue
		}
		_, err := snapshot.Verify(ctx, info.Path)
		if errors.As(err, new(*snapshot.Damage)) {
			damaged = errors.Join(damaged, err)
		}
	}
	if damaged != nil && ctx.Err() == nil {
		n.cfg.Logger.Warn("a snapshot is damaged that is not needed now; the next two that are taken make up for it",
			"cause", report.Line(damaged))
	}
}

// lost says what the last repair that cost something has lost; "" is none.
func (id identity) lost() string {
	r := id.Repaired
	switch {
	case r == nil:
		return ""
	case r.Last < r.First:
		return fmt.Sprintf("unknown after %d at %s, see %s", r.First-1, r.At.Format(time.RFC3339), r.Aside)
	}
	return fmt.Sprintf("%d-%d at %s, see %s", r.First, r.Last, r.At.Format(time.RFC3339), r.Aside)
}
