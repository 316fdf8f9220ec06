// Package remote is how a replica reads its leader: the protocol between the
// two, the leader's side of it, and the replica's.
//
// Everything is a request on a NATS subject, answered into the replica's own
// inbox. The journal itself is out of reach: a replica that could make consumers
// on the leader's stream could have the whole of it delivered to any subject,
// and as many of them as it likes. PROTOCOL.md has the messages.
package remote

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/replay/wire"
	"ledge/replay/writer"
)

// Version is of the protocol. Two nodes that differ in it don't talk.
const Version = 1

// Subjects are what a replica may publish to.
const Subjects = "ledge.replica.>"

const (
	subjectHello  = "ledge.replica.hello"
	subjectFetch  = "ledge.replica.fetch"
	subjectMeta   = "ledge.replica.meta"
	subjectChunk  = "ledge.replica.chunk"
	subjectReport = "ledge.replica.report"
	subjectLead   = "ledge.replica.lead"
	subjectView   = "ledge.replica.view"
	// subjectPublish is where a leader is told of messages that clients have published.
	subjectPublish = "ledge.replica.publish"
)

// Headers of replies.
const (
	headerKind = "Ledge-Kind"
	headerLast = "Ledge-Last"
	headerSum  = "Ledge-Checksum"
	// headerReason tells errors apart on which a replica acts.
	headerReason   = "Ledge-Reason"
	reasonDiverged = "diverged"
)

// Kinds of messages that a fetch is answered with.
const (
	kindFrames = "frames"
	kindBeat   = "beat"
	kindEnd    = "end"
	kindOffer  = "offer"
	kindPosts  = "posts"
)

const (
	// beatEvery is how often a leader that has nothing new says that it is there.
	beatEvery = 500 * time.Millisecond
	// fetchBytes is how much one fetch brings, and messageBytes how much one of
	// its messages has unless a single frame is longer. A message, and a chunk of
	// a snapshot, is heard when all of it is there, so they must be small enough
	// for a slow link, or one that is new and far, to bring within the timeouts.
	fetchBytes   = 8 << 20
	messageBytes = 64 << 10
	// fetchWait is how long a leader holds a fetch for which there is nothing.
	fetchWait = 30 * time.Second
	chunkSize = 256 << 10
)

// failure makes the reply that carries an error.
func failure(err error) *nats.Msg {
	m := wire.Failure(err)
	if errors.Is(err, writer.ErrDiverged) {
		m.Header.Set(headerReason, reasonDiverged)
	}
	return m
}

// failed returns the error that a reply carries, or nil.
func failed(m *nats.Msg) error { return meant(m, wire.Failed(m, "leader")) }

// meant returns the error that a reply carries as the one that the leader meant.
func meant(m *nats.Msg, err error) error {
	if m == nil || err == nil || m.Header.Get(headerReason) != reasonDiverged {
		return err
	}
	return told{err, writer.ErrDiverged}
}

// told is what a leader has said, and the error that it meant.
type told struct {
	error
	is error
}

func (e told) Unwrap() []error { return []error{e.error, e.is} }

// appendFrame appends a frame to a message: number, length, bytes.
func appendFrame(b []byte, f journal.Frame) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(f.Seq))
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.Data)))
	return append(b, f.Data...)
}

const frameHead = 8 + 4

var errFrames = errors.New("frames are cut short")

// splitFrames appends the frames of a message. They share its memory.
func splitFrames(to []journal.Frame, b []byte) ([]journal.Frame, error) {
	frames := to
	for len(b) > 0 {
		if len(b) < frameHead {
			return to, errFrames
		}
		seq, n := binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint32(b[8:]))
		if b = b[frameHead:]; int64(len(b)) < n {
			return to, errFrames
		}
		frames = append(frames, journal.Frame{Seq: journal.Seq(seq), Data: b[:n:n]})
		b = b[n:]
	}
	return frames, nil
}
