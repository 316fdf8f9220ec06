// Package journal holds what is written down: the effects of commands, grouped
// into entries and batches, the frame that carries a batch, and the Log that
// appends frames to a Driver and reads them back. FORMAT.md has the byte tables.
//
// A batch is one append, one sync and one number. Numbers run 1, 2, 3 … with
// no gaps. Whatever is read back has had its checksum, number, lineage and
// epoch checked; a missing, reordered, flipped or foreign frame is an error
// that names the number. It is never skipped.
package journal

import (
	"errors"
	"fmt"
	"time"

	"ledge/journal/fault"
)

// Seq is a batch's number in the journal.
type Seq uint64

// Digest sums up all rows of a state. It does not depend on their order, so it
// can be kept rolling.
type Digest uint64

// String shows a digest as logs and status replies have it.
func (d Digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// Pos is a point in a journal's history. Two states with the same Seq and
// different Digests have diverged.
type Pos struct {
	Seq    Seq
	Digest Digest
}

// String shows a position as number and digest.
func (p Pos) String() string { return fmt.Sprintf("%d/%s", p.Seq, p.Digest) }

// Lineage tells one journal from every other. It is drawn at random when the
// journal is created, and is in every frame and snapshot.
type Lineage uint64

// String shows a lineage in hexadecimal.
func (l Lineage) String() string { return fmt.Sprintf("%016x", uint64(l)) }

// Entry is what one command, one MULTI…EXEC or one script did. It stands whole
// or not at all.
type Entry struct {
	// At is when the leader evaluated it, to the millisecond. It is for
	// people; nothing is computed from it.
	At  time.Time
	Ops []Op
}

// Batch is one append: the entries of all commands that were answered
// together.
type Batch struct {
	// Epoch rises each time a node becomes able to write, so that a number
	// reused after a lost tail can be told from the one that was lost.
	Epoch uint64
	// Prev is the digest of the state that the batch applies to.
	Prev    Digest
	Entries []Entry
}

// Committed is a batch that is stored in the journal. Only this package can make
// one, so whoever holds one may apply it.
type Committed struct {
	seq   Seq
	batch Batch
	size  int
}

// Seq returns the batch's number.
func (c Committed) Seq() Seq { return c.seq }

// Batch returns what the journal holds under that number. It must not be
// changed.
func (c Committed) Batch() Batch { return c.batch }

// Size returns the length of the stored frame in bytes.
func (c Committed) Size() int { return c.size }

// Limits of a frame. A frame must fit the broker's record limit of 32 MiB.
const (
	// MaxEntry is the most that one entry may take once encoded.
	MaxEntry = 16 << 20
	// SoftBatch is where a writer stops adding entries to a batch.
	SoftBatch = 1 << 20
	// MaxFrame is the longest frame: a batch just under SoftBatch may still
	// take one entry of MaxEntry.
	MaxFrame = MaxEntry + SoftBatch + headerSize
)

// ErrDamage is wrapped by every error that says that something which was written
// is not there, or not as it was written. What can still be served of it, a
// survey of the files tells.
var ErrDamage = errors.New("damaged")

// Damage makes err an ErrDamage and leaves its words alone.
func Damage(err error) error { return &damage{err} }

type damage struct{ error }

func (d *damage) Unwrap() error { return d.error }

// Is reports whether target is ErrDamage.
func (d *damage) Is(target error) bool { return target == ErrDamage }

// DamageError says that the journal is not what was written, and where. It is an
// ErrDamage.
type DamageError struct {
	Seq   Seq
	Cause string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("journal damaged at number %d: %s", e.Seq, e.Cause)
}

// Is reports whether target is ErrDamage.
func (e *DamageError) Is(target error) bool { return target == ErrDamage }

// Damaged returns a Fatal error, a *DamageError, for the batch at seq.
func Damaged(seq Seq, format string, args ...any) error {
	return fault.With(fault.Fatal, &DamageError{Seq: seq, Cause: fmt.Sprintf(format, args...)})
}
