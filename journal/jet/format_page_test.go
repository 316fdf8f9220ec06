package jet

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
)

const formatPage = "../FORMAT.md"

// A slot of the mark that is taken apart by the page's table has the fields that it
// was made of: all of its bytes, and nothing twice.
func TestMarkPage(t *testing.T) {
	head := [tipSize]byte{'L', 'D', 'G', '1', 0xde, 0xad, 0xbe, 0xef}
	m := mark{lineage: 0x0123456789abcdef, floor: 6, last: 22, clean: true, synced: true, head: head, headed: true}
	slot := encodeSlot(m, 9)
	at, sums := 0, 0
	for _, row := range pagetest.Table(t, formatPage, "### The mark") {
		offset, err := strconv.Atoi(row[0])
		size, err2 := strconv.Atoi(row[1])
		if err != nil || err2 != nil || offset != at || at+size > len(slot) {
			t.Fatalf("%s: %s has %s bytes at %s; want it at %d, of %d in all", formatPage, row[2], row[1], row[0], at, len(slot))
		}
		got := binary.BigEndian.Uint64(append(make([]byte, 8-size), slot[at:at+size]...))
		want := map[string]uint64{
			"magic": uint64(binary.BigEndian.Uint32([]byte("LDGM"))), "generation": 9, "lineage": uint64(m.lineage),
			"floor": 6, "last": 22, "flags": flagClean | flagSynced | flagHeaded,
			"checksum": uint64(crc32.ChecksumIEEE(slot[:at])), "head": binary.BigEndian.Uint64(head[:]),
		}
		if value, ok := want[row[2]]; !ok || got != value {
			t.Errorf("%s says that %s is %x; want %x (known: %t)", formatPage, row[2], got, value, ok)
		}
		switch row[2] {
		case "flags":
			for _, flag := range []struct {
				bit  int
				word string
			}{{flagClean, "closed in good order"}, {flagSynced, "synced"}, {flagHeaded, "head"}} {
				if _, text, ok := strings.Cut(row[3], fmt.Sprintf("%d: ", flag.bit)); !ok ||
					!strings.Contains(strings.Split(text, "·")[0], flag.word) {
					t.Errorf("%s says of flags %q; want %d with %q", formatPage, row[3], flag.bit, flag.word)
				}
			}
		case "checksum":
			if sums++; !strings.Contains(row[3], fmt.Sprintf("the %d bytes before", at)) {
				t.Errorf("%s says of the checksum at %d: %q", formatPage, at, row[3])
			}
		}
		at += size
	}
	if at != len(slot) || sums != 2 {
		t.Errorf("%s has %d bytes and %d checksums; want %d and 2", formatPage, at, sums, len(slot))
	}
}
