package blocks

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/minio/highwayhash"

	"ledge/journal"
	"ledge/journal/durable"
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

// expectHead begins the header of every message that we store. The number that it
// had to follow comes after it, and then expectTail.
const (
	expectHead = "NATS/1.0\r\nNats-Expected-Last-Sequence: "
	expectTail = "\r\n\r\n"
)

// AppendHeader appends the header of the message that carries the frame after
// number prev: that it is to be stored only if prev is the last number then.
func AppendHeader(dst []byte, prev journal.Seq) []byte {
	dst = append(dst, expectHead...)
	dst = strconv.AppendUint(dst, uint64(prev), 10)
	return append(dst, expectTail...)
}

// Record is one message or tombstone in a block. Data is part of the buffer that
// it was parsed from.
type Record struct {
	Seq  journal.Seq
	Tomb bool
	Data []byte
	Size int // bytes that it takes in the block
}

// Hash is what a record's bytes are checked with.
type Hash = highwayhash.Digest64

// NewHash returns the hash of the records in a block.
func NewHash(block uint32) *Hash { return newHash(fmt.Sprintf("%s-%d", Stream, block)) }

// newHash returns the hash under the key that the broker makes of a name.
func newHash(name string) *Hash {
	key := sha256.Sum256([]byte(name))
	h, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	return h
}

// Bad says why there is no whole record at some place.
type Bad struct {
	Cause string
	// Overrun: the record would end after the end of the block, as one does that
	// was being written.
	Overrun bool
}

// Parse reads the record at the front of buf. With a nil h the hash is
// not checked.
func Parse(buf []byte, h *Hash) (Record, *Bad) {
	if len(buf) < recordHead {
		return Record{}, &Bad{fmt.Sprintf("record of %d bytes", len(buf)), true}
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
		return Record{}, &Bad{fmt.Sprintf("record length %d", size), false}
	}
	if size > len(buf) {
		return Record{}, &Bad{fmt.Sprintf("record of %d bytes where %d are left",
			size, len(buf)), true}
	}
	rec := buf[:size]
	body, sum := rec[recordHead:size-recordHash], rec[size-recordHash:]
	if h != nil && !hashMatches(h, rec[4:20], body[:subj], body[fixed:], sum) {
		return Record{}, &Bad{"record hash does not match", false}
	}
	var head []byte
	data := body[fixed:]
	if hasHeader {
		n := le.Uint32(body[subj:])
		if uint64(n) > uint64(len(data)) {
			return Record{}, &Bad{fmt.Sprintf("header length %d", n), false}
		}
		head, data = data[:n], data[n:]
	}
	seq := le.Uint64(buf[4:])
	r := Record{Seq: journal.Seq(seq &^ tombBit), Tomb: seq&tombBit != 0, Data: data, Size: size}
	if seq&erasedBit != 0 {
		return Record{}, &Bad{fmt.Sprintf("number %d is erased", seq&^erasedBit), false}
	}
	// The header's length is not under the hash, but we know what is in it.
	var want [80]byte
	if !r.Tomb && !bytes.Equal(head, AppendHeader(want[:0], r.Seq-1)) {
		return Record{}, &Bad{fmt.Sprintf("header of number %d is %q", r.Seq, head), false}
	}
	return r, nil
}

func hashMatches(h *Hash, head, subj, data, sum []byte) bool {
	h.Reset()
	h.Write(head)
	h.Write(subj)
	h.Write(data)
	return h.Sum64() == binary.LittleEndian.Uint64(sum)
}

// AppendTomb appends the record that says that number seq is deleted, as the
// broker leaves it when it truncates everything.
func AppendTomb(dst []byte, seq journal.Seq, block uint32, at time.Time) []byte {
	le := binary.LittleEndian
	start := len(dst)
	dst = le.AppendUint32(dst, tombSize)
	dst = le.AppendUint64(dst, uint64(seq)|tombBit)
	dst = le.AppendUint64(dst, uint64(at.UnixNano()))
	dst = le.AppendUint16(dst, 0)
	h := NewHash(block)
	h.Write(dst[start+4 : start+20])
	return le.AppendUint64(dst, h.Sum64())
}

// FrameSize returns how many bytes a frame of that length takes as the record
// after number prev.
func FrameSize(prev journal.Seq, frame int) int64 {
	digits := 1
	for n := prev; n > 9; n /= 10 {
		digits++
	}
	return int64(recordHead + len(Subject) + 4 + len(expectHead) + digits + len(expectTail) + frame + recordHash)
}

// LastIn returns the number of the last frame in a block file that is whole, as
// are all records before it; 0 if there is none.
func LastIn(path string, block uint32) (last journal.Seq, err error) {
	b, err := durable.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for h := NewHash(block); len(b) > 0; {
		r, bad := Parse(b, h)
		if bad != nil {
			break
		}
		if !r.Tomb {
			last = r.Seq
		}
		b = b[r.Size:]
	}
	return last, nil
}
