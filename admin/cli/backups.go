package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/appliance/process"
	"ledge/journal"
	"ledge/replay/backup"
)

// say prints a line for people; programs have the exit code.
func (o *operator) say(format string, args ...any) error {
	o.answers()
	w := o.c.App.Writer
	if o.c.Bool("json") {
		w = o.c.App.ErrWriter
	}
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}

// verify reads again what was written, and replays it. It returns in words what that
// has come to.
func (t *taker) verify(ctx context.Context, h backup.Header) (string, error) {
	open, able, err := opening(t.o.c)
	if err != nil {
		return "", err
	}
	if t.seal != nil && !able {
		return "not verified: without --identity what is encrypted can't be read", nil
	}
	path := t.path
	if isDirectory(t.to) {
		path = t.to
	}
	parts, err := findParts(t.o.c, path, open)
	if err != nil {
		return "", err
	}
	defer hurried(parts)()
	began := time.Now()
	l, err := backup.Load(ctx, parts, backup.Target{HasSeq: true, Seq: h.Last.Seq})
	if err != nil {
		return "", damagedPart(path, err)
	}
	defer l.State.Close()
	if got := l.State.Pos(); got != h.Last.Pos {
		return "", fmt.Errorf("it comes to %s; the node was at %s", got, h.Last.Pos)
	}
	return fmt.Sprintf("verified: read again and replayed, %d keys, in %s", l.State.Keys(), time.Since(began).Round(time.Millisecond)), nil
}

// hurried has the collector disturb little while the parts of a backup are loaded, which
// is all that this process does, if they are small for the memory there is.
func hurried(parts []backup.Part) (done func()) {
	bytes := int64(0)
	for _, p := range parts {
		if st, err := os.Stat(p.Name); err == nil { // Load says what is wrong with it
			bytes += st.Size()
		}
	}
	return process.Hurry(bytes)
}

// onePath returns the one argument of a command about backups.
func onePath(c *cli.Context) (string, error) {
	if c.Args().Len() != 1 {
		return "", Usage("%s: want one path of a backup", commandName(c))
	}
	return c.Args().First(), nil
}

// backupPart is what backup list prints for programs of a part. One that is encrypted,
// and can't be opened, has a name and a size alone.
type backupPart struct {
	Name      string     `json:"name"`
	Bytes     int64      `json:"bytes"`
	Encrypted bool       `json:"encrypted,omitempty"` // and not opened
	Created   *time.Time `json:"created,omitempty"`
	Node      string     `json:"node,omitempty"`
	Lineage   string     `json:"lineage,omitempty"`
	Snapshot  *uint64    `json:"snapshot_number,omitempty"` // of what it begins with, if it does
	After     *uint64    `json:"after_number,omitempty"`    // it holds the numbers after this one
	Last      *uint64    `json:"last_number,omitempty"`     // up to this one
	Digest    string     `json:"digest,omitempty"`
}

// backupPartOf words a part for programs.
func backupPartOf(name string, bytes int64, h *backup.Header) backupPart {
	p := backupPart{Name: name, Bytes: bytes, Encrypted: h == nil}
	if h == nil {
		return p
	}
	created, after, last := h.Created.UTC(), uint64(h.After.Seq), uint64(h.Last.Seq)
	p.Created, p.Node, p.Lineage, p.After, p.Last, p.Digest = &created, h.Node, h.Lineage.String(), &after, &last, h.Last.Digest.String()
	if h.Snapshot > 0 {
		p.Snapshot = &after
	}
	return p
}

// listBackup lists the parts of a backup, as far as they can be read.
func listBackup(c *cli.Context) error {
	path, err := onePath(c)
	if err != nil {
		return err
	}
	open, able, err := opening(c)
	if err != nil {
		return err
	}
	parts, err := findParts(c, path, open)
	if err != nil {
		return err
	}
	t := newTable()
	t.row("CREATED", "NODE", "LINEAGE", "HOLDS", "DIGEST", "SIZE", "NAME")
	var failed error
	list := []backupPart{}
	for _, p := range parts {
		bytes := int64(0)
		if st, err := os.Stat(p.Name); err == nil {
			bytes = st.Size()
		}
		h, err := backup.HeaderOf(p)
		switch {
		case err == nil:
			list = append(list, backupPartOf(filepath.Base(p.Name), bytes, &h))
			t.row(instant(h.Created), h.Node, h.Lineage.String(), holds(&h), h.Last.Digest.String(), size(bytes), filepath.Base(p.Name))
		case errors.Is(err, errSealed) && !able:
			list = append(list, backupPartOf(filepath.Base(p.Name), bytes, nil))
			t.row("encrypted", "", "", "", "", size(bytes), filepath.Base(p.Name))
		default:
			failed = errors.Join(failed, fmt.Errorf("%s: %w", p.Name, err))
		}
	}
	gaps, err := gapsAt(path)
	if failed = errors.Join(failed, err); c.Bool("json") {
		return errors.Join(printJSON(c, map[string]any{"parts": list, "missing": missing(gaps)}), failed)
	}
	return errors.Join(t.write(c.App.Writer), sayGaps(c, gaps), failed)
}

