package resp

import "math"

// shortNumber reads a header ("*3\r\n", "$12\r\n") at pos whose number has at
// most nine digits, and says where the header ends. That is every header of a
// sane client; what isn't ok gets the slow path, which knows why.
func shortNumber(buf []byte, pos int) (n, end int, ok bool) {
	i := pos + 1
	for ; i < len(buf) && i < pos+10; i++ {
		d := buf[i] - '0'
		if d > 9 {
			break
		}
		n = n*10 + int(d)
	}
	digits := i - pos - 1
	if digits == 0 || i+1 >= len(buf) || buf[i] != '\r' {
		return 0, 0, false
	}
	if buf[pos+1] == '0' && digits > 1 {
		return 0, 0, false
	}
	return n, i + 2, true
}

// parseNumber reads a decimal as strictly as Redis does: no plus, no leading
// zeros, no minus zero, nothing around it, and it fits an int.
func parseNumber(s []byte) (int, bool) {
	if len(s) == 1 && s[0] == '0' {
		return 0, true
	}
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		s = s[1:]
	}
	if len(s) == 0 || s[0] == '0' {
		return 0, false
	}
	n := uint64(0)
	for _, c := range s {
		d := uint64(c - '0')
		if d > 9 || n > (math.MaxInt-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if negative {
		return -int(n), true
	}
	return int(n), true
}
