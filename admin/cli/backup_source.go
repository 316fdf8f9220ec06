package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/appliance"
	"ledge/appliance/options"
)

// backupAfter is what is so after an interrupt of a backup.
const backupAfter = "what was not written whole looks like no backup; a part that was being verified stays"

// giver gives what a backup needs: a running node, or the directory of a stopped one.
type giver interface {
	BackupBegin(ctx context.Context, node string, since admin.BackupSince) (admin.Backup, error)
	BackupSnapshot(ctx context.Context, node, id string, offset int64) (admin.Raw, error)
	BackupFrames(ctx context.Context, node, id string, from uint64) (admin.Raw, error)
	BackupEnd(ctx context.Context, node, id string, taken *uint64) error
}

// backUp asks the node if one is named, or if it runs; else it reads the directory,
// which it keeps for itself meanwhile.
func backUp(c *cli.Context, running operation) error {
	dir := c.String("dir")
	if c.IsSet("server") || c.IsSet("node") || !appliance.IsDirectory(dir) {
		return running.action(c)
	}
	if err := asReader(dir); err != nil {
		return err
	}
	s, err := appliance.OpenStopped(dir)
	var by *appliance.RunningError
	switch {
	case errors.As(err, &by) && by.Serves():
		return running.action(c)
	case err != nil:
		return inUse(c, options.Origins{}.Fault(err))
	}
	return errors.Join(backUpStopped(c, s), s.Close())
}

// backUpStopped backs up what is in the directory of a stopped node.
func backUpStopped(c *cli.Context, s *appliance.Stopped) error {
	wait, err := waitOf(c, 0)
	if err != nil {
		return err
	}
	ctx, cancel := c.Context, context.CancelFunc(func() {})
	if wait > 0 {
		ctx, cancel = context.WithTimeout(ctx, wait)
	}
	defer cancel()
	o := &operator{c: c, node: s.Node()}
	t, err := newTaker(o)
	if err != nil {
		return err
	}
	l := lengthy{title: "backup", after: backupAfter, shown: func(done func()) { o.unshow = done }}
	return l.run(ctx, c, func(ctx context.Context) error {
		from, err := s.Backup(ctx)
		if err != nil {
			return options.Origins{}.Fault(err)
		}
		t.from = from
		return t.run(ctx)
	})
}

// asReader is asOwner for a command that only reads, and writes elsewhere, where the
// owner may not: root stays root where the lock is there, which opening would make.
func asReader(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "lock")); err == nil {
		return nil
	}
	return asOwner(dir)
}
