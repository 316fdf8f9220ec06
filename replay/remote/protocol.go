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
	"ledge/journal/fault"
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
)

// Headers of replies.
const (
	headerKind  = "Ledge-Kind"
	headerLast  = "Ledge-Last"
	headerClass = "Ledge-Class"
	headerError = "Nats-Service-Error"
	headerCode  = "Nats-Service-Error-Code"
	headerSum   = "Ledge-Checksum"
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

// codes are the HTTP-like codes of the classes.
var codes = map[fault.Class]string{
	fault.Refused: "400", fault.Retryable: "503", fault.Operator: "409", fault.Fatal: "500",
}

// failure makes the reply that carries an error.
func failure(err error) *nats.Msg {
	m := nats.NewMsg("")
	class := fault.Of(err)
	m.Header.Set(headerError, err.Error())
	m.Header.Set(headerCode, codes[class])
	m.Header.Set(headerClass, class.String())
	if errors.Is(err, writer.ErrDiverged) {
		m.Header.Set(headerReason, reasonDiverged)
	}
	return m
}

// failed returns the error that a reply carries, or nil. One that is Fatal for
// the leader is for the replica's operator.
func failed(m *nats.Msg) error {
	text := m.Header.Get(headerError)
	if text == "" {
		return nil
	}
	class := fault.Operator
	for _, c := range []fault.Class{fault.Refused, fault.Retryable} {
		if m.Header.Get(headerClass) == c.String() {
			class = c
		}
	}
	text = clip(text, maxText)
	err := errors.New(text)
	if m.Header.Get(headerReason) == reasonDiverged {
		err = told{text, writer.ErrDiverged}
	}
	return fault.As(class, "leader", err)
}

// told is what a leader has said, and the error that it meant.
type told struct {
	text string
	is   error
}

func (e told) Error() string { return e.text }
func (e told) Unwrap() error { return e.is }

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
