package main

import (
	"fmt"
	"strings"
	"testing"

	"ledge/appliance/options"
	"ledge/journal"
	"ledge/journal/jet"
	"ledge/packaging/pagetest"
	"ledge/replay/writer"
)

// The limits in the README that have a name in the program are the program's.
func TestLimitsPage(t *testing.T) {
	rows := make(map[string]string)
	for _, row := range pagetest.Table(t, "README.md", "## Limits") {
		rows[row[0]] = row[1]
	}
	defaults := make(map[string]string)
	for _, r := range options.Table() {
		defaults[r.Name] = r.Default
	}
	for name, want := range map[string]string{
		"value": fmt.Sprintf("at most %d MiB", writer.DefaultMaxValue>>20),
		"one transaction or command, once encoded": fmt.Sprintf("%d MiB", journal.MaxEntry>>20),
		"databases":   fmt.Sprintf("`--databases`, %s; at most %d", defaults["databases"], most(t, "databases")),
		"connections": fmt.Sprintf("`--max-clients`, %s", defaults["max-clients"]),
		"journal":     fmt.Sprintf("%d GiB;", int64(jet.DefaultMaxBytes)>>30),
	} {
		if !strings.Contains(rows[name], want) {
			t.Errorf("README.md says of the limit %q: %q; want %q in it", name, rows[name], want)
		}
	}
	if got, want := most(t, "max-value"), writer.DefaultMaxValue; got != want {
		t.Errorf("--max-value is at most %d; README.md says %d", got, want)
	}
}

// most returns the highest value that an option takes, as its refusal says.
func most(t *testing.T, name string) (n int) {
	t.Helper()
	for _, r := range options.Table() {
		if r.Name != name {
			continue
		}
		err := r.Set(&options.Config{}, "1000000000")
		if err == nil {
			t.Fatalf("--%s takes a thousand millions", name)
		}
		var got, least int
		if _, err := fmt.Sscanf(err.Error(), "%d is not between %d and %d", &got, &least, &n); err != nil {
			t.Fatal(err)
		}
	}
	return n
}
