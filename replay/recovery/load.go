package recovery

import (
	"context"
	"io"

	"ledge/replay"
	"ledge/replay/snapshot"
)

// Load returns the state that a snapshot file holds, with at least the given number
// of databases. All of it is checked; a snapshot.Damage says where it is not what was
// written.
func Load(ctx context.Context, path string, databases int) (*replay.State, snapshot.Info, error) {
	return load(ctx, path, databases, snapshot.Open)
}

// LoadAs is Load for a file under any name.
func LoadAs(ctx context.Context, path string, databases int) (*replay.State, snapshot.Info, error) {
	return load(ctx, path, databases, snapshot.OpenAs)
}

func load(ctx context.Context, path string, databases int,
	open func(string) (*snapshot.File, error)) (*replay.State, snapshot.Info, error) {
	f, err := open(path)
	if err != nil {
		return nil, snapshot.Info{}, err
	}
	defer f.Close()
	s, err := replay.Load(ctx, f, databases)
	if err != nil {
		return nil, snapshot.Info{}, f.In(err)
	}
	return s, f.Info, nil
}

// LoadFrom is Load for a snapshot of size bytes that comes from r. The state has as
// many databases as the snapshot, if those are more.
func LoadFrom(ctx context.Context, r io.Reader, size int64, databases int) (*replay.State, snapshot.Info, error) {
	f, err := snapshot.From(r, size)
	if err != nil {
		return nil, snapshot.Info{}, err
	}
	s, err := replay.Load(ctx, f, max(databases, f.Header.Databases))
	return s, f.Info, err
}
