package jet

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// A mark of each form is read for ever: the plain one of before there was a
// witness, and the one that knows how the last frame begins.
func TestGoldenMarks(t *testing.T) {
	head := [tipSize]byte{'L', 'D', 'G', '1', 0xde, 0xad, 0xbe, 0xef}
	for name, want := range map[string]mark{
		"mark.plain":  {lineage: 0x0123456789abcdef, floor: 6, last: 22, clean: true, synced: true},
		"mark.headed": {lineage: 0x0123456789abcdef, floor: 6, last: 22, synced: true, head: head, headed: true},
	} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, markFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := loadMark(dir)
		if err != nil || k.gen != 9 || k.m != want {
			t.Errorf("%s: %+v, %v; want %+v of generation 9", name, k, err, want)
		}
		// Without its newer slot it is what it was before.
		clear(b[slotSize:])
		if err := os.WriteFile(filepath.Join(dir, markFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err = loadMark(dir)
		if err != nil || k.gen != 8 || k.m.last != 14 {
			t.Errorf("%s without its newer slot: %+v, %v; want number 14 of generation 8", name, k, err)
		}
	}
}

// Any bit of a mark that flips costs a slot at most.
func TestMarkFlips(t *testing.T) {
	good, err := os.ReadFile("testdata/mark.headed")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for bit := range slotHeaded * 8 {
		b := append([]byte(nil), good...)
		b[slotSize+bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(filepath.Join(dir, markFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := loadMark(dir); err != nil || k.gen != 8 {
			t.Fatalf("with bit %d inverted: %+v, %v; want the older slot", bit, k, err)
		}
	}
}

func FuzzMark(f *testing.F) {
	f.Add(encodeSlot(mark{lineage: 1, floor: 2, last: 3, clean: true}, 4))
	f.Add(encodeSlot(mark{synced: true}, 1<<63))
	f.Add(encodeSlot(mark{last: 3, headed: true, head: [8]byte{1, 2, 3}}, 5))
	f.Fuzz(func(t *testing.T, b []byte) {
		slot := make([]byte, slotSize)
		copy(slot, b)
		copy(slot, markMagic)
		for _, used := range []int{slotUsed, slotHeaded} {
			binary.BigEndian.PutUint32(slot[used-4:], crc32.ChecksumIEEE(slot[:used-4]))
		}
		m, gen, ok := decodeSlot(slot)
		if !ok {
			t.Fatalf("decodeSlot(%x) refuses a slot with the right sum", slot[:slotUsed])
		}
		if m2, gen2, ok := decodeSlot(append(encodeSlot(m, gen), make([]byte, slotSize)...)); !ok || m2 != m || gen2 != gen {
			t.Errorf("%+v, %d written and read again = %+v, %d, %t", m, gen, m2, gen2, ok)
		}
	})
}
