package appliance_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
)

const architecture = "../ARCHITECTURE.md"

// The page's table of packages has the floors that are held, each package once, and
// the lowest come first.
func TestFloorsPage(t *testing.T) {
	var got, want []string
	before := 0
	for _, row := range pagetest.Table(t, architecture, "## Packages") {
		floor, err := strconv.Atoi(row[0])
		if err != nil || floor < before || row[2] == "" {
			t.Errorf("row %q of %s: want a floor that is no lower than the one above, and words", row, architecture)
		}
		before = floor
		paths := pagetest.Code(row[1])
		if row[1] == "the root" {
			paths = []string{""}
		}
		for _, p := range paths {
			got = append(got, fmt.Sprintf("%d %s", floor, strings.Replace(p, "/…", "/", 1)))
		}
	}
	for _, f := range floors {
		want = append(want, fmt.Sprintf("%d %s", f.floor, f.path))
	}
	slices.Sort(got)
	slices.Sort(want)
	pagetest.Same(t, architecture, "package", got, want)
}

var alone = regexp.MustCompile(`alone in importing ([a-z-]+)(?: and ([a-z-]+))?`)

// What a package is said to be alone in importing has no other home, and what has
// one home only is said there.
func TestHomesPage(t *testing.T) {
	var got, want []string
	for _, row := range pagetest.Table(t, architecture, "## Packages") {
		for _, m := range alone.FindAllStringSubmatch(row[2], -1) {
			for _, module := range m[1:] {
				if module != "" {
					got = append(got, pagetest.Code(row[1])[0]+" "+module)
				}
			}
		}
	}
	for _, h := range homes {
		if len(h.homes) == 1 && !h.test {
			want = append(want, h.homes[0]+" "+moduleName(h.module))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	pagetest.Same(t, architecture, "module's only home", got, want)
}

// moduleName returns the last part of a module's path that is no version.
func moduleName(module string) string {
	name := path.Base(module)
	if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
		name = path.Base(path.Dir(module))
	}
	return strings.TrimSuffix(name, ".v3")
}
