package appliance_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"ledge/respd"
	"ledge/respd/command"
)

var update = flag.Bool("update", false, "rewrite the README's table of commands")

// Marks around the README's table.
const (
	tableBegin = "<!-- commands: made by go test ./appliance -run TestReadme -update -->\n"
	tableEnd   = "<!-- end of commands -->\n"
)

// The README's table of commands is the program's own.
func TestReadme(t *testing.T) {
	const path = "../README.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no table between %q and %q", path, tableBegin, tableEnd)
	}
	want := before + tableBegin + commandTable(respd.Commands()) + tableEnd + after
	if want == string(b) {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date; run: go test ./appliance -run TestReadme -update", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// groups are the families in the order of the table, with their titles. A group
// without a title here comes last, under its own name.
var groups = [][2]string{
	{"string", "Strings"}, {"generic", "Keys"}, {"transactions", "Transactions"},
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
	fmt.Fprintf(&b, "\n%d commands.\n", n)
	for _, g := range order {
		if rows[g] == "" {
			continue
		}
		title := titles[g]
		if title == "" {
			title = g
		}
		fmt.Fprintf(&b, "\n| %s | |\n|---|---|\n%s", title, rows[g])
	}
	b.WriteString("\n")
	return b.String()
}

// cell says what a command does, and which subcommands it has.
func cell(s *command.Spec) string {
	text := strings.ReplaceAll(s.Summary, "|", "\\|")
	var subs []string
	for _, sub := range s.Subs {
		subs = append(subs, strings.ToUpper(sub.Name))
	}
	if len(subs) > 0 {
		text = strings.TrimSpace(text + " `" + strings.Join(subs, "` `") + "`")
	}
	return text
}
