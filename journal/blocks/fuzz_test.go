package blocks

// What stands in the broker's files may be anything:
// reading it must neither panic nor find more than there is.

import (
	"bytes"
	"encoding/binary"
	"testing"

	"ledge/journal"
)

func FuzzRecord(f *testing.F) {
	f.Add(sampleRecord(7, []byte("frame")), true)
	f.Add(sampleRecord(1, nil), false)
	f.Add(append(sampleRecord(7, []byte("frame")), sampleRecord(8, []byte("next"))...), true)
	f.Fuzz(func(t *testing.T, buf []byte, seal bool) {
		h := NewHash(1)
		if seal {
			sealRecord(buf)
		}
		was := bytes.Clone(buf)
		r, bad := Parse(buf, h)
		if bad != nil {
			if len(buf) > 0 {
				NewStore("").Tail(buf, bad, 7, h)
			}
		} else if r.Size < tombSize || r.Size > len(buf) || len(r.Data) > r.Size-tombSize {
			t.Errorf("record of %d bytes with %d of data in %d bytes", r.Size, len(r.Data), len(buf))
		}
		if !bytes.Equal(buf, was) {
			t.Error("reading has changed the block")
		}
	})
}

// sampleRecord is a record as the broker writes it.
func sampleRecord(seq journal.Seq, data []byte) []byte { return recordIn(1, seq, data) }

// recordIn is one in that block.
func recordIn(block uint32, seq journal.Seq, data []byte) []byte {
	le := binary.LittleEndian
	head := AppendHeader(nil, seq-1)
	size := recordHead + len(Subject) + 4 + len(head) + len(data) + recordHash
	b := le.AppendUint32(nil, uint32(size)|headerBit)
	b = le.AppendUint64(b, uint64(seq))
	b = le.AppendUint64(b, 1_700_000_000)
	b = le.AppendUint16(b, uint16(len(Subject)))
	b = append(b, Subject...)
	b = le.AppendUint32(b, uint32(len(head)))
	b = append(append(b, head...), data...)
	b = append(b, make([]byte, recordHash)...)
	sealIn(block, b)
	return b
}

// sealRecord puts the right hash into the record at the front of b, if its
// lengths make sense, so that what lies after the hash is reached.
func sealRecord(b []byte) { sealIn(1, b) }

func sealIn(block uint32, b []byte) {
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
	h := NewHash(block)
	body := b[recordHead : size-recordHash]
	h.Write(b[4:20])
	h.Write(body[:le.Uint16(b[20:])])
	h.Write(body[fixed:])
	le.PutUint64(b[size-recordHash:], h.Sum64())
}

func TestSampleRecord(t *testing.T) {
	r, bad := Parse(sampleRecord(7, []byte("frame")), NewHash(1))
	if bad != nil || r.Seq != 7 || string(r.Data) != "frame" {
		t.Errorf("Parse of a record = %+v, %+v; want number 7", r, bad)
	}
}
