package rdb

import "unsafe"

// LZF's output is runs of literals, with their length less one in front (up to
// 31), and references back: how long, and how far. Redis compresses with it what
// is longer than lzfMin.
const (
	lzfMin      = 20
	lzfLiterals = 32
	lzfFar      = 1 << 13
	lzfLong     = 2 + 7 + 255 // the longest reference
	// lzfMost is how many bytes one byte may stand for at most: a reference of
	// three bytes is lzfLong of them.
	lzfMost = lzfLong / 3
)

// decompress returns the n bytes that in stands for.
func decompress(in string, n int) (string, bool) {
	out := make([]byte, 0, n)
	for i := 0; i < len(in); {
		c := int(in[i])
		i++
		if c < lzfLiterals {
			if c+1 > len(in)-i || c+1 > n-len(out) {
				return "", false
			}
			out = append(out, in[i:i+c+1]...)
			i += c + 1
			continue
		}
		long := c>>5 + 2
		if long == 7+2 {
			if i == len(in) {
				return "", false
			}
			long += int(in[i])
			i++
		}
		if i == len(in) {
			return "", false
		}
		from := len(out) - (c&0x1f<<8 | int(in[i])) - 1
		i++
		if from < 0 || long > n-len(out) {
			return "", false
		}
		for ; long > 0; long-- { // what is copied may reach into the copy
			out = append(out, out[from])
			from++
		}
	}
	return unsafe.String(unsafe.SliceData(out), len(out)), len(out) == n
}

// compressor finds references back by a table of where three bytes stood last.
// The table serves many strings: places are counted on, and those of earlier
// strings are before base.
type compressor struct {
	table [1 << 13]int
	base  int
}

// append compresses s after dst and returns what it became, or false when that
// saves nothing.
func (c *compressor) append(dst []byte, s string) ([]byte, bool) {
	start, most := len(dst), len(s)-4
	c.base += len(s) + 1
	base := c.base - len(s)
	lit := 0 // literals from here to i are still to be written
	i := 0
	for i+3 <= len(s) {
		slot := &c.table[hash3(s[i:])]
		at := *slot - base
		*slot = i + base
		if at < 0 || i-at > lzfFar || s[at:at+3] != s[i:i+3] {
			i++
			continue
		}
		long := matching(s[at:], s[i:])
		dst = appendLiterals(dst, s[lit:i])
		dst = appendReference(dst, long, i-at-1)
		if len(dst)-start > most {
			return dst[:start], false
		}
		i += long
		lit = i
	}
	dst = appendLiterals(dst, s[lit:])
	if len(dst)-start > most {
		return dst[:start], false
	}
	return dst, true
}

// hash3 spreads the first three bytes over the table.
func hash3(s string) uint32 {
	n := uint32(s[0])<<16 | uint32(s[1])<<8 | uint32(s[2])
	return n * 0x9e3779b1 >> (32 - 13)
}

// matching returns how many bytes a and b begin with alike, lzfLong at most.
func matching(a, b string) int {
	most := min(len(b), lzfLong)
	n := 0
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

func appendLiterals(dst []byte, s string) []byte {
	for len(s) > 0 {
		n := min(len(s), lzfLiterals)
		dst = append(dst, byte(n-1))
		dst = append(dst, s[:n]...)
		s = s[n:]
	}
	return dst
}

func appendReference(dst []byte, long, far int) []byte {
	long -= 2
	if long < 7 {
		return append(dst, byte(long<<5|far>>8), byte(far))
	}
	return append(dst, byte(7<<5|far>>8), byte(long-7), byte(far))
}
