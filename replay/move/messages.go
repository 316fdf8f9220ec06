package move

import (
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/replay/cluster"
	"ledge/replay/wire"
)

// Subjects of the two sides' requests to each other. All but the offer go from the target to
// the source. PROTOCOL.md has the messages.
const (
	SubjectOffer     = "ledge.cluster.move.offer"
	SubjectHello     = "ledge.cluster.move.hello"
	SubjectFetch     = "ledge.cluster.move.fetch"
	SubjectFunctions = "ledge.cluster.move.functions"
	SubjectEnd       = "ledge.cluster.move.end"
	SubjectReady     = "ledge.cluster.move.ready"
	SubjectTaken     = "ledge.cluster.move.taken"
)

// maxOffer is how long an offer may be: each second slot is a range of its own.
const maxOffer = 96 << 10

// slotsText is ranges of slots as text: 0-99,120.
type slotsText []journal.SlotRange

func (s slotsText) MarshalText() ([]byte, error) { return []byte(journal.SlotsText(s)), nil }

func (s *slotsText) UnmarshalText(b []byte) (err error) {
	*s, err = journal.ParseSlots(string(b))
	return err
}

// moveID is a move's id.
type moveID = wire.Hex

// errNoMove is that a message names no move.
var errNoMove = errors.New("move is missing")

// offer is what a source tells the target of a move: that there is one.
type offer struct {
	Move    moveID      `json:"move"`
	Cluster wire.NodeID `json:"cluster"`
	Shard   wire.Hex    `json:"shard"` // the source's lineage
	Slots   slotsText   `json:"slots"`
	// Given says that the slots are the target's already, and wait for it.
	Given bool `json:"given,omitempty"`
}

// Check reports what is missing.
func (o *offer) Check() error {
	if o.Move == 0 || o.Cluster == "" || len(o.Slots) == 0 {
		return errors.New("move, cluster or slots is missing")
	}
	return nil
}

// phaseText is a phase of a move by its name, or unknown.
type phaseText cluster.Phase

// unknown is the phase of a move that a side has no row of.
const unknown phaseText = "unknown"

func (p *phaseText) UnmarshalText(b []byte) error {
	switch v := phaseText(b); v {
	case unknown, phaseText(cluster.Copying), phaseText(cluster.Ready), phaseText(cluster.Given), phaseText(cluster.Taken), phaseText(cluster.Ended):
		*p = v
		return nil
	}
	return fmt.Errorf("phase %q is none of a move's", wire.Clip(string(b), wire.MaxName))
}

// stands is how a move stands at whoever answers.
type stands struct {
	Phase phaseText `json:"phase"`
	Cause clipped   `json:"cause,omitempty"` // why it has ended without moving the slots
}

// Check reports what is missing.
func (s *stands) Check() error {
	if s.Phase == "" {
		return errors.New("phase is missing")
	}
	return nil
}

// clipped is a text for people, cut where it is too long.
type clipped string

func (c *clipped) UnmarshalText(b []byte) error {
	*c = clipped(wire.Clip(string(b), wire.MaxText))
	return nil
}

// hello says how far a target has come, by its own journal.
type hello struct {
	Move   moveID      `json:"move"`
	Cursor uint64      `json:"cursor"`
	Number journal.Seq `json:"number"`
	Digest wire.Hex    `json:"digest"`
	Epoch  uint64      `json:"epoch"`
	// Most is how many bytes of effects the target takes in one entry, 0 that it does not say.
	Most int `json:"most,omitempty"`
	// Waits is why the target could not go on when it tried last.
	Waits clipped `json:"waits,omitempty"`
}

// Check reports what is missing, or does not add up.
func (h *hello) Check() error {
	switch {
	case h.Move == 0:
		return errNoMove
	case h.Most < 0:
		return fmt.Errorf("at most %d bytes", h.Most)
	case h.Cursor > uint64(journal.MaxPosition)+1:
		return fmt.Errorf("cursor %d", h.Cursor)
	}
	return nil
}

// welcome is the source's answer to hello.
type welcome struct {
	stands
	Lineage wire.Hex `json:"lineage"`           // of the source's journal
	Session wire.Hex `json:"session,omitempty"` // by which pieces are fetched
	// Anew says that the source's journal does not have the target's number, or has
	// something else there: the target has to begin again.
	Anew bool        `json:"anew,omitempty"`
	Give given       `json:"give,omitzero"` // of a move that is given, or past that
	Last journal.Seq `json:"last"`
}

// given is what the source has given: nothing was written to the slots after the number,
// at which they had the digest.
type given struct {
	Epoch  uint64      `json:"epoch"`
	Number journal.Seq `json:"number"`
	Digest wire.Hex    `json:"digest"`
}

// Check reports what is missing.
func (w *welcome) Check() error {
	if err := w.stands.Check(); err != nil {
		return err
	}
	switch told := w.Give.Epoch > 0; {
	case !told && w.Phase == phaseText(cluster.Given), told && w.Phase == phaseText(cluster.Copying):
		return errors.New("what is given has an epoch, and nothing else does")
	}
	return nil
}

// fetch asks for a part of a piece, from an offset on.
type fetch struct {
	Move    moveID   `json:"move"`
	Session wire.Hex `json:"session"`
	Piece   uint64   `json:"piece"`
	Offset  int      `json:"offset"`
	Active  bool     `json:"active,omitempty"` // the target serves clients
}

// Check reports what is missing, or does not add up.
func (f *fetch) Check() error {
	if f.Move == 0 || f.Piece == 0 || f.Offset < 0 {
		return errors.New("move, piece or offset is missing")
	}
	return nil
}

// end asks the source to hold the slots: the target has nearly all.
type end struct {
	Move    moveID   `json:"move"`
	Session wire.Hex `json:"session"`
}

// Check reports what is missing.
func (e *end) Check() error {
	if e.Move == 0 {
		return errNoMove
	}
	return nil
}

// held is the source's answer to end: nothing is written to the slots after the number,
// as long as the source holds them.
type held struct {
	Number journal.Seq `json:"number"`
}

// Check has nothing to report.
func (*held) Check() error { return nil }

// ready says that the target has all up to the number at which the source holds the slots.
type ready struct {
	Move   moveID      `json:"move"`
	Number journal.Seq `json:"number"`
	Digest wire.Hex    `json:"digest"`
}

// Check reports what is missing.
func (r *ready) Check() error {
	if r.Move == 0 {
		return errNoMove
	}
	return nil
}

// verdict is the source's answer to ready.
type verdict struct {
	Give given `json:"give,omitzero"`
	// Differs says that the target's rows are not the source's: the target has to begin
	// again. Nothing is given.
	Differs bool `json:"differs,omitempty"`
}

// Check reports what does not add up.
func (v *verdict) Check() error {
	if v.Differs == (v.Give.Epoch > 0) {
		return errors.New("what is given has an epoch, and nothing else does")
	}
	return nil
}

// taken says that the target owns the slots.
type taken struct {
	Move moveID `json:"move"`
}

// Check reports what is missing.
func (t *taken) Check() error {
	if t.Move == 0 {
		return errNoMove
	}
	return nil
}
