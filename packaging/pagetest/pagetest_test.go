package pagetest

import (
	"reflect"
	"strings"
	"testing"
)

const page = `# Page

<!-- list: made by go test . -run TestList -update -->

old

<!-- end of list -->

## First

| a | b |
|---|---|
| ` + "`x`, `y` | one \\| two |" + `
| z | |
## Second
## Third
| c |
|---|
| w |
`

// A block is replaced as a whole and nothing else is; one that is not there, or
// does not end, is an error.
func TestReplace(t *testing.T) {
	got, err := replace(page, "list", "\nnew\n")
	if want := strings.Replace(page, "old", "new", 1); err != nil || got != want {
		t.Errorf("replace = %q, %v; want %q", got, err, want)
	}
	if again, err := replace(got, "list", "new"); err != nil || again != got {
		t.Errorf("replaced again by the same it is %q, %v; want no change", again, err)
	}
	for _, tt := range []struct{ page, name string }{
		{page, "lis"}, {strings.Replace(page, "end of list", "end of lists", 1), "list"}, {"", "list"},
	} {
		if _, err := replace(tt.page, tt.name, "x"); err == nil {
			t.Errorf("replace(%.20q, %q) finds a block; want an error", tt.page, tt.name)
		}
	}
}

// A table belongs to the heading right above it.
func TestTable(t *testing.T) {
	for _, tt := range []struct {
		heading string
		want    [][]string
	}{
		{"## First", [][]string{{"`x`, `y`", "one | two"}, {"z", ""}}},
		{"", [][]string{{"`x`, `y`", "one | two"}, {"z", ""}}},
		{"## Third", [][]string{{"w"}}},
		{"## Second", nil}, {"## Fourth", nil},
	} {
		got, err := table(page, tt.heading)
		if (err == nil) != (tt.want != nil) || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("table(%q) = %q, %v; want %q", tt.heading, got, err, tt.want)
		}
	}
	if got := Code(cells("| `x`, and `y` |")[0]); !reflect.DeepEqual(got, []string{"x", "y"}) {
		t.Errorf("Code = %q; want x and y", got)
	}
}
