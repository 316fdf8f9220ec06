package journal

import (
	"bytes"
	"context"
	"iter"

	"ledge/journal/fault"
)

// History is a journal as those see it who only read: its batches, each of which
// has been checked. A *Log is one.
type History interface {
	// Lineage returns the journal's identity.
	Lineage() Lineage
	// Stat returns what the journal spans.
	Stat(ctx context.Context) (Stat, error)
	// Read yields the batches from number from to the last. Each has been checked
	// against its checksum, number and lineage, and its epoch against the one
	// before; a failure ends the sequence and names the number.
	Read(ctx context.Context, from Seq) iter.Seq2[Committed, error]
}

// NewHistory returns the history of that lineage which r has.
func NewHistory(r Reader, l Lineage) History { return history{r, l} }

type history struct {
	reader  Reader
	lineage Lineage
}

func (h history) Lineage() Lineage { return h.lineage }

func (h history) Stat(ctx context.Context) (Stat, error) { return h.reader.Stat(ctx) }

func (h history) Read(ctx context.Context, from Seq) iter.Seq2[Committed, error] {
	return func(yield func(Committed, error) bool) {
		want, epoch := from, uint64(0)
		var c coder
		for f, err := range h.reader.Read(ctx, from) {
			if err != nil {
				yield(Committed{}, fault.As(fault.Fatal, "read the journal", err))
				return
			}
			f.Data = bytes.Clone(f.Data) // the batch is made of it
			b, err := h.check(&c, f, want, epoch)
			if err != nil {
				yield(Committed{}, err)
				return
			}
			want, epoch = want+1, b.batch.Epoch
			if !yield(b, nil) {
				return
			}
		}
	}
}

// check decodes the frame that must have number want, and an epoch no earlier than
// the one of the batch before it.
func (h history) check(c *coder, f Frame, want Seq, epoch uint64) (Committed, error) {
	if f.Seq != want {
		return Committed{}, Damaged(want, "the next one that is there is number %d", f.Seq)
	}
	b, err := c.decodeFrame(effects, f.Data, h.lineage, want)
	if err != nil {
		return Committed{}, err
	}
	if b.Epoch < epoch {
		return Committed{}, Damaged(want, "epoch falls from %d to %d", epoch, b.Epoch)
	}
	return Committed{seq: want, batch: b, size: len(f.Data)}, nil
}
