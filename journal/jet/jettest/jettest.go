// Package jettest opens a journal together with the broker that keeps it, for tests
// that care about the journal and not about whose broker it is.
package jettest

import (
	"context"
	"errors"

	"ledge/journal/broker"
	"ledge/journal/jet"
)

// Journal is a journal on a broker of its own.
type Journal struct {
	*jet.Journal
	Broker *broker.Broker
}

// Open checks the store in cfg.Dir, starts a broker on it and opens the journal in
// that. The broker is configured by b as far as it concerns others than the journal.
func Open(ctx context.Context, cfg jet.Config, b broker.Config) (*Journal, error) {
	checked, err := jet.Check(ctx, cfg)
	if err != nil {
		return nil, err
	}
	server, err := broker.Start(ctx, checked.Broker(b))
	if err != nil {
		return nil, err
	}
	j, err := checked.Open(ctx, server)
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return &Journal{j, server}, nil
}

// Close closes the journal and then the broker.
func (j *Journal) Close() error {
	err := j.Journal.Close()
	if errors.Is(err, jet.ErrLeft) {
		return err
	}
	return errors.Join(err, j.Broker.Close())
}
