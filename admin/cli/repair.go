package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"ledge/appliance"
	"ledge/appliance/options"
)

// applyFlag lets a command do what it would only say otherwise.
func applyFlag() cli.Flag {
	return &cli.BoolFlag{Name: "apply", Usage: "do it; what is changed or removed is kept under DIR/damaged"}
}

func restoreCommand() *cli.Command {
	damaged := repairing("restore", (*appliance.Stopped).PlanRestore)
	return &cli.Command{
		Name: "restore",
		Usage: "with --from, restore a backup into an empty directory; else say what going back to the newest good " +
			"snapshot of a stopped node loses, and with --apply, do it",
		Flags: append([]cli.Flag{dirFlag(), applyFlag(),
			&cli.StringFlag{Name: "from", Usage: "`PATH` of a backup"},
			&cli.StringFlag{Name: "to-number", Usage: "go back to number `N`", DefaultText: "the last there is"},
			&cli.StringFlag{Name: "to-time", Usage: "go back to `TIME`, as 2026-03-04T05:06:07Z, or to so long ago, as 90m"},
			&cli.StringFlag{Name: "node", Usage: "the restored node's `NAME`", DefaultText: "what its first start is told"},
			jsonFlag()}, openFlags()...),
		Action: func(c *cli.Context) error {
			if c.IsSet("from") {
				return restoreFrom(c)
			}
			for _, name := range []string{"to-number", "to-time", "node", "identity", "passphrase-file"} {
				if c.IsSet(name) {
					return Usage("restore: --%s is of restoring a backup; --from says which", name)
				}
			}
			return damaged(c)
		},
	}
}

// repairing makes a command of a plan for a directory, which it carries out if
// it is told to.
func repairing(name string, plan func(*appliance.Stopped, context.Context) (*appliance.Plan, error)) cli.ActionFunc {
	return func(c *cli.Context) (err error) {
		if err := asOwner(c.String("dir")); err != nil {
			return err
		}
		s, err := appliance.OpenDamaged(c.String("dir"))
		if err != nil {
			return inUse(c, options.Origins{}.Fault(err))
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		var p *appliance.Plan
		if err := long(c, name, nothingChanged, func(ctx context.Context) (err error) {
			p, err = plan(s, ctx)
			return err
		}); err != nil {
			return err
		}
		mend := func() error {
			return long(c, name, "what it has done stands and nothing more is lost; run it again to finish",
				func(ctx context.Context) error { return s.Repair(ctx, p) })
		}
		w, apply := c.App.Writer, c.Bool("apply")
		if c.Bool("json") {
			if p.Needed() && apply {
				err = mend()
			}
			return errors.Join(err, printJSON(c, repairOf(p, name, apply && err == nil)))
		}
		if !p.Needed() {
			fmt.Fprintf(w, "nothing is damaged: %s can be served\n", p.Serves())
			return nil
		}
		printPlan(w, p)
		if !apply {
			fmt.Fprintf(w, "nothing is changed; to do so, run: %s\n", p.Command(name))
			return nil
		}
		if err := mend(); err != nil {
			return err
		}
		fmt.Fprintf(w, "done; start the node as usual\n")
		return nil
	}
}

// repair is what the commands that mend print for programs.
type repair struct {
	Needed bool     `json:"needed"`
	Done   bool     `json:"done"`
	Damage []string `json:"damage"`
	Serves string   `json:"serves"`
	Loses  string   `json:"loses,omitempty"`
	Keeps  string   `json:"keeps,omitempty"`   // where what is changed or removed is
	Run    string   `json:"command,omitempty"` // that does it
}

func repairOf(p *appliance.Plan, name string, done bool) repair {
	r := repair{Needed: p.Needed(), Damage: append([]string{}, p.Faults...), Serves: p.Serves()}
	if r.Needed {
		r.Done, r.Loses, r.Keeps = done, p.Loss(), p.Aside
	}
	if r.Needed && !done {
		r.Run = p.Command(name)
	}
	return r
}

func printPlan(w io.Writer, p *appliance.Plan) {
	for _, f := range p.Faults {
		fmt.Fprintf(w, "damage  %s\n", f)
	}
	fmt.Fprintf(w, "serves  %s\n", p.Serves())
	fmt.Fprintf(w, "loses   %s\n", p.Loss())
	fmt.Fprintf(w, "keeps   what is changed or removed, in %s\n", p.Aside)
}
