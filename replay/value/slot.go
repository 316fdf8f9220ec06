package value

import (
	"strings"
	"unsafe"

	"ledge/journal"
)

// SlotOf is Slot for a key that is not a string.
func SlotOf(key []byte) uint16 { return Slot(unsafe.String(unsafe.SliceData(key), len(key))) }

// Slot returns the cluster slot of a key: CRC16 of the key, or of the part
// between its first braces when that is not empty, as Redis computes it.
func Slot(key string) uint16 {
	if i := strings.IndexByte(key, '{'); i >= 0 {
		if j := strings.IndexByte(key[i+1:], '}'); j > 0 {
			key = key[i+1 : i+1+j]
		}
	}
	var crc uint16
	for ; len(key) >= 8; key = key[8:] {
		crc = crcTables[7][byte(crc>>8)^key[0]] ^ crcTables[6][byte(crc)^key[1]] ^ crcTables[5][key[2]] ^ crcTables[4][key[3]] ^
			crcTables[3][key[4]] ^ crcTables[2][key[5]] ^ crcTables[1][key[6]] ^ crcTables[0][key[7]]
	}
	for i := range len(key) {
		crc = crc<<8 ^ crcTables[0][byte(crc>>8)^key[i]]
	}
	return crc & journal.MaxSlot
}

// crcTables are CRC16-XMODEM's, of polynomial 0x1021 without reflection: the first is of a
// byte, and each further one of a byte that is followed by one more zero. So eight bytes
// are looked up side by side, where one by one each has to wait for that before it.
var crcTables = func() (t [8][256]uint16) {
	for i := range t[0] {
		c := uint16(i) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
		t[0][i] = c
	}
	for n := 1; n < len(t); n++ {
		for i := range t[n] {
			t[n][i] = t[n-1][i]<<8 ^ t[0][t[n-1][i]>>8]
		}
	}
	return t
}()
