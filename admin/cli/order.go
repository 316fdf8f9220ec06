package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// OptionsFirst returns the arguments of a program with the options of a command put
// before its arguments: the library takes them there only. What the command does not
// know is left where it stands, for whoever reads it to refuse, and so is all from -- on.
func OptionsFirst(app *cli.App, args []string) []string {
	commands, at := app.Commands, 1
	var leaf *cli.Command
	for at < len(args) && len(commands) > 0 {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[at]) })
		if i < 0 {
			break
		}
		leaf, commands, at = commands[i], commands[i].Subcommands, at+1
	}
	if leaf == nil || len(leaf.Subcommands) > 0 || !leaf.Args {
		return args
	}
	var options, rest []string
	for i := at; i < len(args); i++ {
		name, _, whole := strings.Cut(args[i], "=")
		value, known := takesValue(leaf, name)
		switch {
		case args[i] == "--":
			return slices.Concat(args[:at], options, rest, args[i:])
		case !known:
			rest = append(rest, args[i])
		case value && !whole && i+1 < len(args):
			options = append(options, args[i], args[i+1])
			i++
		default:
			options = append(options, args[i])
		}
	}
	return slices.Concat(args[:at], options, rest)
}

// takesValue reports whether a command knows an option, and whether a value follows it.
func takesValue(c *cli.Command, name string) (value, known bool) {
	bare, ok := strings.CutPrefix(name, "--")
	if !ok {
		return false, false
	}
	if bare == "help" {
		return false, true
	}
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), bare) {
			d, ok := f.(cli.DocGenerationFlag)
			return ok && d.TakesValue(), true
		}
	}
	return false, false
}
