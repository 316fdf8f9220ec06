package appliance

import (
	"context"
	"errors"

	"ledge/journal/broker"
	"ledge/journal/jet"
	"ledge/replay/remote"
)

// carrier is the embedded broker together with the journal that is kept in it. The
// broker belongs to the node and not to the journal: operators and replicas come to
// it as well, and another way of keeping the journal needs the same broker. A full
// sync puts another carrier in place of the one there is.
type carrier struct {
	*broker.Broker
	journal *jet.Journal // nil while only the broker is there
}

// openCarrier checks the directory's journal, starts the broker on it and opens the
// journal, which is made if the directory is fresh. The broker listens for NATS
// clients at an address or Off.
func openCarrier(ctx context.Context, d *directory, cfg *Config, secure *security, listen string) (*carrier, error) {
	c, checked, err := startCarrier(ctx, d, cfg, secure, listen)
	if err != nil {
		return nil, err
	}
	if c, err = c.open(ctx, d, checked); err != nil {
		return nil, err
	}
	return c, nil
}

// startCarrier is openCarrier up to the broker, which can be asked already.
func startCarrier(ctx context.Context, d *directory, cfg *Config, secure *security, listen string) (
	*carrier, *jet.Checked, error) {
	users, err := d.users(remote.Subjects)
	if err != nil {
		return nil, nil, err
	}
	checked, err := jet.Check(ctx, jetConfig(d, cfg))
	if err != nil {
		return nil, nil, err
	}
	server := broker.Config{Name: d.node, Users: users}
	if listen != Off {
		server.Listen, server.TLS = listen, secure.nats
	}
	b, err := broker.Start(ctx, checked.Broker(server))
	if err != nil {
		return nil, nil, addressFault("nats-listen", listen, err)
	}
	return &carrier{Broker: b}, checked, nil
}

// open opens the journal on the broker, and returns the carrier of both. When that
// fails the broker is closed.
func (c *carrier) open(ctx context.Context, d *directory, checked *jet.Checked) (*carrier, error) {
	j, err := checked.Open(ctx, c.Broker)
	if err != nil {
		return nil, errors.Join(err, c.Broker.Close())
	}
	c = &carrier{c.Broker, j}
	if d.fresh() {
		if err := d.ready(); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// jetConfig says how the directory's journal is kept.
func jetConfig(d *directory, cfg *Config) jet.Config {
	s := syncingOf(&cfg.Live)
	return jet.Config{
		Dir: d.journalPath(), Lineage: d.lineage, Create: d.fresh(), First: d.first(),
		Sync: s.Mode, SyncEvery: s.Every, AppendTimeout: cfg.AppendTimeout, Log: cfg.Logger,
	}
}

// Close closes the journal and then the broker. A journal that hangs with the disk
// is left, and the broker with it: it would hang in the same place.
func (c *carrier) Close() error {
	if c.journal == nil {
		return c.Broker.Close()
	}
	err := c.journal.Close()
	if errors.Is(err, jet.ErrLeft) {
		return err
	}
	return errors.Join(err, c.Broker.Close())
}
