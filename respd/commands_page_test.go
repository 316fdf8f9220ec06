package respd_test

import (
	"fmt"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
	"ledge/respd"
	"ledge/respd/command"
)

// The list of commands is the program's own.
func TestCommandsPage(t *testing.T) {
	pagetest.Block(t, "COMMANDS.md", "commands", commandTable(respd.Commands()))
}

// groups are the families in the order of the page, with their titles. A group
// without a title here comes last, under its own name.
var groups = [][2]string{
	{"string", "Strings"}, {"generic", "Keys"}, {"transactions", "Transactions"},
	{"hash", "Hashes"}, {"list", "Lists"}, {"set", "Sets"}, {"sorted-set", "Sorted sets"},
	{"bitmap", "Bits"}, {"hyperloglog", "HyperLogLogs"}, {"geo", "Places"},
	{"scripting", "Scripts and functions"}, {"pubsub", "Pub/sub"},
	{"connection", "Connections"}, {"server", "Server"},
}

// commandTable writes the commands by group: what each is, and what it does.
func commandTable(table *command.Table) string {
	rows := make(map[string]string)
	var order []string
	for _, g := range groups {
		order = append(order, g[0])
		rows[g[0]] = ""
	}
	n := 0
	for _, s := range table.All() {
		if _, ok := rows[s.Group]; !ok {
			order = append(order, s.Group)
		}
		n++
		rows[s.Group] += fmt.Sprintf("| `%s` | %s |\n", strings.ToUpper(s.Name), cell(s))
	}
	titles := make(map[string]string)
	for _, g := range groups {
		titles[g[0]] = g[1]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d commands.\n", n)
	for _, g := range order {
		if rows[g] == "" {
			continue
		}
		title := titles[g]
		if title == "" {
			title = g
		}
		fmt.Fprintf(&b, "\n## %s\n\n| command | |\n|---|---|\n%s", title, rows[g])
	}
	return b.String()
}

// cell says what a command does, and which subcommands it has.
func cell(s *command.Spec) string {
	text := pagetest.Cell(s.Summary)
	var subs []string
	for _, sub := range s.Subs {
		subs = append(subs, strings.ToUpper(sub.Name))
	}
	if len(subs) > 0 {
		text = strings.TrimSpace(text + " `" + strings.Join(subs, "` `") + "`")
	}
	return text
}
