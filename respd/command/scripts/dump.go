package scripts

import (
	"encoding/binary"

	"ledge/replay/catalog"
	"ledge/respd/rdb"
	"ledge/respd/resp"
)

// FUNCTION DUMP is Redis's: for each library a mark and its code as a string of
// an RDB file, then the file's version and a checksum.
const (
	dumpFunction = 245
	dumpVersion  = 10
	dumpTail     = 2 + 8
)

const errDump resp.Error = "ERR DUMP payload version or checksum are wrong"

func dump(f catalog.Rows) []byte {
	var b []byte
	for _, code := range f.All() {
		b = append(b, dumpFunction)
		switch n := len(code); {
		case n < 1<<6:
			b = append(b, byte(n))
		case n < 1<<14:
			b = append(b, 0x40|byte(n>>8), byte(n))
		default:
			b = binary.BigEndian.AppendUint32(append(b, 0x80), uint32(n))
		}
		b = append(b, code...)
	}
	b = binary.LittleEndian.AppendUint16(b, dumpVersion)
	return binary.LittleEndian.AppendUint64(b, rdb.Checksum(b))
}

// undump returns the code of the libraries in a dump.
func undump(b []byte) ([]string, error) {
	n := len(b) - 8
	if n < 2 || binary.LittleEndian.Uint16(b[n-2:]) > dumpVersion ||
		binary.LittleEndian.Uint64(b[n:]) != rdb.Checksum(b[:n]) {
		return nil, errDump
	}
	d := undumper{b: b[:n-2], ok: true}
	var codes []string
	for d.ok && len(d.b) > 0 {
		if d.take(1)[0] != dumpFunction {
			return nil, resp.Error("ERR given type is not a function")
		}
		codes = append(codes, d.string())
	}
	if !d.ok {
		return nil, resp.Error("ERR failed loading functions")
	}
	return codes, nil
}

// undumper reads strings of an RDB file.
type undumper struct {
	b  []byte
	ok bool
}

// take returns the next n bytes, or zeros when there are not as many.
func (d *undumper) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.ok, d.b = false, nil
		return make([]byte, min(max(n, 1), 8))
	}
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

const lzf = -1 // in place of a length: compressed

func (d *undumper) length() int {
	c := d.take(1)[0]
	switch {
	case c < 0x40:
		return int(c)
	case c < 0x80:
		return int(c&0x3f)<<8 | int(d.take(1)[0])
	case c == 0x80:
		return int(binary.BigEndian.Uint32(d.take(4)))
	case c == 0xc3:
		return lzf
	}
	d.ok = false
	return 0
}

func (d *undumper) string() string {
	n := d.length()
	if n != lzf {
		return string(d.take(n))
	}
	packed, full := d.length(), d.length()
	// Three bytes become 264 at most, so a length that is wrong costs nothing.
	if packed < 0 || packed > len(d.b) || full < 0 || full/88 > packed {
		d.ok = false
		return ""
	}
	out, ok := unpackLZF(d.take(packed), full)
	d.ok = d.ok && ok
	return out
}

// unpackLZF decompresses what LZF has made of n bytes.
func unpackLZF(in []byte, n int) (string, bool) {
	out := make([]byte, 0, n)
	for i := 0; i < len(in); {
		c := int(in[i])
		i++
		if c < 32 { // c+1 bytes as they are
			if i+c+1 > len(in) {
				return "", false
			}
			out = append(out, in[i:i+c+1]...)
			i += c + 1
			continue
		}
		size, back := c>>5, (c&31)<<8
		if size == 7 {
			if i == len(in) {
				return "", false
			}
			size += int(in[i])
			i++
		}
		if i == len(in) {
			return "", false
		}
		from := len(out) - back - int(in[i]) - 1
		i++
		if from < 0 || len(out)+size+2 > n {
			return "", false
		}
		for k := range size + 2 { // byte by byte: they may overlap
			out = append(out, out[from+k])
		}
	}
	return string(out), len(out) == n
}
