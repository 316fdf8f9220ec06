package glob_test

// Whatever a client sends as a pattern must be read as Redis reads it.

import (
	"testing"

	"ledge/respd/glob"
)

func FuzzMatch(f *testing.F) {
	for _, s := range []string{"", "*", "a*b*c", "[a-z]?", "[^a", "[z-a\\]]*", "\\*", "a\\", "[]", "**?**"} {
		f.Add(s, "abc", false)
		f.Add(s, "A*\\]", true)
	}
	f.Fuzz(func(t *testing.T, pattern, s string, fold bool) {
		if len(pattern) > 24 || len(s) > 48 {
			return // the model takes a time that grows with both
		}
		match := glob.Match
		if fold {
			match = glob.MatchFold
		}
		skip := false
		if got, want := match(pattern, s), like(pattern, s, fold, &skip); got != want {
			t.Errorf("Match(%q, %q), fold %t = %t; want %t", pattern, s, fold, got, want)
		}
	})
}

// like does, step by step, what stringmatchlen of Redis 7.0 does.
func like(p, s string, fold bool, skip *bool) bool {
	for len(p) > 0 && len(s) > 0 {
		switch {
		case p[0] == '*':
			for len(p) > 1 && p[1] == '*' {
				p = p[1:]
			}
			if len(p) == 1 {
				return true
			}
			for ; len(s) > 0; s = s[1:] {
				if like(p[1:], s, fold, skip) {
					return true
				}
				if *skip {
					return false
				}
			}
			*skip = true
			return false
		case p[0] == '?':
		case p[0] == '[':
			ok := false
			if p, ok = class(p[1:], s[0], fold); !ok {
				return false
			}
		default:
			if p[0] == '\\' && len(p) >= 2 {
				p = p[1:]
			}
			if fold && lower(p[0]) != lower(s[0]) || !fold && p[0] != s[0] {
				return false
			}
		}
		if s = s[1:]; len(p) > 0 {
			p = p[1:]
		}
		if len(s) == 0 {
			for len(p) > 0 && p[0] == '*' {
				p = p[1:]
			}
			break
		}
	}
	return len(p) == 0 && len(s) == 0
}

// class returns p from the end of the class on.
func class(p string, c byte, fold bool) (string, bool) {
	not := len(p) > 0 && p[0] == '^'
	if not {
		p = p[1:]
	}
	match := false
	for ; len(p) > 0 && p[0] != ']'; p = p[1:] {
		switch {
		case len(p) >= 2 && p[0] == '\\':
			p = p[1:]
			match = match || p[0] == c
		case len(p) >= 3 && p[1] == '-':
			lo, hi, x := min(p[0], p[2]), max(p[0], p[2]), c
			if fold {
				lo, hi, x = lower(lo), lower(hi), lower(x)
			}
			p = p[2:]
			match = match || lo <= x && x <= hi
		default:
			match = match || p[0] == c || fold && lower(p[0]) == lower(c)
		}
	}
	return p, match != not
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
