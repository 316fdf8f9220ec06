package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ledge/journal/blocks"
)

// Load gives the journal's account its JetStream, which loads the stream, if there
// is one. All its files have a second name meanwhile.
func (s *Stream) Load() error {
	there, err := s.store.Exists()
	if err != nil || !there {
		return errors.Join(err, s.b.enableJetStream())
	}
	if err := writable(s.store.Dir); err != nil {
		return err
	}
	if err := s.guard.Set(); err != nil {
		return err
	}
	err = s.b.enableJetStream()
	return errors.Join(err, s.guard.Lift())
}

// enableJetStream has the server load what account JOURNAL has.
func (b *Broker) enableJetStream() error {
	if !b.srv.JetStreamEnabled() {
		// The broker shuts JetStream down when it may not write. The config
		// must be a fresh one: the broker appends to its StoreDir.
		err := b.srv.EnableJetStream(&server.JetStreamConfig{
			StoreDir: b.opts.StoreDir, MaxMemory: b.opts.JetStreamMaxMemory,
			MaxStore: b.opts.JetStreamMaxStore, Strict: true,
			SyncAlways: b.opts.SyncAlways, SyncInterval: b.opts.SyncInterval,
		})
		if err != nil {
			return err
		}
	}
	if err := b.enableFor(blocks.Account, -1); err != nil {
		return err
	}
	b.showNoStreams()
	return nil
}

// enableFor lets an account have so much of everything; -1 is without a bound.
func (b *Broker) enableFor(account string, most int) error {
	acc, err := b.srv.LookupAccount(account)
	if err != nil {
		return err
	}
	return acc.EnableJetStream(map[string]server.JetStreamAccountLimits{"": {
		MaxMemory: int64(most), MaxStore: int64(most),
		MaxStreams: most, MaxConsumers: most, MaxAckPending: most,
		MemoryMaxStreamBytes: int64(most), StoreMaxStreamBytes: int64(most),
	}}, nil)
}

// showNoStreams gives account ADMIN a JetStream without room for anything, in which
// nobody may make a stream. Programs that look for one then hear that there is none;
// without it they heard that JetStream is missing, which monitoring takes for an alarm.
// The journal does not depend on it, so nothing but those programs suffers if the
// broker can't.
func (b *Broker) showNoStreams() {
	if err := b.enableFor(adminAccount, 0); err != nil {
		b.log.log.Debug("operators see no JetStream", "cause", err)
	}
}

// Unload takes the stream out of the broker. When it returns, nothing writes
// to the stream's files. cause is the write error that is known of.
func (s *Stream) Unload(ctx context.Context, cause string) error {
	if strings.Contains(cause, shutsDown) {
		// That goes on in the background, and would hit what we load next.
		if err := s.b.awaitDown(ctx); err != nil {
			return err
		}
	}
	acc, err := s.b.srv.LookupAccount(blocks.Account)
	if err != nil {
		return err
	}
	if !acc.JetStreamEnabled() {
		return nil
	}
	return acc.DisableJetStream()
}

// awaitDown waits for the broker to have shut JetStream down. It tells nobody,
// so there is only asking.
func (b *Broker) awaitDown(ctx context.Context) error {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for b.srv.JetStreamEnabled() {
		select {
		case <-t.C:
		case <-ctx.Done():
			return fmt.Errorf("the broker is shutting JetStream down: %w", ctx.Err())
		}
	}
	return nil
}

// SetSyncing changes whether the stream is synced with each message, and how often it is
// in the background, from when it is loaded next.
func (s *Stream) SetSyncing(always bool, every time.Duration) {
	s.b.opts.SyncAlways, s.b.opts.SyncInterval = always, every
}
