// Package glob fits names to patterns, by the rules of Redis's KEYS.
package glob

// Match reports whether s fits pattern, by the rules of Redis's KEYS: "*", "?",
// "[a-z]", "[^a]" and "\" before a character that stands for itself.
func Match(pattern, s string) bool { return match(pattern, s, false) }

// MatchFold is Match without regard to the case of ASCII letters.
func MatchFold(pattern, s string) bool { return match(pattern, s, true) }

// match goes back to the last star only: whatever an earlier one could take,
// the last one can take as well. So the time is at most len(pattern)·len(s).
func match(p, s string, fold bool) bool {
	star, from := -1, 0 // after the last star in p; where it begins in s
	i, j := 0, 0
	for j < len(s) {
		if i < len(p) && p[i] == '*' {
			for i < len(p) && p[i] == '*' {
				i++
			}
			if i == len(p) {
				return true
			}
			star, from = i, j
			continue
		}
		if i < len(p) {
			if n, ok := matchOne(p[i:], s[j], fold); ok {
				i += n
				j++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		i, j = star, from
	}
	if j > 0 { // an empty text fits only an empty pattern, as in Redis
		for i < len(p) && p[i] == '*' {
			i++
		}
	}
	return i == len(p)
}

// matchOne reports whether c fits what p begins with, and how long that is.
func matchOne(p string, c byte, fold bool) (n int, ok bool) {
	switch {
	case p[0] == '?':
		return 1, true
	case p[0] == '[':
		return matchClass(p, c, fold)
	case p[0] == '\\' && len(p) > 1:
		return 2, same(p[1], c, fold)
	}
	return 1, same(p[0], c, fold)
}

// matchClass is matchOne for a class. One that isn't closed ends with p.
func matchClass(p string, c byte, fold bool) (n int, ok bool) {
	i := 1
	not := i < len(p) && p[i] == '^'
	if not {
		i++
	}
	for ; i < len(p) && p[i] != ']'; i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			ok = ok || p[i] == c
		case i+2 < len(p) && p[i+1] == '-':
			lo, hi, x := p[i], p[i+2], c
			if lo > hi {
				lo, hi = hi, lo
			}
			if fold {
				lo, hi, x = lower(lo), lower(hi), lower(x)
			}
			i += 2
			ok = ok || lo <= x && x <= hi
		default:
			ok = ok || same(p[i], c, fold)
		}
	}
	return min(i+1, len(p)), ok != not
}

func same(a, b byte, fold bool) bool {
	return a == b || fold && lower(a) == lower(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
