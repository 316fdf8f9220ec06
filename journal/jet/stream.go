package jet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ledge/journal"
	"ledge/journal/fault"
)

// Metadata of the stream.
const (
	metaLineage = "ledge.lineage"
	metaFormat  = "ledge.format"
	format      = "1"
)

// streamConfig is the stream as it must be. A full one refuses new messages;
// it never drops old ones. There is no compression and no encryption by the
// broker: both make a flipped bit cost a whole block, and the files could not
// be read without the broker.
func streamConfig(cfg *Config) *server.StreamConfig {
	return &server.StreamConfig{
		Name: streamName, Subjects: []string{subject},
		Storage: server.FileStorage, Replicas: 1, Retention: server.LimitsPolicy,
		Discard: server.DiscardNew, MaxBytes: cfg.MaxBytes,
		MaxMsgs: -1, MaxMsgsPer: -1, MaxMsgSize: -1, MaxConsumers: -1,
		Duplicates: 100 * time.Millisecond, DenyDelete: true, AllowDirect: true, FirstSeq: firstSeq(cfg),
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
func (b *broker) createStream(ctx context.Context, cfg *Config) error {
	var r server.JSApiStreamCreateResponse
	if err := b.request(ctx, "CREATE", streamConfig(cfg), &r); err != nil {
		return fmt.Errorf("create journal stream: %w", err)
	}
	if err := syncTree(cfg.Dir); err != nil {
		return fmt.Errorf("sync new journal stream: %w", err)
	}
	return nil
}

// checkStream holds the stream that the broker has loaded against what stands
// in the files, and brings its limits up to date.
func (b *broker) checkStream(ctx context.Context, cfg *Config, first, last journal.Seq) error {
	info, err := b.info(ctx)
	var api *server.ApiError
	if errors.As(err, &api) && api.ErrCode == errNoStream {
		return fault.As(fault.Operator, "", fmt.Errorf(
			"the broker can't load journal stream %q; its last warning is %q",
			streamName, b.log.lastWarning()))
	}
	if err != nil {
		return fault.As(fault.Operator, "", err)
	}
	if got, want := info.Config.Metadata[metaLineage], cfg.Lineage.String(); got != want {
		return fault.As(fault.Operator, "", fmt.Errorf(
			"journal stream %q is of lineage %s; this node is %s", streamName, got, want))
	}
	if got := info.Config.Metadata[metaFormat]; got != format {
		return fault.As(fault.Operator, "", fmt.Errorf(
			"journal stream %q has format %s; this program knows %s", streamName, got, format))
	}
	if err := b.finishPurge(ctx, info, first, last); err != nil {
		return err
	}
	if err := addsUp(info.State, first, last); err != nil {
		return err
	}
	if info.Config.MaxBytes == cfg.MaxBytes {
		return nil
	}
	var r server.JSApiStreamUpdateResponse
	want := streamConfig(cfg)
	want.FirstSeq = info.Config.FirstSeq
	if err := b.request(ctx, "UPDATE", want, &r); err != nil {
		return fault.As(fault.Operator, "", fmt.Errorf("set journal limit: %w", err))
	}
	return nil
}

// finishPurge repeats a truncation that was cut short, and updates info.
func (b *broker) finishPurge(
	ctx context.Context, info *server.StreamInfo, first, last journal.Seq,
) error {
	if info.State.LastSeq != uint64(last) || info.State.FirstSeq >= uint64(first) {
		return nil
	}
	if err := b.purge(ctx, first-1); err != nil {
		return fault.As(fault.Operator, "", err)
	}
	again, err := b.info(ctx)
	if err != nil {
		return fault.As(fault.Operator, "", err)
	}
	*info = *again
	return nil
}

// addsUp compares the broker's view of the stream with the files'. The broker
// counts a lost message as deleted.
func addsUp(st server.StreamState, first, last journal.Seq) error {
	f, l := journal.Seq(st.FirstSeq), journal.Seq(st.LastSeq)
	if l == 0 {
		f = 1 // an empty stream that never had a message says 0
	}
	switch {
	case f != first:
		return damaged(min(f, first),
			"the broker's first number is %d; the files begin with %d", f, first)
	case l != last:
		return damaged(min(l, last)+1, "the broker's last number is %d; the files end with %d", l, last)
	case st.NumDeleted != 0 || st.Lost != nil || st.Msgs != uint64(last-first+1):
		return damaged(first, "the broker has %d messages of %d, %d deleted",
			st.Msgs, last-first+1, st.NumDeleted)
	}
	return nil
}

// purge removes the messages up to and including upTo.
func (b *broker) purge(ctx context.Context, upTo journal.Seq) error {
	var r server.JSApiStreamPurgeResponse
	err := b.request(ctx, "PURGE", server.JSApiStreamPurgeRequest{Sequence: uint64(upTo) + 1}, &r)
	if err == nil && !r.Success {
		err = errors.New("purge has not succeeded")
	}
	if err != nil {
		return fmt.Errorf("truncate journal up to number %d: %w", upTo, err)
	}
	return nil
}
