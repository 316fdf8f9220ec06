package lualib

import (
	"ledge/respd/lua"
)

const (
	maxCaptures = 32
	// maxNesting is how many repeated items of a pattern may be matched at once.
	// Redis's own Lua has no such bound; it overflows its stack.
	maxNesting = 5000

	unfinished = -1 // length of a capture that is still open
	place      = -2 // length of a capture that is a position
)

// matcher matches a pattern. It counts a step for each few attempts to match an
// item, wherever they lead: a pattern that backtracks may take very many.
type matcher struct {
	L        *lua.Thread
	src, pat string
	level    int
	depth    int
	work     int // attempts that are not in steps yet
	err      error
	captures [maxCaptures]capture
}

type capture struct{ at, len int }

// newMatcher prepares a pattern, which ends at its first zero byte as in Lua
// 5.1.
func newMatcher(L *lua.Thread, src, pat string) *matcher {
	return &matcher{L: L, src: src, pat: cString(pat)}
}

// matchWork is how many attempts are a step.
const matchWork = 8

func (m *matcher) fail(text string) int {
	if m.err == nil {
		m.err = m.L.Errorf("%s", text)
	}
	return -1
}

// spend counts attempts. It reports false if the script must end.
func (m *matcher) spend(n int) bool {
	if m.work += n; m.work < 256*matchWork {
		return m.err == nil
	}
	if m.err == nil {
		m.err = m.L.Step(m.work / matchWork)
	}
	m.work = 0
	return m.err == nil
}

// settle counts what is left to count at the end.
func (m *matcher) settle() error {
	if m.err == nil && m.work >= matchWork {
		m.err = m.L.Step(m.work / matchWork)
		m.work %= matchWork
	}
	return m.err
}

// at returns a byte of the pattern, zero at its end.
func (m *matcher) at(p int) byte {
	if p < len(m.pat) {
		return m.pat[p]
	}
	return 0
}

// start matches the pattern from p on at s as a whole, and returns where the
// match ends, or -1.
func (m *matcher) start(s, p int) int {
	m.level, m.depth = 0, 0
	return m.match(s, p)
}

// match matches what the pattern has from p on at s.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxNesting {
		return m.fail("pattern too complex")
	}
	s = m.items(s, p)
	m.depth--
	return s
}

func (m *matcher) items(s, p int) int {
	for m.spend(1) {
		switch c := m.at(p); {
		case p >= len(m.pat):
			return s
		case c == '(' && m.at(p+1) == ')':
			return m.open(s, p+2, place)
		case c == '(':
			return m.open(s, p+1, unfinished)
		case c == ')':
			return m.close(s, p+1)
		case c == '$' && p+1 == len(m.pat):
			if s == len(m.src) {
				return s
			}
			return -1
		case c == '%' && isLook(m.at(p+1)):
			if s, p = m.look(s, p); s < 0 {
				return -1
			}
			continue
		}
		end := m.itemEnd(p)
		if end < 0 {
			return -1
		}
		fits := s < len(m.src) && m.single(m.src[s], p, end)
		switch m.at(end) {
		case '?':
			if fits {
				if r := m.match(s+1, end+1); r >= 0 || m.err != nil {
					return r
				}
			}
			p = end + 1
		case '*':
			return m.most(s, p, end)
		case '+':
			if !fits {
				return -1
			}
			return m.most(s+1, p, end)
		case '-':
			return m.least(s, p, end)
		default:
			if !fits {
				return -1
			}
			s, p = s+1, end
		}
	}
	return -1
}

// isLook reports whether "%" and c is an item that depends on more than one character
// of the text: a balance, a frontier, or what was captured before.
func isLook(c byte) bool { return c == 'b' || c == 'f' || isDigit(c) }

// look matches such an item at p, and returns where text and pattern go on. The text
// goes on nowhere, below 0, when it does not fit.
func (m *matcher) look(s, p int) (nextS, nextP int) {
	switch c := m.at(p + 1); c {
	case 'b':
		return m.balance(s, p+2), p + 4
	case 'f':
		if p = m.frontier(s, p+2); p < 0 {
			return -1, p
		}
		return s, p
	default:
		return m.again(s, c), p + 2
	}
}

