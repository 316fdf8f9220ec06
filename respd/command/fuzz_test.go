package command_test

// Whatever a client sends as a pattern or a number must be read as Redis reads
// it.

import (
	"math"
	"strconv"
	"testing"

	"ledge/respd/command"
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
		match := command.Match
		if fold {
			match = command.MatchFold
		}
		skip := false
		if got, want := match(pattern, s), glob(pattern, s, fold, &skip); got != want {
			t.Errorf("Match(%q, %q), fold %t = %t; want %t", pattern, s, fold, got, want)
		}
	})
}

// glob does, step by step, what stringmatchlen of Redis 7.0 does.
func glob(p, s string, fold bool, skip *bool) bool {
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
				if glob(p[1:], s, fold, skip) {
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

// An integer is what its shortest decimal form says, and nothing else.
func FuzzParseInt(f *testing.F) {
	for _, s := range []string{"0", "-0", "01", "+1", "9223372036854775807", "-9223372036854775808", "9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := strconv.ParseInt(s, 10, 64)
		plain := err == nil && strconv.FormatInt(want, 10) == s
		if got, ok := command.ParseInt(s); ok != plain || ok && got != want {
			t.Errorf("ParseInt(%q) = %d, %t; want %d, %t", s, got, ok, want, plain)
		}
	})
}

func FuzzParseFloat(f *testing.F) {
	for _, s := range []string{"1.5", "-inf", "nan", "0x10", "0x1p-3", "1e309", "1e-400", "1_0", ".5", "5.", " 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		x, ok := command.ParseFloat(s)
		if !ok {
			return
		}
		text := strconv.FormatFloat(x, 'g', 17, 64)
		if again, ok := command.ParseFloat([]byte(text)); math.IsNaN(x) || !ok || again != x {
			t.Errorf("ParseFloat(%q) = %v, which is read again as %v, %t", s, x, again, ok)
		}
	})
}
