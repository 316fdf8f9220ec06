package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay/backup"
)

func backupCommand() *cli.Command {
	op := operation{name: "backup", usage: "back a node up, running or stopped, or add to a backup what it lacks",
		flags: append([]cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "`PATH`: a directory, to which later backups add what is new; " +
				"a file, if it ends in .backup; or - for standard output"},
			&cli.BoolFlag{Name: "base", Usage: "begin with the newest snapshot, and add to nothing"},
			&cli.BoolFlag{Name: "no-verify", Usage: "don't read the backup again, nor replay it"},
		}, sealFlags()...),
		verb: "backup.begin", after: backupAfter,
		ask: func(ctx context.Context, o *operator) error { return takeBackup(ctx, o, o.conn) }}
	cmd := op.command()
	cmd.Action = func(c *cli.Context) error { return backUp(c, op) }
	cmd.Subcommands = []*cli.Command{
		{Name: "list", Usage: "list the parts of a backup", Args: true, ArgsUsage: "PATH", Flags: append(openFlags(), jsonFlag()), Action: listBackup},
		{Name: "verify", Usage: "read a backup, replay it, and say what it holds", Args: true, ArgsUsage: "PATH",
			Flags: append(openFlags(), jsonFlag()), Action: verifyBackup},
	}
	cmd.Before = func(c *cli.Context) error {
		if c.Args().Present() && len(c.LocalFlagNames()) > 0 {
			return Usage("backup: the options of %q stand after it", c.Args().First())
		}
		return nil
	}
	return cmd
}

// takeBackup takes a backup, of what gives it, to where it is to be.
func takeBackup(ctx context.Context, o *operator, from giver) error {
	t, err := newTaker(o)
	if err != nil {
		return err
	}
	t.from = from
	return t.run(ctx)
}

// newTaker takes in where a backup is to be, and for whom.
func newTaker(o *operator) (*taker, error) {
	to := o.c.String("to")
	if to == "" {
		return nil, Usage("backup: --to says where: a directory, a file that ends in %s, or -", backup.Extension)
	}
	seal, err := sealing(o.c)
	if err != nil {
		return nil, err
	}
	if to != "-" && seal == nil && strings.HasSuffix(to, backup.Sealed) {
		return nil, Usage("backup: --to %s is to be encrypted; --encrypt-to or --passphrase-file says for whom", to)
	}
	if to != "-" && !isDirectory(to) && seal != nil && !strings.HasSuffix(to, backup.Sealed) {
		to += backup.Sealed
	}
	if to != "-" {
		if err := mayReplace(to); err != nil {
			return nil, err
		}
		if err := notOurs(to); err != nil {
			return nil, err
		}
	}
	t := &taker{o: o, to: to, seal: seal}
	if _, err := t.there(); err != nil {
		return nil, fmt.Errorf("backup to %s: %w", to, err)
	}
	return t, nil
}

// mayReplace refuses a path at which something stands that a backup must not take the
// place of: a file with another name than a backup's, a device, a pipe, a link.
func mayReplace(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && st.IsDir(), isDirectory(path) && err == nil:
		return nil
	case err != nil:
		return fmt.Errorf("backup to %s: %w", path, err)
	case !st.Mode().IsRegular():
		return Usage("backup: --to %s is neither a file nor a directory; --to - writes to standard output", path)
	case !strings.HasSuffix(strings.TrimSuffix(path, backup.Sealed), backup.Extension):
		return Usage("backup: --to %s is a file that is no backup, and stays; a backup's name ends in %s", path, backup.Extension)
	}
	return nil
}

// isDirectory reports whether a backup to path is kept in a directory.
func isDirectory(path string) bool {
	if st, err := os.Stat(path); err == nil {
		return st.IsDir()
	}
	base := strings.TrimSuffix(path, backup.Sealed)
	return !strings.HasSuffix(base, backup.Extension)
}

// taker takes one backup.
type taker struct {
	o    *operator
	from giver
	to   string
	seal func(io.Writer) (io.WriteCloser, error) // nil is as it is

	path    string // of the part, once it is known
	named   bool   // the part has its name, so it stays whatever fails
	trailer backup.Trailer
}

