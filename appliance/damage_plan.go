package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/journal/progress"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/snapshot"
)

// Plan is what can still be served of a damaged directory, and what that costs.
// Making one changes nothing, and replays what it says, so that it promises
// nothing that does not add up.
type Plan struct {
	Dir    string
	Faults []string // what is wrong
	// Snapshot is what the state begins with; zero is an empty one. Pos and Keys
	// are where the state ends.
	Snapshot snapshot.Info
	Pos      journal.Pos
	Keys     int
	// First is the first number that the journal has afterwards, if it has any.
	First journal.Seq
	// Promised is the last number of which there is any trace. Those after Pos
	// are lost. Unsure says that nobody can know whether there were more.
	Promised journal.Seq
	Unsure   bool
	// Aside takes what is changed or removed, relative to Dir.
	Aside string

	survey    *jet.Survey
	lineage   journal.Lineage
	epoch     uint64   // of the state
	databases int      // at least
	snapshots []string // to be set aside
	foreign   bool     // what is served is not of the lineage that ledge.json says
}

// Needed reports whether there is anything to repair.
func (p *Plan) Needed() bool { return len(p.Faults) > 0 || p.Lost() > 0 || p.Unsure }

// Lost returns how many numbers are lost.
func (p *Plan) Lost() uint64 { return uint64(p.Promised - min(p.Promised, p.Pos.Seq)) }

// Costs reports whether the plan may lose anything, so that it takes an
// operator's word.
func (p *Plan) Costs() bool { return p.Lost() > 0 || p.Unsure }

// Loss says what is lost, in words.
func (p *Plan) Loss() string {
	from := p.Pos.Seq + 1
	switch {
	case p.Lost() == 0 && p.Unsure:
		return fmt.Sprintf("nothing that has left a trace; if there were numbers from %d on, they are", from)
	case p.Lost() == 0:
		return "nothing"
	case p.Unsure:
		return fmt.Sprintf("numbers %d to %d, and those after them if there were any", from, p.Promised)
	case p.Lost() == 1:
		return fmt.Sprintf("number %d", from)
	}
	return fmt.Sprintf("numbers %d to %d, %d in all", from, p.Promised, p.Lost())
}

// Serves says what is served, in words.
func (p *Plan) Serves() string {
	if p.Pos.Seq == 0 {
		return "an empty node"
	}
	from := "the journal alone"
	if at := p.Snapshot.Pos.Seq; at > 0 {
		from = fmt.Sprintf("the snapshot at %d and %d numbers after it", at, p.Pos.Seq-at)
	}
	return fmt.Sprintf("everything up to number %d, digest %s, %d keys, from %s", p.Pos.Seq, p.Pos.Digest, p.Keys, from)
}

// commandFor returns a command on a directory as one would type it.
func commandFor(words, dir string) string {
	return fmt.Sprintf("ledge %s --dir %s", words, quoted(dir))
}