// itemEnd returns where the item at p ends, without what repeats it.
func (m *matcher) itemEnd(p int) int {
	c := m.at(p)
	p++
	switch c {
	case '%':
		if p >= len(m.pat) {
			return m.fail("malformed pattern (ends with '%')")
		}
		return p + 1
	case '[':
		if m.at(p) == '^' {
			p++
		}
		for first := true; first || m.at(p) != ']'; first = false {
			if p >= len(m.pat) {
				return m.fail("malformed pattern (missing ']')")
			}
			p++
			if m.pat[p-1] == '%' && p < len(m.pat) {
				p++
			}
		}
		return p + 1
	}
	return p
}

// single reports whether c is what the item from p to end is.
func (m *matcher) single(c byte, p, end int) bool {
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pat[p+1])
	case '[':
		return m.inSet(c, p, end-1)
	}
	return m.pat[p] == c
}

// inSet reports whether c is in the set that begins at p and whose "]" is at
// end.
func (m *matcher) inSet(c byte, p, end int) bool {
	m.work += (end - p) / 8
	yes := true
	if m.pat[p+1] == '^' {
		yes = false
		p++
	}
	for p++; p < end; p++ {
		switch {
		case m.pat[p] == '%':
			p++
			if inClass(c, m.pat[p]) {
				return yes
			}
		case m.at(p+1) == '-' && p+2 < end:
			p += 2
			if m.pat[p-2] <= c && c <= m.pat[p] {
				return yes
			}
		case m.pat[p] == c:
			return yes
		}
	}
	return !yes
}

// inClass reports whether c is in the class that "%" and a letter name.
func inClass(c, class byte) bool {
	var in bool
	switch lower(class) {
	case 'a':
		in = isAlpha(c)
	case 'c':
		in = isCntrl(c)
	case 'd':
		in = isDigit(c)
	case 'l':
		in = isLower(c)
	case 'p':
		in = isPunct(c)
	case 's':
		in = isSpace(c)
	case 'u':
		in = isUpper(c)
	case 'w':
		in = isAlnum(c)
	case 'x':
		in = isHex(c)
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	return in != isUpper(class)
}

// most matches the item from p to end as often as it can, and then less often.
func (m *matcher) most(s, p, end int) int {
	n := 0
	for s+n < len(m.src) && m.single(m.src[s+n], p, end) {
		if n++; !m.spend(1) {
			return -1
		}
	}
	for ; n >= 0; n-- {
		if r := m.match(s+n, end+1); r >= 0 || m.err != nil {
			return r
		}
	}
	return -1
}

// least matches the item as seldom as it can, and then more often.
func (m *matcher) least(s, p, end int) int {
	for m.spend(1) {
		r := m.match(s, end+1)
		if r >= 0 || m.err != nil {
			return r
		}
		if s >= len(m.src) || !m.single(m.src[s], p, end) {
			return -1
		}
		s++
	}
	return -1
}

// balance goes over a text that begins and ends with two characters that balance
// each other.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.pat) {
		return m.fail("unbalanced pattern")
	}
	open, shut := m.pat[p], m.pat[p+1]
	if s >= len(m.src) || m.src[s] != open {
		return -1
	}
	for depth := 1; m.spend(1); {
		if s++; s >= len(m.src) {
			return -1
		}
		switch m.src[s] {
		case shut:
			if depth--; depth == 0 {
				return s + 1
			}
		case open:
			depth++
		}
	}
	return -1
}

// frontier reports whether a set begins at s, and returns where it ends in the
// pattern.
func (m *matcher) frontier(s, p int) int {
	if m.at(p) != '[' {
		return m.fail("missing '[' after '%f' in pattern")
	}
	end := m.itemEnd(p)
	if end < 0 {
		return -1
	}
	var before, after byte
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		after = m.src[s]
	}
	if m.inSet(before, p, end-1) || !m.inSet(after, p, end-1) {
		return -1
	}
	return end
}
