package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/journal/progress"
)

// File is a snapshot file whose header has been read.
type File struct {
	*Reader
	Info Info
	f    *os.File
}

// Open opens a snapshot and reads its header, which must say the number that is in
// the file's name. Errors name the file. Whoever calls it closes the file.
func Open(path string) (*File, error) {
	f, err := OpenAs(path)
	if err != nil {
		return nil, err
	}
	if seq, ok := numberOf(path); ok && seq != f.Header.Pos.Seq {
		f.Close()
		return nil, in(path, &Damage{Cause: fmt.Sprintf("the header says number %d", f.Header.Pos.Seq)})
	}
	return f, nil
}

// OpenAs is Open for a file under any name.
func OpenAs(path string) (*File, error) {
	f, err := durable.Open(path)
	var other *durable.NotFile
	if errors.As(err, &other) {
		return nil, in(path, err)
	}
	if err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	var r *Reader
	st, err := f.Stat()
	if err != nil {
		err = fault.With(fault.Operator, err)
	} else {
		r, err = NewReader(f, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, in(path, err)
	}
	return &File{Reader: r, Info: r.Header.Info(path, st.Size()), f: f}, nil
}

// From is Open for a snapshot of size bytes that comes from r. It needs no Close.
func From(r io.Reader, size int64) (*File, error) {
	s, err := NewReader(r, size)
	if err != nil {
		return nil, err
	}
	return &File{Reader: s, Info: s.Header.Info("", size)}, nil
}

// Close closes the file.
func (f *File) Close() { _ = f.f.Close() } // it was only read

// In names the file in an error.
func (f *File) In(err error) error { return in(f.Info.Path, err) }

// StepVerify is the step of a progress.Meter in which snapshots are verified.
const StepVerify = "checking snapshots"

// Verify reads a whole snapshot and checks all of it.
func Verify(ctx context.Context, path string) (Info, error) {
	f, err := Open(path)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	var c Chunk
	shown, at := progress.Of(ctx), int64(0)
	if shown.Look().Step != StepVerify { // several are verified in one step
		shown.Step(StepVerify, progress.Bytes, f.Info.Bytes)
	}
	for {
		if err = f.Next(&c); err == io.EOF {
			return f.Info, nil
		}
		shown.Add(f.Offset() - at)
		at = f.Offset()
		if err = errors.Join(err, ctx.Err()); err != nil {
			return Info{}, f.In(err)
		}
	}
}

// in names the file in an error.
func in(path string, err error) error {
	var d *Damage
	var other *durable.NotFile
	if errors.As(err, &other) {
		return &Damage{Path: path, Cause: err.Error()}
	}
	if errors.Is(err, syscall.EIO) { // the disk can't read what it holds
		return &Damage{Path: path, Cause: fmt.Sprintf("%s: %s", path, err)}
	}
	if errors.As(err, &d) {
		d.Path = path
	}
	return fmt.Errorf("%s: %w", path, err)
}
