package appliance_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ledge/appliance/options"
	"ledge/packaging/pagetest"
)

// The page's list of parameters is what a running node lists.
func TestParametersPage(t *testing.T) {
	c := start(t, t.TempDir()).client()
	all, err := c.ConfigGet(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	of := make(map[string]string)
	for _, r := range options.Table() {
		for _, p := range r.Params {
			of[p.Name] = r.Name
		}
	}
	var b strings.Builder
	b.WriteString("| parameter | option | at first | can be set |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		option, first, set := "–", "–", "no"
		if of[name] != "" {
			option = "`--" + of[name] + "`"
			delete(of, name)
		} else if first = "empty"; all[name] != "" {
			first = "`" + all[name] + "`"
		}
		if c.ConfigSet(t.Context(), name, all[name]).Err() == nil {
			set = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, option, first, set)
	}
	for name := range of {
		t.Errorf("CONFIG GET * lacks %s, a parameter of --%s", name, of[name])
	}
	pagetest.Block(t, "options/OPTIONS.md", "parameters", b.String())
}