// verifyBackup reads all of a backup, and replays it.
func verifyBackup(c *cli.Context) error {
	path, err := onePath(c)
	if err != nil {
		return err
	}
	open, _, err := opening(c)
	if err != nil {
		return err
	}
	parts, err := findParts(c, path, open)
	if err != nil {
		return err
	}
	defer hurried(parts)()
	var l *backup.Loaded
	if err := long(c, "backup verify", nothingChanged, func(ctx context.Context) (err error) {
		l, err = backup.Verify(ctx, parts)
		return damagedPart(path, err)
	}); err != nil {
		return err
	}
	defer l.State.Close()
	if c.Bool("json") {
		return printJSON(c, map[string]any{"parts": len(parts), "number": uint64(l.State.Pos().Seq),
			"digest": l.State.Pos().Digest.String(), "keys": l.State.Keys(), "missing": missing(l.Gaps)})
	}
	_, err = fmt.Fprintf(c.App.Writer, "ok: %d parts up to number %d, digest %s, %d keys\n",
		len(parts), l.State.Pos().Seq, l.State.Pos().Digest, l.State.Keys())
	return errors.Join(err, sayGaps(c, l.Gaps))
}

// restoreFrom restores a backup into an empty directory.
func restoreFrom(c *cli.Context) error {
	to, err := targetOf(c, time.Now())
	if err != nil {
		return err
	}
	if !c.IsSet("dir") {
		return Usage("restore: --dir says into which directory; it must be empty, or not there")
	}
	if c.Bool("apply") {
		return Usage("restore: --apply is for a damaged directory, without --from")
	}
	dir := c.String("dir")
	if err := appliance.CanRestore(dir); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	open, _, err := opening(c)
	if err != nil {
		return err
	}
	parts, err := partsFrom(c, open)
	if err != nil {
		return err
	}
	defer hurried(parts)()
	var l *backup.Loaded
	var r appliance.Restored
	err = long(c, "restore", "nothing is restored; what there is in "+dir+" has to be removed before the next", func(ctx context.Context) error {
		loaded, err := backup.Load(ctx, parts, to)
		if err != nil {
			return damagedPart(c.String("from"), err)
		}
		l = loaded
		r, err = appliance.Restore(ctx, dir, c.String("node"), l.State)
		return options.Origins{}.Fault(err)
	})
	if l != nil {
		defer l.State.Close()
	}
	if err != nil {
		return err
	}
	return printRestored(c, dir, l, r)
}

func printRestored(c *cli.Context, dir string, l *backup.Loaded, r appliance.Restored) error {
	pos := l.State.Pos()
	if c.Bool("json") {
		return json.NewEncoder(c.App.Writer).Encode(map[string]any{"dir": dir, "number": uint64(pos.Seq),
			"digest": pos.Digest.String(), "keys": l.State.Keys(), "at": l.At.UTC(), "lineage": r.Lineage.String(),
			"from_lineage": l.Header.Lineage.String(), "node": c.String("node"), "from_node": l.Header.Node})
	}
	t := newTable()
	t.field("restored", "number %d, digest %s, %d keys", pos.Seq, pos.Digest, l.State.Keys())
	if !l.At.IsZero() {
		t.field("as of", "%s", l.At.UTC().Format(time.RFC3339Nano))
	}
	t.field("from", "%s, lineage %s, of node %s", c.String("from"), l.Header.Lineage, l.Header.Node)
	t.field("to", "%s, lineage %s, which begins with number %d", dir, r.Lineage, pos.Seq+1)
	t.field("name", "%s", restoredName(c.String("node"), l.Header.Node))
	start := "ledge serve --dir " + dir
	if l.State.Custody().Cluster != "" {
		start += " --cluster yes"
		t.field("cluster", "it is a shard of its own now, which serves its slots once it has heard of another shard: start it where the others look for it, "+
			"or say ledge cluster join URL to it, and ledge cluster forget NODE of the nodes that it comes in place of")
	}
	t.field("settings", "none: a backup has none of what was set at run time, such as a password by CONFIG SET requirepass")
	t.field("start", "%s", start)
	return t.write(c.App.Writer)
}

// restoredName says what a restored node is called: in logs, in subjects and to replicas
// it can't be told from the original if that has the same name.
func restoredName(name, original string) string {
	switch name {
	case "":
		return fmt.Sprintf("as its first start says: serve --node NAME, else the host's name; the original is %s", original)
	case original:
		return name + ", as the original"
	}
	return fmt.Sprintf("%s; the original is %s", name, original)
}

// partsFrom returns the parts that --from names.
func partsFrom(c *cli.Context, open opener) ([]backup.Part, error) {
	from := c.String("from")
	if from == "-" {
		return nil, Usage("restore: --from - can't be read twice; write it to a file first")
	}
	return findParts(c, from, open)
}

// targetOf returns how far to go back.
func targetOf(c *cli.Context, now time.Time) (to backup.Target, err error) {
	if s := c.String("to-number"); s != "" {
		n, err := options.ParseNumber(s)
		if err != nil {
			return to, Usage("--to-number: %w", err)
		}
		to.Seq, to.HasSeq = journal.Seq(n), true
	}
	if s := c.String("to-time"); s != "" {
		if to.HasSeq {
			return to, Usage("--to-number and --to-time exclude each other")
		}
		if to.Time, err = options.ParseInstant(s, now); err != nil {
			return to, Usage("--to-time: %w", err)
		}
	}
	if to.Time.After(now) {
		return to, Usage("--to-time: %s is in the future", strings.TrimSpace(c.String("to-time")))
	}
	return to, nil
}
