package jet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/minio/highwayhash"

	"ledge/journal"
)

// Layout of a record in one of the broker's block files, little endian:
//
//	length(4) sequence(8) time(8) subject length(2) subject
//	[header length(4) header] data hash(8)
//
// The top bit of the length says that a header is there; the two top bits of
// the sequence mark erased messages and tombstones. The hash covers sequence,
// time, subject, header and data, under a key made of the stream's name and
// the block's number.
const (
	recordHead = 22
	recordHash = 8
	recordMax  = 32 << 20
	tombSize   = recordHead + recordHash

	headerBit = 1 << 31
	erasedBit = 1 << 63
	tombBit   = 1 << 62
)

// expectHead begins the header of every message that we store; the number it
// had to follow and expectTail come behind it.
const (
	expectHead = "NATS/1.0\r\nNats-Expected-Last-Sequence: "
	expectTail = "\r\n\r\n"
)

// appendExpect appends the header of the message that follows number prev.
func appendExpect(dst []byte, prev journal.Seq) []byte {
	dst = append(dst, expectHead...)
	dst = strconv.AppendUint(dst, uint64(prev), 10)
	return append(dst, expectTail...)
}

// record is one message or tombstone in a block. data is part of the buffer it
// was parsed from.
type record struct {
	seq  journal.Seq
	tomb bool
	data []byte
	size int // bytes that it takes in the block
}

// newHash returns the hash of the records in block number index.
func newHash(index uint32) *highwayhash.Digest64 {
	key := sha256.Sum256([]byte(fmt.Sprintf("%s-%d", streamName, index)))
	h, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	return h
}

// badRecord says why there is no whole record at some place.
type badRecord struct {
	cause string
	// overrun: the record would end behind the end of the block, as one does
	// that was being written.
	overrun bool
}

// parseRecord reads the record at the front of buf. With a nil h the hash is
// not checked.
func parseRecord(buf []byte, h *highwayhash.Digest64) (record, *badRecord) {
	if len(buf) < recordHead {
		return record{}, &badRecord{fmt.Sprintf("record of %d bytes", len(buf)), true}
	}
	le := binary.LittleEndian
	length, subj := le.Uint32(buf), int(le.Uint16(buf[20:]))
	hasHeader := length&headerBit != 0
	size := int(length &^ headerBit)
	fixed := subj
	if hasHeader {
		fixed += 4
	}
	if size < recordHead+fixed+recordHash || size > recordMax {
		return record{}, &badRecord{fmt.Sprintf("record length %d", size), false}
	}
	if size > len(buf) {
		return record{}, &badRecord{fmt.Sprintf("record of %d bytes where %d are left",
			size, len(buf)), true}
	}
	rec := buf[:size]
	body, sum := rec[recordHead:size-recordHash], rec[size-recordHash:]
	if h != nil && !hashMatches(h, rec[4:20], body[:subj], body[fixed:], sum) {
		return record{}, &badRecord{"record hash does not match", false}
	}
	var head []byte
	data := body[fixed:]
	if hasHeader {
		n := le.Uint32(body[subj:])
		if uint64(n) > uint64(len(data)) {
			return record{}, &badRecord{fmt.Sprintf("header length %d", n), false}
		}
		head, data = data[:n], data[n:]
	}
	seq := le.Uint64(buf[4:])
	r := record{seq: journal.Seq(seq &^ tombBit), tomb: seq&tombBit != 0, data: data, size: size}
	if seq&erasedBit != 0 {
		return record{}, &badRecord{fmt.Sprintf("number %d is erased", seq&^erasedBit), false}
	}
	// The header's length is not under the hash, but we know what is in it.
	var want [80]byte
	if !r.tomb && !bytes.Equal(head, appendExpect(want[:0], r.seq-1)) {
		return record{}, &badRecord{fmt.Sprintf("header of number %d is %q", r.seq, head), false}
	}
	return r, nil
}

func hashMatches(h *highwayhash.Digest64, head, subj, data, sum []byte) bool {
	h.Reset()
	h.Write(head)
	h.Write(subj)
	h.Write(data)
	return h.Sum64() == binary.LittleEndian.Uint64(sum)
}

// A tail is what stands at the journal's end after the last good record.
type tail uint8

