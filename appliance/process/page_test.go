package process

import (
	"testing"

	"ledge/packaging/pagetest"
)

// Whoever wants a habit turned off finds its name on the page of options.
func TestHabitsPage(t *testing.T) {
	const path = "../options/OPTIONS.md"
	var got, want []string
	for _, row := range pagetest.Table(t, path, "## Habits") {
		got = append(got, pagetest.Code(row[0])...)
	}
	for _, h := range habits {
		want = append(want, string(h))
	}
	pagetest.Same(t, path, "habit", got, want)
}
