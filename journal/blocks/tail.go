package blocks

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"ledge/journal"
)

// Tail is what is found at the end of the journal, after the last good record.
type Tail uint8

const (
	TailDamaged Tail = iota // something that was whole once
	TailTorn                // the trace of a write that never finished
	TailForeign             // bytes that no append of ours has written
)

// Tail says what rest is, and why. rest reaches from the first record that is bad,
// where number want should be, to the end of the last block.
//
// It is damage if something after it, or the frame itself, shows that it was whole
// once. The record's length is not under its hash, so a length that runs over the
// end of the block proves nothing by itself.
//
// A record of full length with a bad hash counts as damage even at the very end.
// A killed process can't leave one. A power cut in the middle of an append can,
// rarely, by writing its pages out of order; refusing to start then asks for a
// person, where carrying on could drop a synced frame. The exception is a hash of
// zeros: those are pages that were never written.
func (s Store) Tail(rest []byte, bad *Bad, want journal.Seq, h *Hash) (Tail, string) {
	if len(bytes.Trim(rest, "\x00")) == 0 {
		return TailTorn, bad.Cause
	}
	if seq, ok := laterRecord(rest, want, h); ok {
		return TailDamaged, fmt.Sprintf("%s; number %d stands after it", bad.Cause, seq)
	}
	if s.sealed > 0 && want >= s.sealed {
		return TailForeign, bad.Cause
	}
	if wholeButLength(rest, want, h) {
		return TailDamaged, bad.Cause + "; but for that the record is whole"
	}
	if bad.Overrun {
		return TailTorn, bad.Cause
	}
	if zeros := rest[len(rest)-recordHash:]; len(bytes.Trim(zeros, "\x00")) == 0 {
		return TailTorn, bad.Cause
	}
	if !resembles(rest, want) {
		return TailForeign, bad.Cause
	}
	return TailDamaged, bad.Cause
}

// resembles reports whether rest may once have been number want: it has that
// number where it belongs, or a header of ours anywhere, or begins with a page
// that was never written. One flipped bit can't hide all of it.
func resembles(rest []byte, want journal.Seq) bool {
	seq := binary.LittleEndian.Uint64(rest[4:]) &^ (tombBit | erasedBit)
	return journal.Seq(seq) == want || bytes.Contains(rest, []byte(expectHead)) ||
		len(bytes.Trim(rest[:recordHead], "\x00")) == 0
}

// wholeButLength reports whether rest is number want to its very last byte, and
// only the length field says otherwise.
func wholeButLength(rest []byte, want journal.Seq, h *Hash) bool {
	if len(rest) < recordHead || len(rest) > recordMax {
		return false
	}
	var was [4]byte
	copy(was[:], rest)
	binary.LittleEndian.PutUint32(rest, uint32(len(rest))|headerBit)
	r, bad := Parse(rest, h)
	copy(rest, was[:])
	return bad == nil && r.Seq == want
}

// laterRecord looks for a good record in rest, not at its very front, that can
// only have been written after number want.
func laterRecord(rest []byte, want journal.Seq, h *Hash) (journal.Seq, bool) {
	const lead = recordHead + len(Subject) + 4
	for at := 1; ; at++ {
		i := bytes.Index(rest[at:], []byte(expectHead))
		if i < 0 {
			break
		}
		at += i
		if at < lead+1 {
			continue
		}
		r, bad := Parse(rest[at-lead:], h)
		if bad == nil && !r.Tomb && r.Seq >= want {
			return r.Seq, true
		}
	}
	tomb := []byte{tombSize, 0, 0, 0}
	for at := 1; ; at++ {
		i := bytes.Index(rest[at:], tomb)
		if i < 0 {
			return 0, false
		}
		at += i
		r, bad := Parse(rest[at:], h)
		if bad == nil && r.Tomb {
			return r.Seq, true
		}
	}
}

// Next returns where the next good record begins in rest, not at its very
// front, or len(rest).
func Next(rest []byte, h *Hash) int {
	const lead = recordHead + len(Subject) + 4
	found := len(rest)
	for at := lead + 1; at < len(rest); at++ {
		i := bytes.Index(rest[at:], []byte(expectHead))
		if i < 0 {
			break
		}
		at += i
		if _, bad := Parse(rest[at-lead:], h); bad == nil {
			found = at - lead
			break
		}
	}
	tomb := []byte{tombSize, 0, 0, 0}
	for at := 1; at < found; at++ {
		i := bytes.Index(rest[at:found], tomb)
		if i < 0 {
			break
		}
		at += i
		if r, bad := Parse(rest[at:], h); bad == nil && r.Tomb {
			return at
		}
	}
	return found
}