// beginAttempts is how often a backup is begun anew when the node has let it go.
const beginAttempts = 3

// run takes it, and begins anew if the node has truncated what was wanted.
func (t *taker) run(ctx context.Context) (err error) {
	for attempt := range beginAttempts {
		err = t.take(ctx)
		var answer *admin.Error
		if t.to == "-" || attempt == beginAttempts-1 || !errors.As(err, &answer) ||
			answer.Class != fault.Retryable || !strings.Contains(answer.Text, "begin anew") {
			break
		}
	}
	return t.worded(err)
}

// worded adds to an error where the backup was to be, and what is left of it.
func (t *taker) worded(err error) error {
	switch {
	case err == nil || t.to == "-":
		return err
	case t.named:
		return fmt.Errorf("backup to %s: %w; the part is left as it is, in %s", t.to, err, t.path)
	}
	return fmt.Errorf("backup to %s: %w; nothing that looks like a backup is left of this attempt", t.to, err)
}

// take takes it once. Where it is to be is reserved before it is found out what that
// has, so that two backups to one directory don't add the same.
func (t *taker) take(ctx context.Context) (err error) {
	file, err := t.reserve()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Discard()) }()
	since, err := t.since()
	if err != nil {
		return err
	}
	b, err := t.from.BackupBegin(ctx, t.o.node, since)
	if err != nil {
		return err
	}
	var taken *uint64
	defer func() { // the node lets it go by itself if that can't be said
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), quickWait)
		defer cancel()
		_ = t.from.BackupEnd(end, t.o.node, b.ID, taken)
	}()
	h, err := headerOf(b)
	if err != nil {
		return err
	}
	if since.Lineage != "" && h.After == h.Last && h.Snapshot == 0 && uint64(h.After.Seq) == since.Number {
		taken = &b.Last
		return t.o.say("nothing is new: %s has everything up to number %d, digest %s", t.to, h.Last.Seq, h.Last.Digest)
	}
	if err := t.put(ctx, file, b, h); err != nil {
		return err
	}
	if err = t.report(ctx, h, since); err == nil {
		taken = &b.Last
	}
	return err
}

// reserve begins the file that is to be the part; for standard output there is none.
func (t *taker) reserve() (*backup.Unfinished, error) {
	if t.to == "-" {
		return nil, nil
	}
	if isDirectory(t.to) {
		if err := os.MkdirAll(t.to, 0o700); err != nil {
			return nil, err
		}
		if err := durable.File(filepath.Dir(filepath.Clean(t.to))); err != nil {
			return nil, err
		}
	}
	return backup.Begin(t.to)
}

// put writes the part, to where it is to be.
func (t *taker) put(ctx context.Context, file *backup.Unfinished, b admin.Backup, h backup.Header) error {
	write := func(w io.Writer) error { return t.sealed(w, func(w io.Writer) error { return t.write(ctx, w, b, h) }) }
	if t.to == "-" {
		return toOutput(t.o.c.App.Writer, write)
	}
	if t.path = t.to; isDirectory(t.to) {
		t.path = filepath.Join(t.to, backup.Name(&h))
		if t.seal != nil {
			t.path += backup.Sealed
		}
	}
	if err := write(file); err != nil {
		return err
	}
	err := file.Finish(t.path)
	t.named = file.Named()
	return err
}

// toOutput writes to standard output. Where nobody reads that any more, the write is to
// fail: SIGPIPE would end the program before the node is told that it may let go of what
// it holds for the backup.
func toOutput(w io.Writer, write func(io.Writer) error) error {
	unread := make(chan os.Signal, 1)
	signal.Notify(unread, syscall.SIGPIPE)
	defer signal.Stop(unread)
	err := write(w)
	if errors.Is(err, syscall.EPIPE) {
		return errors.New("backup to standard output: nobody reads it any more; what was read is no whole backup")
	}
	if err != nil {
		return fmt.Errorf("backup to standard output: %w; what was written is no whole backup", err)
	}
	return nil
}

