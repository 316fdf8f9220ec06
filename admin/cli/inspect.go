package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/journal"
	"ledge/journal/jet"
	"ledge/replay/snapshot"
)

// dirFlag is where the commands that look into a stopped node look.
func dirFlag() cli.Flag {
	return &cli.StringFlag{Name: "dir", Value: options.DefaultDir,
		Usage: "`DIR`: the stopped node's data", EnvVars: []string{"LEDGE_DIR"}}
}

// Stopped returns the commands that look into the directory of a stopped node;
// snapshot by itself asks a running one.
func Stopped() []*cli.Command {
	return []*cli.Command{journalCommand(), taking(snapshotCommand()), restoreCommand()}
}

// tailLength is how many numbers journal tail shows unless told.
const tailLength = 10

func journalCommand() *cli.Command {
	return &cli.Command{
		Name: "journal", Usage: "look into the journal of a stopped node",
		Subcommands: []*cli.Command{
			{Name: "info", Usage: "say what the journal holds", Flags: []cli.Flag{dirFlag()},
				Action: stopped(journalInfo)},
			{Name: "tail", Usage: "print entries, one JSON line each",
				Flags: []cli.Flag{dirFlag(),
					&cli.Uint64Flag{Name: "from", DefaultText: "the last 10", Usage: "begin with number `N`"}},
				Action: stopped(journalTail)},
			{Name: "verify", Usage: "check every byte, every number and every digest",
				Flags: []cli.Flag{dirFlag()}, Action: stopped(journalVerify)},
			{Name: "repair", Usage: "say what can be served of a damaged directory and what that loses; with --apply, do it",
				Flags:  []cli.Flag{dirFlag(), applyFlag()},
				Action: repairing("journal repair", (*appliance.Stopped).Plan)},
		},
	}
}

// errRunning tells who asks about snapshots what a running node is asked with.
var errRunning = errors.New("a running node's are listed by: ledge snapshots")

func snapshotCommand() *cli.Command {
	return &cli.Command{
		Name: "snapshot", Usage: "look at the snapshots of a stopped node",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "list them, newest first", Flags: []cli.Flag{dirFlag()},
				Action: func(c *cli.Context) error {
					err := stopped(snapshotList)(c)
					if errors.Is(err, appliance.ErrRunning) {
						err = errors.Join(err, errRunning)
					}
					return err
				}},
		},
	}
}

// stopped runs a command on the directory of a stopped node.
func stopped(fn func(*cli.Context, *appliance.Stopped) error) cli.ActionFunc {
	return func(c *cli.Context) (err error) {
		s, err := appliance.OpenStopped(c.String("dir"))
		if err != nil {
			return options.Origins{}.Fault(err)
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return fn(c, s)
	}
}

func journalInfo(c *cli.Context, s *appliance.Stopped) error {
	sum, err := s.Journal(c.Context)
	w := c.App.Writer
	fmt.Fprintf(w, "node      %s\n", s.Node())
	fmt.Fprintf(w, "created   %s\n", s.Created().Format(time.RFC3339))
	fmt.Fprintf(w, "lineage   %s\n", sum.Lineage)
	fmt.Fprintf(w, "numbers   %s\n", span(sum))
	fmt.Fprintf(w, "size      %d bytes in %d files\n", sum.Bytes, sum.Blocks)
	fmt.Fprintf(w, "closed    %s\n", closed(sum))
	return err
}

func span(s jet.Summary) string {
	if s.Last < s.First {
		return fmt.Sprintf("none; the next is %d", s.First)
	}
	return fmt.Sprintf("%d to %d", s.First, s.Last)
}

func closed(s jet.Summary) string {
	switch {
	case s.Clean:
		return "in good order"
	case s.Torn > 0:
		return fmt.Sprintf("not; an append that was never answered has left %d bytes behind the last number", s.Torn)
	}
	return "not; the process was killed"
}

func journalVerify(c *cli.Context, s *appliance.Stopped) error {
	v, err := s.Verify(c.Context)
	for _, note := range v.Notes {
		fmt.Fprintf(c.App.Writer, "note: %s\n", note)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "ok: numbers %s, digest %s, %d keys, closed %s\n",
		span(v.Journal), v.Pos.Digest, v.Keys, closed(v.Journal))
	return nil
}

func journalTail(c *cli.Context, s *appliance.Stopped) error {
	from := journal.Seq(c.Uint64("from"))
	if from == 0 {
		// A damaged journal is shown as far as it goes; reading it says where.
		sum, _ := s.Journal(c.Context)
		from = max(sum.First, sum.Last-min(sum.Last, tailLength)+1)
	}
	return printBatches(c.Context, c.App.Writer, s, from)
}

// line is one entry as journal tail prints it.
type line struct {
	Seq   journal.Seq `json:"seq"`
	Entry int         `json:"entry"` // its place in the batch, from 0
	Epoch uint64      `json:"epoch"`
	Prev  string      `json:"prev"` // the digest that the batch was written on
	At    time.Time   `json:"at"`
	Ops   []any       `json:"ops"`
}

func printBatches(ctx context.Context, w io.Writer, s *appliance.Stopped, from journal.Seq) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for com, err := range s.Batches(ctx, from) {
		if err != nil {
			return err
		}
		b := com.Batch()
		for i, e := range b.Entries {
			l := line{Seq: com.Seq(), Entry: i, Epoch: b.Epoch, Prev: b.Prev.String(), At: e.At.UTC()}
			for _, op := range e.Ops {
				l.Ops = append(l.Ops, journal.Describe(op))
			}
			if err := enc.Encode(l); err != nil {
				return err
			}
		}
	}
	return nil
}

func snapshotList(c *cli.Context, s *appliance.Stopped) error {
	list, err := s.Snapshots()
	printSnapshots(c.App.Writer, list)
	return err
}

func printSnapshots(w io.Writer, list []snapshot.Info) {
	for _, i := range list {
		fmt.Fprintf(w, "%s  number %d  digest %s  %d keys  %d bytes  %s\n",
			i.Created.UTC().Format(time.RFC3339), i.Pos.Seq, i.Pos.Digest, i.Keys, i.Bytes, i.Path)
	}
}
