package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"ledge/appliance/options"
)

// Exit codes of commands.
const (
	ExitRefused = 1 // can't be done, and why
	ExitUsage   = 2 // asked for in a way that makes no sense
	// ExitUnreachable is the code when no node has answered; of health, when its
	// state isn't known for whatever reason.
	ExitUnreachable = 2
	// ExitLoading is health's code for a node that is still loading its data.
	ExitLoading = 4
	// ExitInterrupted is the code of long work that was interrupted, as shells have it.
	ExitInterrupted = 130
)

// ExitError is an error that says how the program ends.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *ExitError) Unwrap() error { return e.Err }

// Usage is an error of whoever has called the program.
func Usage(format string, args ...any) error {
	return &ExitError{ExitUsage, fmt.Errorf(format, args...)}
}

// Strict makes a program and its commands refuse what they don't understand, with one line.
func Strict(app *cli.App) {
	strict(app.Commands)
	app.OnUsageError = usageError
	app.Action = group
}

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
				return Usage("%s: unexpected argument %q", commandName(c), c.Args().First())
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

// ordered runs a command that takes arguments. OptionsFirst leaves options that the
// command does not know after them, which would be taken for some of them.
func ordered(own cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		for _, a := range c.Args().Slice() {
			if strings.HasPrefix(a, "--") {
				return unknownOption(c, strings.TrimPrefix(a, "--"))
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
		return Usage("unknown command %q; %s --help lists those there are%s",
			c.Args().First(), c.Command.HelpName, options.Near("", c.Args().First(), commandNames(c)))
	}
	return cli.ShowSubcommandHelp(c)
}

// usageError words the flag package's errors as ours.
func usageError(c *cli.Context, err error, _ bool) error {
	s := err.Error()
	if name, ok := strings.CutPrefix(s, "flag provided but not defined: -"); ok {
		name = strings.TrimPrefix(name, "-")
		return unknownOption(c, name)
	}
	if name, ok := strings.CutPrefix(s, "flag needs an argument: -"); ok {
		return Usage("--%s: needs a value", strings.TrimPrefix(name, "-"))
	}
	return Usage("%s", s)
}

func unknownOption(c *cli.Context, name string) error {
	return Usage("--%s: unknown option; %s --help lists those there are%s",
		name, c.Command.HelpName, options.Near("--", name, flagNames(c)))
}

// commandNames returns what a command has below it.
func commandNames(c *cli.Context) (names []string) {
	list := c.Command.Subcommands
	if len(list) == 0 {
		list = c.App.Commands
	}
	for _, sub := range list {
		if !sub.Hidden {
			names = append(names, sub.Name)
		}
	}
	return names
}

// flagNames returns the names of a command's options.
func flagNames(c *cli.Context) (names []string) {
	for _, f := range c.Command.Flags {
		names = append(names, f.Names()[0])
	}
	return names
}
