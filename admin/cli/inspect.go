package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/appliance/report"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/replay/snapshot"
)

// dirFlag is where the commands that look into a stopped node look.
func dirFlag() cli.Flag {
	return &cli.StringFlag{Name: "dir", Value: options.DefaultDir,
		Usage: "`DIR`: the stopped node's data", EnvVars: []string{"LEDGE_DIR"}}
}

// jsonFlag has a command print for programs.
func jsonFlag() cli.Flag { return &cli.BoolFlag{Name: "json", Usage: "print JSON"} }

// printJSON prints what a command has found for programs.
func printJSON(c *cli.Context, v any) error {
	enc := json.NewEncoder(c.App.Writer)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Stopped returns the commands that look into the directory of a stopped node;
// snapshot by itself asks a running one.
func Stopped() []*cli.Command {
	return []*cli.Command{journalCommand(), taking(snapshotCommand()), restoreCommand()}
}

func journalCommand() *cli.Command {
	return &cli.Command{
		Name: "journal", Usage: "look into the journal: of a stopped node, tail of a running one, too",
		Subcommands: []*cli.Command{
			{Name: "info", Usage: "say what the journal holds", Flags: []cli.Flag{dirFlag(), jsonFlag()},
				Action: located(stopped(journalInfo))},
			tailCommand(),
			{Name: "verify", Usage: "check every byte, every number and every digest: exit code 1 if there is damage",
				Flags: []cli.Flag{dirFlag(), jsonFlag()}, Action: located(stopped(journalVerify))},
			{Name: "repair", Usage: "say what can be served of a damaged directory and what that loses; with --apply, do it",
				Flags:  []cli.Flag{dirFlag(), applyFlag(), jsonFlag()},
				Action: repairing("journal repair", (*appliance.Stopped).Plan)},
		},
	}
}

func snapshotCommand() *cli.Command {
	return &cli.Command{
		Name: "snapshot", Usage: "look at the snapshots of a stopped node",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "list them, newest first", Flags: []cli.Flag{dirFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					return located(stopped(snapshotList))(c)
				}},
		},
	}
}

// stopped runs a command on the directory of a stopped node.
func stopped(fn func(*cli.Context, *appliance.Stopped) error) cli.ActionFunc {
	return func(c *cli.Context) (err error) {
		if err := asOwner(c.String("dir")); err != nil {
			return err
		}
		s, err := appliance.OpenStopped(c.String("dir"))
		if err != nil {
			return inUse(c, options.Origins{}.Fault(err))
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return fn(c, s)
	}
}

// journalFacts is what journal info prints for programs.
type journalFacts struct {
	Node    string    `json:"node"`
	Created time.Time `json:"created"`
	Lineage string    `json:"lineage"`
	First   uint64    `json:"first_number"`
	Last    uint64    `json:"last_number"`
	Bytes   int64     `json:"bytes"`
	Files   int       `json:"files"`
	Closed  bool      `json:"closed"` // in good order
	Torn    int64     `json:"torn_bytes,omitempty"`
}

func journalInfo(c *cli.Context, s *appliance.Stopped) error {
	var sum jet.Summary
	err := long(c, "journal info", nothingChanged, func(ctx context.Context) (err error) {
		sum, err = s.Journal(ctx)
		return err
	})
	if interrupted(err) {
		return err
	}
	if c.Bool("json") {
		return errors.Join(printJSON(c, journalFacts{Node: s.Node(), Created: s.Created(), Lineage: sum.Lineage.String(),
			First: uint64(sum.First), Last: uint64(sum.Last), Bytes: sum.Bytes, Files: sum.Blocks,
			Closed: sum.Clean, Torn: int64(sum.Torn)}), err)
	}
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

// journalVerdict is what journal verify prints for programs.
type journalVerdict struct {
	OK      bool     `json:"ok"`
	Damaged bool     `json:"damaged"` // which may have cost nothing: then there is no error
	First   uint64   `json:"first_number"`
	Last    uint64   `json:"last_number"`
	Digest  string   `json:"digest,omitempty"`
	Keys    int      `json:"keys"`
	Closed  bool     `json:"closed"`
	Notes   []string `json:"notes"`
	Error   string   `json:"error,omitempty"`
}

// errNoted ends journal verify when there is damage that a start makes good.
var errNoted = errors.New("there is damage, which has cost nothing: a start makes it good")

func journalVerify(c *cli.Context, s *appliance.Stopped) error {
	var v appliance.Verified
	err := long(c, "journal verify", nothingChanged, func(ctx context.Context) (err error) {
		v, err = s.Verify(ctx)
		return err
	})
	if interrupted(err) {
		return err
	}
	if c.Bool("json") {
		r := journalVerdict{OK: err == nil && !v.Damaged, Damaged: v.Damaged || errors.Is(err, journal.ErrDamage),
			First: uint64(v.Journal.First), Last: uint64(v.Journal.Last), Keys: v.Keys, Closed: v.Journal.Clean,
			Notes: append([]string{}, v.Notes...)}
		if err != nil {
			r.Error = fault.Line(err)
		} else {
			r.Digest = v.Pos.Digest.String()
		}
		err = errors.Join(printJSON(c, r), err)
	} else {
		printVerdict(c.App.Writer, v, err == nil)
	}
	if err == nil && v.Damaged {
		return errNoted
	}
	return err
}

func printVerdict(w io.Writer, v appliance.Verified, whole bool) {
	for _, note := range v.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	if !whole {
		return
	}
	verdict := "ok"
	if v.Damaged {
		verdict = "nothing is lost"
	}
	fmt.Fprintf(w, "%s: numbers %s, digest %s, %d keys, closed %s\n",
		verdict, span(v.Journal), v.Pos.Digest, v.Keys, closed(v.Journal))
}

func snapshotList(c *cli.Context, s *appliance.Stopped) error {
	list, err := s.Snapshots()
	if c.Bool("json") {
		l := admin.SnapshotList{Snapshots: []admin.Snapshot{}}
		for _, i := range list {
			l.Snapshots = append(l.Snapshots, report.SnapshotOf(i))
		}
		return errors.Join(printJSON(c, l), err)
	}
	printSnapshots(c.App.Writer, list)
	return err
}

func printSnapshots(w io.Writer, list []snapshot.Info) {
	for _, i := range list {
		fmt.Fprintf(w, "%s  number %d  digest %s  %d keys  %d bytes  %s\n",
			i.Created.UTC().Format(time.RFC3339), i.Pos.Seq, i.Pos.Digest, i.Keys, i.Bytes, i.Path)
	}
}
