package jet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/fault"
)

// Checked is a journal's files, which a broker may be started on: see Check.
type Checked struct {
	cfg   Config
	store blocks.Store
	guard broker.Guard
	mark  *marker
	fresh bool    // there is no stream yet
	sum   Summary // of what there is
}

// Check goes over the store in cfg.Dir, before any broker is started on it. One that
// is damaged, missing or of another lineage is refused and left as it is.
func Check(ctx context.Context, cfg Config) (*Checked, error) {
	const op = "open journal"
	if err := cfg.Validate(); err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	cfg.setDefaults()
	store := blocks.NewStore(cfg.Dir)
	c := &Checked{cfg: cfg, store: store, guard: broker.NewGuard(cfg.Dir, store)}
	if err := c.prepare(ctx); err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	return c, nil
}

func (c *Checked) prepare(ctx context.Context) (err error) {
	if err := os.MkdirAll(c.cfg.Dir, 0o700); err != nil {
		return err
	}
	if n, err := c.guard.Restore(); err != nil {
		return err
	} else if n > 0 {
		c.cfg.Log.Warn("a start was cut short while the broker deleted the journal; it is put back", "files", n)
	}
	if c.fresh, err = c.openMark(); err != nil {
		return err
	}
	c.sum = Summary{First: c.cfg.First, Last: c.cfg.First - 1}
	if !c.fresh {
		if c.sum, err = c.check(ctx); err != nil {
			return err
		}
	}
	return c.mark.reopen()
}

// Broker returns the configuration of a broker that can keep the stream: cfg on the
// store's directory, synced as the journal is.
func (c *Checked) Broker(cfg broker.Config) broker.Config {
	cfg.Dir, cfg.Log = c.cfg.Dir, c.cfg.Log
	cfg.SyncAlways, cfg.SyncInterval = brokerSyncs(journal.Syncing{Mode: c.cfg.Sync, Every: c.cfg.SyncEvery}, false)
	return cfg
}

// openMark reads the mark, or makes one for a new journal. It reports whether
// the stream is to be created.
func (c *Checked) openMark() (fresh bool, err error) {
	there, err := c.store.Exists()
	if err != nil {
		return false, err
	}
	c.mark, err = loadMark(c.cfg.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && there:
		return false, errNoMark(c.cfg.Dir)
	case errors.Is(err, fs.ErrNotExist) && c.cfg.Create:
		c.mark, err = createMark(c.cfg.Dir, c.cfg.Lineage, c.cfg.First-1)
		return true, err
	case errors.Is(err, fs.ErrNotExist):
		return false, journal.Damage(
			fmt.Errorf("journal stream %q is missing: there is no %s", blocks.Stream, c.store.Dir))
	case err != nil:
		return false, err
	}
	m := c.mark.get()
	if m.lineage != c.cfg.Lineage {
		return false, journal.Damage(fmt.Errorf("journal in %s is of lineage %s; this node is %s",
			c.cfg.Dir, m.lineage, c.cfg.Lineage))
	}
	// A first start that was cut short may have left part of a stream.
	unborn := m.last == c.cfg.First-1 && m.floor == c.cfg.First-1 && !m.clean
	return unborn && c.cfg.Create && !c.store.Created(), nil
}

// errNoMark says that there is a journal and no mark.
func errNoMark(dir string) error {
	return journal.Damage(fmt.Errorf("%s has a journal stream but no file %q that vouches for it", dir, markFile))
}

// check reads the whole store before the broker gets to see it. What no frame depends
// on it makes good: it cuts off a torn end, and writes the stream's configuration
// again. It removes the broker's index unless the journal was closed in good order
// and the index goes up to the end: an old one can make the broker leave a gap.
func (c *Checked) check(ctx context.Context) (Summary, error) {
	m := c.mark.get()
	sum, e, err := verify(ctx, c.store, m, nil)
	if err != nil {
		return sum, err
	}
	if c.mark.note != "" {
		c.cfg.Log.Warn(c.mark.note)
	}
	for _, note := range sum.Notes {
		c.cfg.Log.Warn(note)
	}
	if e.Torn > 0 {
		if err := c.store.Cut(e.Tail); err != nil {
			return sum, fmt.Errorf("cut the torn tail: %w", err)
		}
	}
	if metaFault(c.store, c.cfg.Lineage) != nil {
		if err := writeMeta(c.store, &c.cfg); err != nil {
			return sum, fmt.Errorf("write the stream's own files again: %w", err)
		}
	}
	if n, ok := c.store.IndexLast(); !m.clean || !ok || n != sum.Last {
		return sum, c.store.DropIndex()
	}
	return sum, nil
}
