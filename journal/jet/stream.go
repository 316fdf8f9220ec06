package jet

import (
	"context"
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Metadata of the stream.
const (
	metaLineage = "ledge.lineage"
	metaFormat  = "ledge.format"
	format      = "1"
)

// streamSpec is the stream as the broker is told to make it.
func streamSpec(cfg *Config) broker.StreamSpec {
	return broker.StreamSpec{
		MaxBytes: cfg.MaxBytes, FirstSeq: firstSeq(cfg),
		Metadata: map[string]string{metaLineage: cfg.Lineage.String(), metaFormat: format},
	}
}

// firstSeq is what the broker is told: it takes 0 for the usual.
func firstSeq(cfg *Config) uint64 {
	if cfg.First == 1 {
		return 0
	}
	return uint64(cfg.First)
}

// createStream makes the stream and syncs the whole tree: unless it syncs
// always, the broker leaves the stream's own files to the kernel, and a power
// cut would take the stream as a whole.
func (j *Journal) createStream(ctx context.Context) error {
	if err := j.stream.Create(ctx, streamSpec(&j.cfg)); err != nil {
		return fmt.Errorf("create journal stream: %w", err)
	}
	if err := durable.Tree(j.cfg.Dir); err != nil {
		return fmt.Errorf("sync new journal stream: %w", err)
	}
	return nil
}

// checkStream compares the stream that the broker has loaded with what is in the
// files, and brings its limits up to date.
func (j *Journal) checkStream(ctx context.Context, first, last journal.Seq) error {
	info, err := j.stream.Info(ctx)
	if errors.Is(err, broker.ErrNoStream) {
		return fault.With(fault.Operator, fmt.Errorf(
			"the broker can't load journal stream %q; its last warning is %q",
			blocks.Stream, j.stream.LastWarning()))
	}
	if err != nil {
		return fault.With(fault.Operator, err)
	}
	if got, want := info.Metadata[metaLineage], j.cfg.Lineage.String(); got != want {
		return fault.With(fault.Operator, fmt.Errorf(
			"journal stream %q is of lineage %s; this node is %s", blocks.Stream, got, want))
	}
	if got := info.Metadata[metaFormat]; got != format {
		return fault.With(fault.Operator, fmt.Errorf(
			"journal stream %q has format %s; this program knows %s", blocks.Stream, got, format))
	}
	if info, err = j.finishPurge(ctx, info, first, last); err != nil {
		return err
	}
	if err := addsUp(info, first, last); err != nil {
		return err
	}
	if info.MaxBytes == j.cfg.MaxBytes {
		return nil
	}
	want := streamSpec(&j.cfg)
	want.FirstSeq = info.FirstSeq
	if err := j.stream.Update(ctx, want); err != nil {
		return fault.With(fault.Operator, fmt.Errorf("set journal limit: %w", err))
	}
	return nil
}

// finishPurge repeats a truncation that was cut short, and returns what the stream
// is afterwards.
func (j *Journal) finishPurge(
	ctx context.Context, info broker.StreamInfo, first, last journal.Seq,
) (broker.StreamInfo, error) {
	if info.Last != last || info.First >= first {
		return info, nil
	}
	if err := j.stream.Purge(ctx, first-1); err != nil {
		return info, fault.With(fault.Operator, err)
	}
	info, err := j.stream.Info(ctx)
	return info, fault.With(fault.Operator, err)
}

// addsUp compares the broker's view of the stream with the files'. The broker
// counts a lost message as deleted.
func addsUp(st broker.StreamInfo, first, last journal.Seq) error {
	f, l := st.First, st.Last
	if l == 0 {
		f = 1 // an empty stream that never had a message says 0
	}
	switch {
	case f != first:
		return journal.Damaged(min(f, first),
			"the broker's first number is %d; the files begin with %d", f, first)
	case l != last:
		return journal.Damaged(min(l, last)+1, "the broker's last number is %d; the files end with %d", l, last)
	case st.Deleted != 0 || st.Lost || st.Messages != uint64(last-first+1):
		return journal.Damaged(first, "the broker has %d messages of %d, %d deleted",
			st.Messages, last-first+1, st.Deleted)
	}
	return nil
}
