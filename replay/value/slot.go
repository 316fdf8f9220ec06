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
	for i := range len(key) {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^key[i]]
	}
	return crc & journal.MaxSlot
}

// crcTable is CRC16-XMODEM's: polynomial 0x1021, no reflection.
var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()