// quoted returns a path as one would type it.
func quoted(dir string) string {
	if strings.ContainsFunc(dir, func(r rune) bool {
		return !strings.ContainsRune("/._-+:@", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		dir = "'" + strings.ReplaceAll(dir, "'", `'\''`) + "'"
	}
	return dir
}

// Command returns the command that carries the plan out.
func (p *Plan) Command(words string) string { return commandFor(words, p.Dir) + " --apply" }

// refusal is why a start stops at err: what could be served, what that loses,
// and the command for it.
func (p *Plan) refusal(err error) error {
	return fault.With(fault.Operator, fmt.Errorf("%w; what can be served is %s; lost is %s; to go on so, run: %s",
		err, p.Serves(), p.Loss(), p.Command("journal repair")))
}

// plan finds out how much of the directory can be served. With only it takes
// the newest good snapshot and leaves the journal.
func (d *directory) plan(ctx context.Context, databases int, only bool) (*Plan, error) {
	p := &Plan{Dir: d.path, databases: max(databases, 1), Aside: asideName()}
	var err error
	if p.survey, err = jet.Inspect(ctx, d.journalPath(), lineageOfAll(d)); err != nil {
		return nil, err
	}
	infos, err := snapshot.Find(d.snapshotPath())
	if err != nil {
		return nil, err
	}
	if err := p.identify(d, infos); err != nil {
		return nil, err
	}
	for _, f := range p.survey.Faults {
		p.Faults = append(p.Faults, f.String())
	}
	p.Promised = max(p.survey.Promised, snapshot.Trace(d.snapshotPath()))
	p.Unsure = p.Unsure || !p.survey.Marked
	if err := p.choose(ctx, p.bases(infos, only)); err != nil {
		return nil, err
	}
	if p.lineage == 0 && d.unknown != nil {
		return nil, fault.With(fault.Operator, fmt.Errorf("%s has neither a journal nor a snapshot that can be read", d.path))
	}
	p.First = p.Snapshot.Pos.Seq + 1
	if floor, ok := p.floor(); ok && !only {
		p.First = floor + 1
	}
	if !only && p.survey.Marked && p.First != p.survey.Floor+1 {
		p.Faults = append(p.Faults, fmt.Sprintf("%s: it is to go on after number %d, and what is left leads on only from %d",
			d.journalPath(), p.survey.Floor, p.First-1))
	}
	return p, p.sortSnapshots(ctx, d, infos)
}

// identify finds out whose journal it is. Where ledge.json and a snapshot say
// another lineage than the journal, the journal is the one that is foreign.
func (p *Plan) identify(d *directory, infos []snapshot.Info) error {
	p.lineage = p.survey.Lineage
	switch {
	case d.id.Adopt != nil:
		p.Faults = append(p.Faults, "what was to be put in place of the journal can't be; the journal stays")
	case d.lineage == 0 || !p.survey.Marked || d.lineage == p.lineage:
	case p.survey.First() == 0: // nothing in the blocks is of the mark's lineage
		return fault.With(fault.Operator, fmt.Errorf(
			"the mark in %s is of lineage %s, and not the journal: it is another node's; move it away and run: %s",
			d.journalPath(), p.lineage, p.Command("journal repair")))
	case slices.ContainsFunc(infos, func(info snapshot.Info) bool { return info.Lineage == d.lineage }):
		p.Unsure = true
		p.lineage = d.lineage
		p.survey.Disown(d.lineage)
	default:
		p.Unsure, p.foreign = true, true
		p.Faults = append(p.Faults, fmt.Sprintf("%s says lineage %s; the journal is %s: either is another node's",
			identityFile, d.lineage, p.lineage))
	}
	return nil
}

// lineageOfAll returns the lineage if the directory says it, else that of a
// snapshot; 0 is none.
func lineageOfAll(d *directory) journal.Lineage {
	if d.lineage != 0 && d.id.Adopt == nil {
		return d.lineage
	}
	infos, _ := snapshot.Find(d.snapshotPath()) // plan asks again
	for _, info := range infos {
		return info.Lineage
	}
	return 0
}

// base is what a state may begin with, and how far the journal leads from there.
type base struct {
	info  snapshot.Info // zero is an empty state
	reach journal.Seq
}

// bases returns what the state may begin with, what leads farthest first.
func (p *Plan) bases(infos []snapshot.Info, only bool) (list []base) {
	reach := p.survey.Reach
	if only {
		reach = func(after journal.Seq) journal.Seq { return after }
	}
	for _, info := range infos {
		if p.lineage == 0 {
			p.lineage = info.Lineage
		}
		if info.Lineage == p.lineage {
			p.Promised = max(p.Promised, info.Pos.Seq)
			list = append(list, base{info, reach(info.Pos.Seq)})
		}
	}
	list = append(list, base{reach: reach(0)})
	slices.SortStableFunc(list, func(a, b base) int {
		return cmp.Or(cmp.Compare(b.reach, a.reach), cmp.Compare(b.info.Pos.Seq, a.info.Pos.Seq))
	})
	return list
}

// choose replays from one base after the other until no other can lead farther.
func (p *Plan) choose(ctx context.Context, list []base) error {
	for i, b := range list {
		if i > 0 && b.reach <= p.Pos.Seq && (p.Pos.Seq > 0 || p.Snapshot.Path != "") {
			return nil
		}
		st, err := p.try(ctx, b)
		var bad *snapshot.Damage
		if errors.As(err, &bad) {
			continue // sortSnapshots names it
		}
		if err != nil {
			return err
		}
		if pos := st.Pos(); pos.Seq > p.Pos.Seq || p.Pos.Seq == 0 {
			p.Snapshot, p.Pos, p.Keys, p.epoch = b.info, pos, st.Keys(), st.Epoch()
		}
		if err := st.Close(); err != nil {
			return err
		}
	}
	return nil
}

// try returns the state that a base leads to.
func (p *Plan) try(ctx context.Context, b base) (st *replay.State, err error) {
	if b.info.Path == "" {
		st, err = replay.New(p.databases)
	} else {
		st, _, err = recovery.LoadAs(ctx, b.info.Path, p.databases)
	}
	if err != nil {
		return nil, err
	}
	from := b.info.Pos.Seq
	log := journal.NewHistory(surveyReader{p.survey, b.reach}, p.lineage)
	if b.reach == from || !p.sameEpoch(ctx, log, b.info) {
		return st, nil
	}
	progress.Of(ctx).Step(progress.StepApply, progress.Bytes, p.survey.Bytes(from, b.reach))
	err = recovery.CatchUp(ctx, log, st, b.reach)
	if stop := ctx.Err(); stop != nil {
		return nil, errors.Join(stop, st.Close())
	}
	if errors.Is(err, journal.ErrNewer) {
		return nil, errors.Join(err, st.Close())
	}
	if err != nil {
		p.Faults = append(p.Faults, fmt.Sprintf("number %d: %s", st.Pos().Seq+1, err))
	}
	return st, nil
}

// sameEpoch reports whether the journal has a snapshot's own number in the
// snapshot's epoch, or not at all. Otherwise the number was used again, and what
// comes after it is of another history.
func (p *Plan) sameEpoch(ctx context.Context, log journal.History, info snapshot.Info) bool {
	seq := info.Pos.Seq
	if seq == 0 {
		return true
	}
	for c, err := range log.Read(ctx, seq) {
		return err != nil || c.Batch().Epoch == info.Epoch
	}
	return true
}

// floor returns up to which number the journal may be taken to be truncated when
// all of it is good; false if it isn't.
func (p *Plan) floor() (journal.Seq, bool) {
	s := p.survey
	floor := s.Floor
	if !s.Marked {
		floor = max(s.Floor, max(s.First(), 1)-1)
	}
	return floor, floor <= p.Snapshot.Pos.Seq && s.Reach(floor) >= p.Pos.Seq
}

// sortSnapshots finds the snapshots that can't stay.
func (p *Plan) sortSnapshots(ctx context.Context, d *directory, infos []snapshot.Info) error {
	files, err := os.ReadDir(d.snapshotPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.With(fault.Operator, err)
	}
	bytes := int64(0)
	for _, info := range infos {
		bytes += info.Bytes
	}
	progress.Of(ctx).Step(snapshot.StepVerify, progress.Bytes, bytes)
	for _, f := range files {
		path := filepath.Join(d.snapshotPath(), f.Name())
		if filepath.Ext(path) != ".snap" {
			continue
		}
		i := slices.IndexFunc(infos, func(info snapshot.Info) bool { return info.Path == path })
		why := ""
		switch {
		case i < 0:
			why = "its header can't be read"
		case infos[i].Lineage != p.lineage:
			why = fmt.Sprintf("it is of lineage %s; the journal is %s", infos[i].Lineage, p.lineage)
		case infos[i].Pos.Seq > p.Pos.Seq, infos[i].Pos.Seq > p.Snapshot.Pos.Seq:
			why = "it does not lead to what can be served"
		}
		if _, err := snapshot.Verify(ctx, path); err != nil && (why == "" || i >= 0) {
			if err := ctx.Err(); err != nil {
				return err
			}
			why = err.Error()
		}
		if why != "" {
			p.Faults = append(p.Faults, fmt.Sprintf("%s: %s", path, strings.TrimPrefix(why, path+": ")))
			p.snapshots = append(p.snapshots, path)
		}
	}
	return nil
}

// surveyReader reads what a survey has found.
type surveyReader struct {
	survey *jet.Survey
	until  journal.Seq
}

// Read yields the frames from number from on.
func (r surveyReader) Read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Frame, error] {
	return r.survey.Frames(ctx, from, r.until)
}

// Stat returns the span that can be read without a gap.
func (r surveyReader) Stat(context.Context) (journal.Stat, error) {
	return journal.Stat{First: r.survey.First(), Last: r.until}, nil
}
