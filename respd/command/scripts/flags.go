package scripts

import (
	"strings"

	"ledge/respd/resp"
)

// scriptFlags are what a script or function says of itself.
type scriptFlags uint8

const (
	noWrites scriptFlags = 1 << iota
	allowOOM
	allowStale
	noCluster
	allowCrossSlot
	// compat: the script says nothing of itself, so each of its commands is
	// judged when it is called.
	compat
)

var scriptFlagNames = []string{"no-writes", "allow-oom", "allow-stale", "no-cluster",
	"allow-cross-slot-keys"}

// parseFlag returns the flag of that name, 0 if there is none.
func parseFlag(name string) scriptFlags {
	for i, n := range scriptFlagNames {
		if strings.EqualFold(n, name) {
			return 1 << i
		}
	}
	return 0
}

// names returns the flags in the order in which Redis lists them.
func (f scriptFlags) names() []string {
	var names []string
	for i, n := range scriptFlagNames {
		if f&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// wordsOf splits a "#!" line as Redis does: words may be quoted. There are none if
// a quote is not closed.
func wordsOf(line string) []string {
	split, ok := resp.SplitWords(nil, []byte(line))
	if !ok {
		return nil
	}
	words := make([]string, len(split))
	for i, w := range split {
		words[i] = string(w)
	}
	return words
}

// shebang reads the "#!lua flags=…" line of a script, and returns what is left
// to compile: the line end stays, so that lines count on.
func shebang(text string) (scriptFlags, string, error) {
	if !strings.HasPrefix(text, "#!") {
		return compat, text, nil
	}
	line, _, found := strings.Cut(text, "\n")
	words := wordsOf(line)
	switch {
	case !found:
		return 0, "", resp.Error("ERR Invalid script shebang")
	case len(words) == 0:
		return 0, "", resp.Error("ERR Invalid engine in script shebang")
	}
	if words[0] != "#!lua" {
		return 0, "", resp.Error("ERR Unexpected engine in script shebang: " + words[0])
	}
	var flags scriptFlags
	for _, word := range words[1:] {
		list, ok := strings.CutPrefix(word, "flags=")
		if !ok {
			return 0, "", resp.Error("ERR Unknown lua shebang option: " + word)
		}
		if list == "" {
			continue
		}
		for name := range strings.SplitSeq(list, ",") {
			f := parseFlag(name)
			if f == 0 || name != strings.ToLower(name) {
				return 0, "", resp.Error("ERR Unexpected flag in script shebang: " + name)
			}
			flags |= f
		}
	}
	return flags, text[len(line):], nil
}
