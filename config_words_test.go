package main

import (
	"strings"
	"testing"
)

// Whoever tries to set at run time what only a start takes, or what there is not, hears
// what to do instead.
func TestConfigOfTheStart(t *testing.T) {
	dir, _ := tailServing(t)
	const where = " is an option of the start: set it in the configuration file or with ledge serve --"
	for args, want := range map[string]string{
		"set on-divergence resync": "on-divergence" + where + "on-divergence",
		"get on-divergence":        "on-divergence" + where + "on-divergence",
		"reset on-divergence":      "on-divergence" + where + "on-divergence",
		"set databases 3":          "databases" + where + "databases",
		"reset databases":          "databases" + where + "databases",
		"set port 6380":            "listen" + where + "listen",
		"set frobnicate 1":         "ledge config get lists those there are",
		"reset frobnicate":         "ledge config get lists those there are",
	} {
		got := ledge(t, append(append([]string{"config"}, strings.Fields(args)...), "--dir", dir)...)
		if got.code == 0 || !strings.Contains(got.stderr, want) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("config %s: exit code %d, %s; want one line with %q", args, got.code, got.stderr, want)
		}
	}
}
