package appliance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ledge/appliance/options"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/replay/snapshot"
)

// damagedDir takes what repairs have changed or removed.
const damagedDir = "damaged"

// unsureEpochs is more than the epochs that may have been begun in numbers of
// which nothing is known.
const unsureEpochs = 1 << 20

func asideName() string {
	return filepath.Join(damagedDir, time.Now().UTC().Format("20060102T150405.000"))
}

// apply carries a plan out. Cut short, it leaves a directory of which another
// plan says no worse: what it removes it has set aside before, and the snapshot
// that the state begins with stays where it is.
func (d *directory) apply(ctx context.Context, p *Plan) error {
	aside := filepath.Join(d.path, p.Aside)
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return fault.As(fault.Operator, "repair", err)
	}
	if err := d.clearWay(p.Aside); err != nil {
		return err
	}
	if err := d.settle(p); err != nil {
		return err
	}
	last := p.Pos.Seq
	if err := p.survey.Mend(ctx, jet.Mending{Lineage: p.lineage, Floor: p.First - 1, Last: last,
		Aside: filepath.Join(aside, journalDir)}); err != nil {
		return err
	}
	return fault.As(fault.Operator, "repair", d.setAsideSnapshots(p, filepath.Join(aside, snapshotDir)))
}

// settle writes down in ledge.json what a plan is about to lose, and that the
// numbers that are used again are of a later epoch than they can have had. So
// replicas that have more than is left are told that they have diverged.
func (d *directory) settle(p *Plan) error {
	id := d.id
	id.Format, id.State, id.Lineage, id.Adopt = directoryFormat, stateReady, p.lineage.String(), nil
	if p.Costs() {
		id.Epoch = max(id.Epoch, p.epoch) + p.Lost() + 1
		if p.Unsure {
			id.Epoch += unsureEpochs
		}
		id.Repaired = &repaired{At: time.Now().UTC().Truncate(time.Second), Aside: p.Aside,
			First: uint64(p.Pos.Seq) + 1, Last: uint64(max(p.Promised, p.Pos.Seq))}
	}
	if err := d.store(id); err != nil {
		return err
	}
	d.lineage = p.lineage
	return nil
}

// setAsideSnapshots moves the snapshots away that can't stay. The one that the
// state begins with gets the name that its number has.
func (d *directory) setAsideSnapshots(p *Plan, aside string) error {
	if len(p.snapshots) == 0 {
		return nil
	}
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	kept := p.Snapshot.Path
	for _, path := range p.snapshots {
		to := filepath.Join(aside, filepath.Base(path))
		if path == kept {
			kept = to
		}
		if err := os.Rename(path, to); err != nil {
			return err
		}
	}
	if kept != p.Snapshot.Path { // it is good, under another's name
		if err := os.Link(kept, snapshot.Path(d.snapshotPath(), p.Snapshot.Pos.Seq)); err != nil {
			return err
		}
	}
	return errors.Join(durable.File(aside), durable.File(d.snapshotPath()))
}

// OpenDamaged takes the directory of a node that doesn't run, however damaged it
// is. Where not even ledge.json can be read, what is in it is found out again;
// but whom the node followed nobody knows.
func OpenDamaged(path string) (*Stopped, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, optionFault("dir", err)
	}
	if !hasIdentity(abs) && !hasData(abs) {
		return nil, optionFault("dir", notLedges(abs))
	}
	lock, err := lockDirectory(abs, false)
	if err != nil {
		return nil, err
	}
	d := &directory{paths: paths{abs}, lock: lock}
	d.noteMisplaced()
	err = d.load()
	var option *OptionError
	switch {
	case err == nil:
	case errors.As(err, &option), errors.Is(err, fs.ErrPermission): // of a newer program, or for others
		return nil, errors.Join(err, d.close())
	default:
		d.forget(err)
	}
	d.node = d.id.Node
	return &Stopped{d}, nil
}

// forget takes nothing to be known of ledge.json, because of err.
func (d *directory) forget(err error) {
	d.id = identity{State: stateReady, Created: time.Now().UTC().Truncate(time.Second), Databases: options.DefaultDatabases}
	d.note("%s can't be read, nor its copy; the node's name and whom it followed nobody knows: "+
		"start it with --node, and with --follow if it followed a leader", filepath.Join(d.path, identityFile))
	d.unknown = err
}

// Plan finds out how much can be served, and changes nothing.
func (s *Stopped) Plan(ctx context.Context) (*Plan, error) { return s.planned(ctx, false) }

// PlanRestore is Plan for the newest good snapshot without the journal.
func (s *Stopped) PlanRestore(ctx context.Context) (*Plan, error) { return s.planned(ctx, true) }

func (s *Stopped) planned(ctx context.Context, only bool) (*Plan, error) {
	p, err := s.dir.plan(ctx, s.dir.id.Databases, only)
	if err != nil {
		return nil, err
	}
	p.Faults = append(p.Faults, s.dir.notes...)
	if only && p.Snapshot.Path == "" && s.dir.unknown == nil {
		whole, err := s.dir.plan(ctx, s.dir.id.Databases, false)
		if err != nil {
			return nil, err
		}
		if !whole.Needed() {
			return nil, fault.With(fault.Operator, fmt.Errorf(
				"%s has no snapshot to go back to, and nothing in it is damaged: start the node as it is; "+
					"to empty it, send FLUSHALL to the running node", p.Dir))
		}
	}
	return p, nil
}

// Repair carries a plan out.
func (s *Stopped) Repair(ctx context.Context, p *Plan) error { return s.dir.apply(ctx, p) }
