package options_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"ledge/appliance/options"
)

var update = flag.Bool("update", false, "rewrite the README's table of options")

// Marks around the README's table.
const (
	tableBegin = "<!-- options: made by go test ./appliance/options -run TestReadme -update -->\n"
	tableEnd   = "<!-- end of options -->\n"
)

// The README's table of options is the program's own.
func TestReadme(t *testing.T) {
	const path = "../../README.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no table between %q and %q", path, tableBegin, tableEnd)
	}
	want := before + tableBegin + optionTable() + tableEnd + after
	if want == string(b) {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date; run: go test ./appliance/options -run TestReadme -update", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func optionTable() string {
	var b strings.Builder
	b.WriteString("\n| option | default | |\n|---|---|---|\n" +
		"| `--config FILE` | none | a YAML file with any of the options below; `LEDGE_CONFIG` |\n")
	for i, r := range options.Table() {
		def := r.Otherwise
		if r.Default != "" {
			def = "`" + r.Default + "`"
		}
		text := r.Doc
		if r.More != "" {
			text += "; " + r.More
		}
		for _, p := range r.Params {
			if p.Live {
				text += "; at run time `" + p.Name + "`"
			}
		}
		if i == 0 {
			text += "; `" + r.Env() + "`, and so on"
		}
		fmt.Fprintf(&b, "| `--%s %s` | %s | %s |\n", r.Name, strings.ReplaceAll(r.Hint, "|", "\\|"), def, text)
	}
	b.WriteString("\n")
	return b.String()
}