// there returns the parts that are there already, none unless it is a directory. It
// refuses those that the part must not be put beside.
func (t *taker) there() ([]backup.File, error) {
	if t.to == "-" || !isDirectory(t.to) {
		return nil, nil
	}
	files, err := backup.List(t.to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it will be made
	}
	if err != nil {
		return nil, err
	}
	return files, t.beside(files)
}

// since finds out what the backup has that is to be added to.
func (t *taker) since() (s admin.BackupSince, err error) {
	s.Base = t.o.c.Bool("base")
	files, err := t.there() // another backup may have begun the directory meanwhile
	if err != nil || len(files) == 0 {
		return s, err
	}
	last := files[0]
	for _, f := range files {
		if f.Lineage != last.Lineage {
			return s, fmt.Errorf("%s has backups of two journals, %s and %s; keep them apart", t.to, last.Lineage, f.Lineage)
		}
		if f.Last.Seq >= last.Last.Seq {
			last = f
		}
	}
	if err := t.opens(last); err != nil {
		return s, err
	}
	s.Lineage, s.Number, s.Digest, s.Epoch = last.Lineage.String(), uint64(last.Last.Seq), last.Last.Digest.String(), last.Last.Epoch
	return s, nil
}

// sealed has fn write through the encryption, if there is one.
func (t *taker) sealed(w io.Writer, fn func(io.Writer) error) error {
	if t.seal == nil {
		return fn(w)
	}
	sw, err := t.seal(w)
	if err != nil {
		return err
	}
	if err := fn(sw); err != nil {
		return err // what has been written so far has no end, so it can't be read
	}
	return sw.Close()
}

// write reads all of the backup from the node and writes it.
func (t *taker) write(ctx context.Context, w io.Writer, b admin.Backup, h backup.Header) error {
	p, err := backup.NewWriter(w, h)
	if err != nil {
		return err
	}
	shown := progress.Of(ctx)
	shown.Plan(progress.Part{Name: stepFetch, Unit: progress.Bytes, Total: h.Snapshot, Cost: time.Duration(h.Snapshot)},
		progress.Part{Name: stepFrames, Unit: progress.Bytes, Total: b.Frames, Cost: time.Duration(b.Frames)})
	if h.Snapshot > 0 {
		shown.Step(stepFetch, progress.Bytes, h.Snapshot)
	}
	for at := int64(0); at < h.Snapshot; {
		piece, err := t.piece(ctx, func(ctx context.Context) (admin.Raw, error) {
			return t.from.BackupSnapshot(ctx, t.o.node, b.ID, at)
		})
		if err == nil {
			err = p.Snapshot(piece)
		}
		if err != nil {
			return fmt.Errorf("byte %d of %d of the snapshot: %w", at, h.Snapshot, err)
		}
		at += int64(len(piece))
		shown.To(at)
	}
	shown.Step(stepFrames, progress.Bytes, b.Frames)
	for p.Last() < h.Last.Seq {
		piece, err := t.piece(ctx, func(ctx context.Context) (admin.Raw, error) {
			return t.from.BackupFrames(ctx, t.o.node, b.ID, uint64(p.Last()+1))
		})
		if err == nil {
			err = p.Frames(piece)
		}
		if err != nil {
			return fmt.Errorf("number %d of %d: %w", p.Last()+1, h.Last.Seq, err)
		}
		shown.Add(int64(len(piece)))
	}
	t.trailer, err = p.Close()
	return err
}

// Steps of a backup, before it is verified.
const (
	stepFetch  = "fetching the snapshot"
	stepFrames = "fetching the journal"
)

// A piece of a backup is asked for again if it has not come, or not whole.
const (
	pieceWait     = 20 * time.Second
	pieceAttempts = 3
)

func (t *taker) piece(ctx context.Context, ask func(context.Context) (admin.Raw, error)) (piece admin.Raw, err error) {
	for range pieceAttempts {
		timed, cancel := context.WithTimeout(ctx, pieceWait)
		piece, err = ask(timed)
		cancel()
		var answer *admin.Error
		if err == nil && len(piece) == 0 {
			err = errors.New("the node has sent nothing")
		}
		if err == nil || ctx.Err() != nil || errors.As(err, &answer) || t.o.conn == nil {
			return piece, err
		}
	}
	return nil, err
}
