package jet

import (
	"context"
	"os"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
)

// Settle asks what became of the numbers behind prev.
func (j *Journal) Settle(ctx context.Context, prev journal.Seq, frames [][]byte, cause error) (int, error) {
	n, err := j.settle(ctx, prev, frames, cause)
	if err != nil {
		j.last.Store(uint64(prev) + uint64(n))
	}
	return n, err
}

// BreakWire ends the connection that appends go over.
func (j *Journal) BreakWire() { j.wire.close() }

// Stream returns the stream that the journal is kept in.
func (j *Journal) Stream() *broker.Stream { return j.stream }

// Record is where a frame stands in its block.
type Record struct {
	Seq  journal.Seq
	Path string
	Off  int64
	Size int
}

// Records lists the frames of the store in dir.
func Records(dir string) ([]Record, error) {
	var rs []Record
	k, err := loadMark(dir)
	if err != nil {
		return nil, err
	}
	floor := k.get().floor
	_, err = blocks.NewStore(dir).Walk(context.Background(), floor, floor+1, nil, func(r blocks.Record, p blocks.Place) error {
		rs = append(rs, Record{r.Seq, p.Path, p.Off, r.Size})
		return nil
	})
	return rs, err
}

// VerifyRecords is Verify for frames that aren't real ones.
func VerifyRecords(dir string) (Summary, error) {
	k, err := loadMark(dir)
	if err != nil {
		return Summary{}, err
	}
	sum, _, err := verify(context.Background(), blocks.NewStore(dir), k.get(), nil)
	return sum, err
}

// CopyDir copies the store as a killed process leaves it.
func CopyDir(to, from string) error { return os.CopyFS(to, os.DirFS(from)) }

// SetGuard guards the journal in dir, as before the broker loads it.
func SetGuard(dir string) error { return broker.NewGuard(dir, blocks.NewStore(dir)).Set() }

// Last returns the last number.
func (j *Journal) Last() uint64 { return j.last.Load() }

// MarkLast returns the number that the mark in dir says was stored.
func MarkLast(dir string) (journal.Seq, error) {
	k, err := loadMark(dir)
	if err != nil {
		return 0, err
	}
	return k.get().last, nil
}

// MarkWrites returns how often the mark has been written.
func MarkWrites(j *Journal) uint64 {
	j.mark.mu.Lock()
	defer j.mark.mu.Unlock()
	return j.mark.gen
}

// Shape keeps syncs away as while the broker removes and renames blocks, until
// the function that it returns is called.
func (j *Journal) Shape() (done func()) {
	j.shape <- struct{}{}
	return func() { <-j.shape }
}

// Rest has the witness look at a journal that has not moved.
func (j *Journal) Rest(ctx context.Context) {
	for range 10 {
		j.witness.write(ctx, j)
	}
}
