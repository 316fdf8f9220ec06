package options

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Near returns, as the end of a sentence, which of the names that there are somebody
// may have meant; "" if none is near. They are written with prefix, which name is
// without.
func Near(prefix, name string, names []string) string {
	best, least := "", len(name)/3+1
	for _, n := range slices.Sorted(slices.Values(names)) {
		d := distance(strings.ToLower(name), strings.ToLower(n))
		if len(name) > 2 && (strings.HasPrefix(n, name) || endsIn(n, name) || endsIn(name, n)) {
			d = min(d, 1)
		}
		if d < least || d == least && best == "" && len(name) > 2 {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s%s?", prefix, best)
}

// endsIn reports whether the last words of a name are a shorter one.
func endsIn(name, short string) bool { return len(short) > 2 && strings.HasSuffix(name, "-"+short) }

// NearParam is Near for a parameter of CONFIG. Whoever says an option is told which
// parameter sets it, or else shows it; and if none does, that it is for the start.
func NearParam(name string, params []string) string {
	for _, r := range Table() {
		if !strings.EqualFold(r.Name, strings.ReplaceAll(name, "_", "-")) {
			continue
		}
		for _, live := range []bool{true, false} {
			for _, p := range r.Params {
				if p.Live == live && slices.Contains(params, p.Name) {
					return "; did you mean " + p.Name + "?"
				}
			}
		}
		if len(r.Params) == 0 {
			return forStart(r)
		}
	}
	return Near("", name, params)
}

// ForStart returns, as the end of a sentence, where a parameter is set that can't be set
// at run time; "" if no option sets it.
func ForStart(param string) string {
	for _, r := range Table() {
		for _, p := range r.Params {
			if strings.EqualFold(p.Name, param) && !p.Live {
				return forStart(r)
			}
		}
	}
	return ""
}

func forStart(r Row) string {
	return fmt.Sprintf("; %s is an option of the start: set it in the configuration file or with ledge serve --%s, and restart the node",
		r.Name, r.Name)
}

// distance counts the letters to change, add, take out or swap with their neighbour
// that make one word another. Words here are short; what isn't is far from all.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var rows [3][longest + 1]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, twoAbove := &rows[i%3], &rows[(i-1)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			other := 1
			if a[i-1] == b[j-1] {
				other = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+other)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], twoAbove[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

// Names returns the names of all options.
func Names() (names []string) {
	for _, r := range Table() {
		names = append(names, r.Name)
	}
	return names
}

// UnknownVariables returns what the environment has that looks like an option and is
// none, each with what may have been meant. known are other variables of the program's.
func UnknownVariables(known ...string) (list []string) {
	prefix := Env("")
	for i := range known {
		known[i] = strings.TrimPrefix(known[i], prefix)
	}
	for _, name := range append(Names(), "config") {
		known = append(known, strings.TrimPrefix(Env(name), prefix))
	}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if bare, ok := strings.CutPrefix(name, prefix); ok && !slices.Contains(known, bare) {
			list = append(list, name+Near(prefix, bare, known))
		}
	}
	slices.Sort(list)
	return list
}
