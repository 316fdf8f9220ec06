package blocks

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ledge/journal"
	"ledge/journal/durable"
)

// IndexLast returns the last number that the broker's index knows of. The index
// may be old, so there may be more; it never counts what was not stored.
func (s Store) IndexLast() (journal.Seq, bool) {
	b, err := durable.ReadFile(filepath.Join(s.Dir, BlockDir, IndexFile))
	if err != nil || len(b) < 2+recordHash {
		return 0, false
	}
	b, sum := b[:len(b)-recordHash], b[len(b)-recordHash:]
	if !bytes.Equal(streamSum(b), sum) {
		return 0, false
	}
	// After magic and version: messages, bytes, first, time of first, last.
	var v uint64
	for rest, i := b[2:], 0; i < 5; i++ {
		var n int
		if v, n = binary.Uvarint(rest); n <= 0 {
			return 0, false
		}
		rest = rest[n:]
	}
	return journal.Seq(v), true
}

// DropIndex removes the broker's index, which it makes again from the blocks.
func (s Store) DropIndex() error {
	err := os.Remove(filepath.Join(s.Dir, BlockDir, IndexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ReadMeta returns the stream's configuration as the broker has written it, once
// its checksum is seen to be right.
func (s Store) ReadMeta() ([]byte, error) {
	path := filepath.Join(s.Dir, MetaFile)
	b, err := durable.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the stream's configuration: %w", err)
	}
	sum, err := durable.ReadFile(filepath.Join(s.Dir, MetaSum))
	if err != nil {
		return nil, fmt.Errorf("read the checksum of the stream's configuration: %w", err)
	}
	if got := hex.EncodeToString(streamSum(b)); got != string(sum) {
		return nil, fmt.Errorf("the checksum of %s is %s; %s says %.16q", path, got, MetaSum, sum)
	}
	return b, nil
}

// WriteMeta writes the stream's configuration, and its checksum after it: only
// with the checksum does the configuration count.
func (s Store) WriteMeta(b []byte) error {
	if err := durable.Replace(filepath.Join(s.Dir, MetaFile), b); err != nil {
		return err
	}
	sum := hex.EncodeToString(streamSum(b))
	return durable.Replace(filepath.Join(s.Dir, MetaSum), []byte(sum))
}

// streamSum is the checksum of a file that belongs to the stream as a whole. Its
// bytes are in the order in which the broker writes them.
func streamSum(b []byte) []byte {
	h := newHash(Stream)
	h.Write(b)
	return h.Sum(nil)
}