const (
	tailDamaged tail = iota // something that was whole once
	tailTorn                // the trace of a write that never finished
	tailForeign             // bytes that no append of ours has written
)

// tailOf says what rest is, which begins with the bad record that should be
// number want, and why: something after it or the frame itself shows that it was
// whole once. The length field is not under the record's hash, so a length that
// runs over the end proves nothing by itself. What was closed in good order
// ends before sealed; 0 is not known.
//
// A record of full length with a bad hash counts as damage even at the very
// end. A killed process can't leave one. A power cut in the middle of an append
// can, rarely, by writing its pages out of order; refusing to start then asks
// for a person where carrying on could drop a synced frame. The exception is
// a hash of zeros: those are pages that were never written.
func tailOf(
	rest []byte, bad *badRecord, want, sealed journal.Seq, h *highwayhash.Digest64,
) (tail, string) {
	if len(bytes.Trim(rest, "\x00")) == 0 {
		return tailTorn, bad.cause
	}
	if seq, ok := laterRecord(rest, want, h); ok {
		return tailDamaged, fmt.Sprintf("%s; number %d stands after it", bad.cause, seq)
	}
	if sealed > 0 && want >= sealed {
		return tailForeign, bad.cause
	}
	if wholeButLength(rest, want, h) {
		return tailDamaged, bad.cause + "; but for that the record is whole"
	}
	if bad.overrun {
		return tailTorn, bad.cause
	}
	if zeros := rest[len(rest)-recordHash:]; len(bytes.Trim(zeros, "\x00")) == 0 {
		return tailTorn, bad.cause
	}
	if !resembles(rest, want) {
		return tailForeign, bad.cause
	}
	return tailDamaged, bad.cause
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
func wholeButLength(rest []byte, want journal.Seq, h *highwayhash.Digest64) bool {
	if len(rest) < recordHead || len(rest) > recordMax {
		return false
	}
	var was [4]byte
	copy(was[:], rest)
	binary.LittleEndian.PutUint32(rest, uint32(len(rest))|headerBit)
	r, bad := parseRecord(rest, h)
	copy(rest, was[:])
	return bad == nil && r.seq == want
}

// laterRecord looks for a good record in rest, not at its very front, that can
// only have been written after number want.
func laterRecord(rest []byte, want journal.Seq, h *highwayhash.Digest64) (journal.Seq, bool) {
	const lead = recordHead + len(subject) + 4
	for at := 1; ; at++ {
		i := bytes.Index(rest[at:], []byte(expectHead))
		if i < 0 {
			break
		}
		at += i
		if at < lead+1 {
			continue
		}
		r, bad := parseRecord(rest[at-lead:], h)
		if bad == nil && !r.tomb && r.seq >= want {
			return r.seq, true
		}
	}
	tomb := []byte{tombSize, 0, 0, 0}
	for at := 1; ; at++ {
		i := bytes.Index(rest[at:], tomb)
		if i < 0 {
			return 0, false
		}
		at += i
		r, bad := parseRecord(rest[at:], h)
		if bad == nil && r.tomb {
			return r.seq, true
		}
	}
}

// nextRecord returns where the next good record begins in rest, not at its very
// front, or len(rest).
func nextRecord(rest []byte, h *highwayhash.Digest64) int {
	const lead = recordHead + len(subject) + 4
	found := len(rest)
	for at := lead + 1; at < len(rest); at++ {
		i := bytes.Index(rest[at:], []byte(expectHead))
		if i < 0 {
			break
		}
		at += i
		if _, bad := parseRecord(rest[at-lead:], h); bad == nil {
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
		if r, bad := parseRecord(rest[at:], h); bad == nil && r.tomb {
			return at
		}
	}
	return found
}

// appendTomb appends the record that says that number seq is deleted, as the
// broker leaves it when it truncates everything.
func appendTomb(dst []byte, seq journal.Seq, block uint32, at time.Time) []byte {
	le := binary.LittleEndian
	start := len(dst)
	dst = le.AppendUint32(dst, tombSize)
	dst = le.AppendUint64(dst, uint64(seq)|tombBit)
	dst = le.AppendUint64(dst, uint64(at.UnixNano()))
	dst = le.AppendUint16(dst, 0)
	h := newHash(block)
	h.Write(dst[start+4 : start+20])
	return le.AppendUint64(dst, h.Sum64())
}
