package glob_test

// Patterns must fit what they fit in Redis, its odd corners included: they
// were asked of a 7.0 server with KEYS and CONFIG GET.

import (
	"strings"
	"testing"
	"time"

	"ledge/respd/glob"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", false}, {"*", "abc", true},
		{"a*", "a", true}, {"a**", "a", true}, {"*a", "ba", true}, {"*a", "ab", false},
		{"a*c*e", "abcde", true}, {"a*c*e", "abcd", false}, {"h?llo", "hello", true},
		{"h?llo", "hllo", false}, {"h[ae]llo", "hallo", true}, {"h[ae]llo", "hillo", false},
		{"h[^e]llo", "hallo", true}, {"h[^e]llo", "hello", false},
		{"h[a-b]llo", "hbllo", true}, {"h[b-a]llo", "hbllo", true}, {"h[a-b]llo", "hcllo", false},
		{`a\*b`, "a*b", true}, {`a\*b`, "axb", false}, {`a\`, `a\`, true},
		{"[abc", "b", true}, {"[", "[", false}, {`[\]]`, "]", true}, {"[a-]", "_", true},
		{"A", "a", false},
	} {
		if got := glob.Match(tt.pattern, tt.s); got != tt.want {
			t.Errorf("Match(%q, %q) = %v; want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
	if !glob.MatchFold("MAX[C-D]*", "maxclients") {
		t.Error("MatchFold(MAX[C-D]*, maxclients) = false; want true")
	}
}

// A pattern of many stars must not take exponential time.
func TestMatchManyStars(t *testing.T) {
	start := time.Now()
	if glob.Match(strings.Repeat("*a", 1000)+"b", strings.Repeat("a", 10000)) {
		t.Error("Match = true; want false")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Match took %v; want far less", took)
	}
}
