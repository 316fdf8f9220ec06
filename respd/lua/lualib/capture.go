package lualib

import (
	"strings"

	"ledge/respd/lua"
)

func (m *matcher) open(s, p, length int) int {
	if m.level >= maxCaptures {
		return m.fail("too many captures")
	}
	m.captures[m.level] = capture{s, length}
	m.level++
	r := m.match(s, p)
	if r < 0 {
		m.level--
	}
	return r
}

func (m *matcher) close(s, p int) int {
	for i := m.level - 1; i >= 0; i-- {
		c := &m.captures[i]
		if c.len != unfinished {
			continue
		}
		c.len = s - c.at
		r := m.match(s, p)
		if r < 0 {
			c.len = unfinished
		}
		return r
	}
	return m.fail("invalid pattern capture")
}

// again matches what a capture has matched.
func (m *matcher) again(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.captures[i].len == unfinished {
		return m.fail("invalid capture index")
	}
	c := m.captures[i]
	if c.len == place || !m.spend(c.len/stepBytes*matchWork) ||
		!strings.HasPrefix(m.src[s:], m.src[c.at:c.at+c.len]) {
		return -1
	}
	return s + c.len
}

// capture returns what capture i of a match from s to e is, the whole match if
// there are no captures.
func (m *matcher) capture(i, s, e int) (lua.Value, error) {
	if i >= m.level {
		if i > 0 {
			return lua.Nil, m.L.Errorf("invalid capture index")
		}
		return partOf(m.L, m.src, m.src[s:e])
	}
	switch c := m.captures[i]; c.len {
	case unfinished:
		return lua.Nil, m.L.Errorf("unfinished capture")
	case place:
		return lua.Int(c.at + 1), nil
	default:
		return partOf(m.L, m.src, m.src[c.at:c.at+c.len])
	}
}

// pushCaptures pushes all captures; the whole match from s to e if there are
// none.
func (m *matcher) pushCaptures(s, e int) (int, error) {
	for i := range max(m.level, 1) {
		v, err := m.capture(i, s, e)
		if err != nil {
			return 0, err
		}
		m.L.Push(v)
	}
	return max(m.level, 1), nil
}
