package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/appliance/options"
)

func configCommand() *cli.Command {
	return &cli.Command{
		Name: "config", Usage: "look at a running node's parameters and change them",
		Subcommands: []*cli.Command{
			operation{name: "get", usage: "print the parameters, or those that match a glob pattern",
				args: "[PATTERN]", wait: quickWait, ask: configGet, repeats: true, flags: []cli.Flag{&cli.BoolFlag{Name: "origin",
					Usage: "say where each value is from: default, file, environment, flag, set at run time"}}}.command(),
			operation{name: "set", usage: "change parameters, all or none; what is set holds after a restart, too", args: "NAME VALUE ...",
				wait: configWait, ask: configSet}.command(),
			operation{name: "reset", usage: "give up what was set at run time, so that the configuration holds", args: "NAME",
				wait: configWait, ask: configReset}.command(),
			operation{name: "rewrite", usage: "write what was set at run time into the configuration file, as CONFIG REWRITE",
				wait: configWait, ask: show((*admin.Conn).ConfigRewrite, printRewritten)}.command(),
		},
	}
}

func configGet(ctx context.Context, o *operator) error {
	pattern := "*"
	switch args := o.c.Args(); args.Len() {
	case 0:
	case 1:
		pattern = args.First()
	default:
		return Usage("config get: unexpected argument %q", args.Get(1))
	}
	get := o.conn.ConfigGet
	if o.c.Bool("origin") {
		get = o.conn.ConfigOrigins
	}
	p, err := get(ctx, o.node, pattern)
	if err != nil {
		return err
	}
	if err := o.print(p, func(t *table) { printParameters(t, p) }); err != nil {
		return err
	}
	if len(p.Parameters) == 0 {
		return fmt.Errorf("no parameter matches %q; ledge config get lists those there are%s", pattern,
			nearParameter(ctx, o, pattern))
	}
	return nil
}

func configReset(ctx context.Context, o *operator) error {
	if o.c.Args().Len() != 1 {
		return Usage("config reset: wants one NAME")
	}
	name := o.c.Args().First()
	if err := o.conn.ConfigReset(ctx, o.node, name); err != nil {
		return suggest(ctx, o, err, map[string]string{name: ""})
	}
	p, err := o.conn.ConfigOrigins(ctx, o.node, name)
	if err != nil {
		return err
	}
	return o.print(p, func(t *table) { printParameters(t, p) })
}

func printRewritten(t *table, r admin.Rewritten) {
	for _, option := range r.Written {
		t.row("written", option)
	}
	for _, file := range r.Files {
		t.row("into", file)
	}
	for _, name := range r.Kept {
		t.row("kept", name+": stays set at run time")
	}
	if len(r.Written)+len(r.Kept) == 0 {
		t.row("nothing", "was set at run time")
	}
}

func configSet(ctx context.Context, o *operator) error {
	args := o.c.Args().Slice()
	if len(args) == 0 || len(args)%2 != 0 {
		return Usage("config set: wants NAME VALUE, any number of times")
	}
	values := make(map[string]string)
	for i := 0; i < len(args); i += 2 {
		if _, twice := values[args[i]]; twice {
			return Usage("config set: %q stands twice", args[i])
		}
		values[args[i]] = args[i+1]
	}
	if err := o.conn.ConfigSet(ctx, o.node, values); err != nil {
		return suggest(ctx, o, err, values)
	}
	return o.print(admin.Done{}, func(t *table) {
		printParameters(t, admin.Parameters{Parameters: values})
	})
}

// suggest adds to the answer that there is no such parameter which one there is, and to
// the one that it can't be set where it can.
func suggest(ctx context.Context, o *operator, err error, values map[string]string) error {
	var answer *admin.Error
	if !errors.As(err, &answer) {
		return err
	}
	for name := range values {
		switch {
		case answer.Code == admin.CodeNotFound && strings.Contains(answer.Text, strconv.Quote(name)):
			return fmt.Errorf("%w%s", err, cmp.Or(nearParameter(ctx, o, name), "; ledge config get lists those there are"))
		case strings.Contains(answer.Text, "'"+name+"') - can't set immutable config"), strings.HasSuffix(answer.Text, "can't be set at run time"):
			return fmt.Errorf("%w%s", err, options.ForStart(name))
		}
	}
	return err
}

// nearParameter returns which parameter may have been meant, if the node says what
// there are.
func nearParameter(ctx context.Context, o *operator, name string) string {
	p, err := o.conn.ConfigGet(ctx, o.node, "*")
	if err != nil {
		return ""
	}
	return options.NearParam(name, slices.Collect(maps.Keys(p.Parameters)))
}
