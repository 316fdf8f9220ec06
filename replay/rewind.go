package replay

import (
	"context"
	"io"
	"math"

	"ledge/journal"
	"ledge/replay/snapshot"
)

// ReadSnapshot is LoadSnapshot for one of size bytes that comes from r.
func ReadSnapshot(ctx context.Context, r io.Reader, size int64, databases int) (*State, snapshot.Info, error) {
	f, err := snapshot.From(r, size)
	if err != nil {
		return nil, snapshot.Info{}, err
	}
	s, err := loadSnapshot(ctx, f, max(databases, f.Header.Databases))
	return s, f.Info, err
}

// CatchUpAll applies all that src has after the state's position, as a recovery
// does. Where that ends is for whoever calls to judge.
func CatchUpAll(ctx context.Context, src Source, st *State) error {
	st.loosen()
	defer st.tighten()
	return catchUpOnce(ctx, src, st, math.MaxUint64)
}

// Position returns the position that has been applied, and the epoch there.
func (s *State) Position() (journal.Pos, uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pos, s.epoch
}
