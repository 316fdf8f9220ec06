package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	urfave "github.com/urfave/cli/v2"

	"ledge/admin/cli"
	"ledge/packaging/pagetest"
)

// The page about operating a node lists all subcommands that there are, and the one about
// stopped nodes those that are about them.
func TestCommandLinePage(t *testing.T) {
	pagetest.Block(t, "packaging/docs/operating.md", "commands", subcommands(slices.Concat(cli.Running(), cli.Stopped())))
	pagetest.Block(t, "packaging/docs/directory.md", "commands", subcommands(cli.Stopped()))
}

// subcommands writes a table of commands, each with those below it.
func subcommands(list []*urfave.Command) string {
	var b strings.Builder
	b.WriteString("| command | |\n|---|---|\n")
	var write func(above string, list []*urfave.Command)
	write = func(above string, list []*urfave.Command) {
		for _, c := range list {
			name := strings.TrimSpace(above + " " + c.Name)
			if c.Action != nil {
				line := name
				for _, f := range c.Flags {
					if r, ok := f.(urfave.RequiredFlag); ok && r.IsRequired() {
						line += " --" + f.Names()[0] + " …"
					}
				}
				fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimSpace(line+" "+c.ArgsUsage), pagetest.Cell(c.Usage))
			}
			write(name, c.Subcommands)
		}
	}
	write("ledge", list)
	return b.String()
}
