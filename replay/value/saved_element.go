package value

import "encoding/binary"

// appendName appends an element's name with its length, as all are saved.
func appendName(b []byte, e *Block) []byte {
	b = binary.AppendUvarint(b, uint64(e.key))
	return append(b, e.Name()...)
}

// cutBytes reads a length, whose lowest bits mean something else, and so many
// bytes.
func cutBytes(s string, shift int) (val, rest string, ok bool) {
	n, used := uvarint(s)
	n >>= shift
	if used <= 0 || n > uint64(len(s)-used) {
		return "", "", false
	}
	return s[used : used+int(n)], s[used+int(n):], true
}

func uvarint(s string) (uint64, int) {
	var b [binary.MaxVarintLen64]byte
	return binary.Uvarint(b[:copy(b[:], s)])
}
