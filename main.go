// Command ledge runs a ledge node, asks running ones, and looks into the
// directory of a stopped one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"ledge/appliance"
)

// Exit codes.
const (
	exitRefused = 1 // can't be done, and why
	exitUsage   = 2 // asked for in a way that makes no sense
	exitFatal   = 3 // the node stopped because it couldn't trust what it has
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.Stdout, os.Stderr))
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app := newApp(stdout, stderr)
	app.Metadata = map[string]any{argsKey: args}
	err := app.RunContext(ctx, args)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "ledge: %s\n", oneLine(err))
	var coded *exitError
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitRefused
}

// oneLine makes one line of what may be several joined errors.
func oneLine(err error) string {
	return strings.Join(strings.Split(strings.TrimSpace(err.Error()), "\n"), "; ")
}

// exitError is an error that says how the program ends.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func newApp(stdout, stderr io.Writer) *cli.App {
	cli.VersionPrinter = nil // there is a command for it
	app := &cli.App{
		Name:                 "ledge",
		Usage:                "a key-value appliance that speaks the Redis protocol and keeps a journal",
		HideVersion:          true,
		HideHelpCommand:      true,
		EnableBashCompletion: true,
		Writer:               stdout,
		ErrWriter:            stderr,
		ExitErrHandler:       func(*cli.Context, error) {},
		Commands: append([]*cli.Command{
			serveCommand(),
			journalCommand(),
			taking(snapshotCommand()),
			restoreCommand(),
			{Name: "version", Usage: "say which program this is", Action: printVersion},
		}, operateCommands()...),
	}
	strict(app.Commands)
	app.OnUsageError = usageError
	app.Action = group
	return app
}

// strict makes commands refuse what they don't understand, with one line.
func strict(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = usageError
		c.HideHelpCommand = true
		own := c.Action
		switch {
		case len(c.Subcommands) > 0:
			c.Action = group
			if own != nil {
				c.Action = alone(own, group)
			}
			strict(c.Subcommands)
		case c.Args:
			c.Action = ordered(own)
		default:
			c.Action = alone(own, func(c *cli.Context) error {
				return usage("%s: unexpected argument %q", commandName(c), c.Args().First())
			})
		}
	}
}

// alone runs a command that takes no arguments, or what there is to say of
// them.
func alone(own, otherwise cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return otherwise(c)
		}
		return own(c)
	}
}

// ordered runs a command that takes arguments. An option behind them would be
// taken for one of them.
func ordered(own cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		for _, a := range c.Args().Slice() {
			if strings.HasPrefix(a, "--") {
				return usage("%s: %s stands behind an argument; options come first", commandName(c), a)
			}
		}
		return own(c)
	}
}

// commandName is what a command is called, with the group it is in.
func commandName(c *cli.Context) string {
	return strings.TrimPrefix(c.Command.HelpName, c.App.Name+" ")
}

// group is what a command with subcommands does by itself.
func group(c *cli.Context) error {
	if c.Args().Present() {
		return usage("unknown command %q; %s --help lists those there are",
			c.Args().First(), c.Command.HelpName)
	}
	return cli.ShowSubcommandHelp(c)
}

// usageError words the flag package's errors as ours.
func usageError(c *cli.Context, err error, _ bool) error {
	s := err.Error()
	if name, ok := strings.CutPrefix(s, "flag provided but not defined: -"); ok {
		return usage("--%s: unknown option; %s --help lists those there are",
			strings.TrimPrefix(name, "-"), c.Command.HelpName)
	}
	if name, ok := strings.CutPrefix(s, "flag needs an argument: -"); ok {
		return usage("--%s: needs a value", strings.TrimPrefix(name, "-"))
	}
	return usage("%s", s)
}

func printVersion(c *cli.Context) error {
	_, err := fmt.Fprintf(c.App.Writer, "ledge %s (%s, %s/%s)\n",
		appliance.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
