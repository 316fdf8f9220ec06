package cli

import (
	"context"
	"errors"
	"time"

	urfave "github.com/urfave/cli/v2"

	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/journal"
	"ledge/replay/backup"
)

// PastFlags are those with which serve serves the past.
func PastFlags() []urfave.Flag {
	return append([]urfave.Flag{
		&urfave.StringFlag{Name: "as-of", Usage: "serve the past, read-only: `N|TIME`, a number of the journal, a time as " +
			"2026-03-04T05:06:07Z, or 90m for so long ago. DIR may be a running node's, and is not changed"},
		&urfave.StringFlag{Name: "from", Usage: "with --as-of, take the past from the backup at `PATH` in place of DIR"},
	}, OpenFlags()...)
}

// NotOfPast are flags of serve that mean nothing without --as-of.
func NotOfPast(c *urfave.Context) error {
	for _, f := range PastFlags()[1:] {
		if name := f.Names()[0]; c.IsSet(name) {
			return Usage("serve: --%s goes with --as-of", name)
		}
	}
	return nil
}

// ServePast serves the past until it is told to stop.
func ServePast(c *urfave.Context, cfg appliance.Config, bar *Bar, g Greeter) error {
	n, at, err := options.ParsePast(c.String("as-of"), time.Now())
	if err != nil {
		return Usage("--as-of: %w", err)
	}
	to := backup.Target{Seq: journal.Seq(n), HasSeq: at.IsZero(), Time: at}
	if at.After(time.Now()) {
		return Usage("--as-of: %s is in the future", to)
	}
	cfg.SetDefaults()
	if err := cfg.ReadSecrets(); err != nil {
		return err
	}
	if cfg.Listen == appliance.Off {
		return Usage("serve: --as-of needs --listen")
	}
	ctx, stop := Interrupts(c.Context)
	defer stop()
	began := time.Now()
	reading, done := bar.Shown(ctx, "reading the past")
	l, err := loadPast(reading, c, cfg.Dir, to)
	done()
	if err != nil {
		return options.Origins{}.Fault(err)
	}
	if at.IsZero() {
		at = l.At
	}
	p, err := appliance.OpenPast(ctx, appliance.PastConfig{Listen: cfg.Listen, Password: cfg.Password,
		MaxClients: cfg.MaxClients, At: at, Node: l.Header.Node, Logger: cfg.Logger}, l.State, l.Header.Lineage)
	if err != nil {
		return errors.Join(options.Origins{}.Fault(err), l.State.Close())
	}
	g.past(l, p.Addr().String(), at, time.Since(began))
	return errors.Join(p.Run(ctx), p.Close(), l.State.Close())
}

// loadPast reads the past from a backup, or from a directory.
func loadPast(ctx context.Context, c *urfave.Context, dir string, to backup.Target) (*backup.Loaded, error) {
	if !c.IsSet("from") {
		return appliance.ReadPast(ctx, dir, to)
	}
	parts, err := BackupParts(c, c.String("from"))
	if err != nil {
		return nil, err
	}
	l, err := backup.Load(ctx, parts, to)
	return l, damagedPart(c.String("from"), err)
}
