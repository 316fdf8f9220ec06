package jet

// What stands in the broker's files, and in ours beside them, may be anything:
// reading it must neither panic nor find more than there is.

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"ledge/journal"
)

func FuzzRecord(f *testing.F) {
	f.Add(sampleRecord(7, []byte("frame")), true)
	f.Add(sampleRecord(1, nil), false)
	f.Add(append(sampleRecord(7, []byte("frame")), sampleRecord(8, []byte("next"))...), true)
	f.Fuzz(func(t *testing.T, buf []byte, seal bool) {
		h := newHash(1)
		if seal {
			sealRecord(buf)
		}
		was := bytes.Clone(buf)
		r, bad := parseRecord(buf, h)
		if bad != nil {
			if len(buf) > 0 {
				tailOf(buf, bad, 7, 0, h)
			}
		} else if r.size < tombSize || r.size > len(buf) || len(r.data) > r.size-tombSize {
			t.Errorf("record of %d bytes with %d of data in %d bytes", r.size, len(r.data), len(buf))
		}
		if !bytes.Equal(buf, was) {
			t.Error("reading has changed the block")
		}
	})
}

// sampleRecord is a record as the broker writes it.
func sampleRecord(seq journal.Seq, data []byte) []byte {
	le := binary.LittleEndian
	head := appendExpect(nil, seq-1)
	size := recordHead + len(subject) + 4 + len(head) + len(data) + recordHash
	b := le.AppendUint32(nil, uint32(size)|headerBit)
	b = le.AppendUint64(b, uint64(seq))
	b = le.AppendUint64(b, 1_700_000_000)
	b = le.AppendUint16(b, uint16(len(subject)))
	b = append(b, subject...)
	b = le.AppendUint32(b, uint32(len(head)))
	b = append(append(b, head...), data...)
	b = append(b, make([]byte, recordHash)...)
	sealRecord(b)
	return b
}

// sealRecord puts the right hash into the record at the front of b, if its
// lengths make sense, so that what lies behind the hash is reached.
func sealRecord(b []byte) {
	le := binary.LittleEndian
	if len(b) < tombSize {
		return
	}
	fixed, size := int(le.Uint16(b[20:])), int(le.Uint32(b)&^headerBit)
	if le.Uint32(b)&headerBit != 0 {
		fixed += 4
	}
	if size > len(b) || size < tombSize+fixed {
		return
	}
	h := newHash(1)
	body := b[recordHead : size-recordHash]
	h.Write(b[4:20])
	h.Write(body[:le.Uint16(b[20:])])
	h.Write(body[fixed:])
	le.PutUint64(b[size-recordHash:], h.Sum64())
}

func TestSampleRecord(t *testing.T) {
	r, bad := parseRecord(sampleRecord(7, []byte("frame")), newHash(1))
	if bad != nil || r.seq != 7 || string(r.data) != "frame" {
		t.Errorf("parseRecord of a record = %+v, %+v; want number 7", r, bad)
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
