package jet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// mark remembers what the block files can't show by themselves: what has been
// truncated on purpose, and how far the journal reached at least. Without it a lost
// first or last block looks like a shorter journal.
//
// It is a small file with two slots that are written in turn and in place. So a full
// disk can't stop it, and a write that is torn leaves the other slot, the older one.
type mark struct {
	lineage journal.Lineage
	// floor is the number up to which frames may be gone. It is stored before
	// the frames go.
	floor journal.Seq
	// last is the witness: a number that was surely stored and synced.
	last journal.Seq
	// head is how the frame with number last begins, if headed.
	head   [tipSize]byte
	headed bool
	// clean: the journal was closed in good order and ends at last.
	clean bool
	// synced: appends are synced, so what the broker's index has counted must
	// be there.
	synced bool
}

// seal tells the store where a journal that was closed in good order ends.
func (m mark) seal(s *blocks.Store) {
	if m.clean {
		s.Seal(m.last)
	}
}

const (
	markFile = "mark"
	// markCopy is a copy of the mark, which is there while the journal is closed.
	markCopy  = "mark.copy"
	markMagic = "LDGM"
	slotSize  = 512
	slotUsed  = 4 + 8 + 8 + 8 + 8 + 1 + 4
	// A slot with a head has it, and a checksum of everything before, after the
	// part that every slot has.
	slotHeaded = slotUsed + tipSize + 4

	flagClean  = 1
	flagSynced = 2
	flagHeaded = 4
)

// marker writes the mark. Truncate, Close and the witness may meet, so it has a lock,
// which is taken after api and shape and before the witness's.
type marker struct {
	mu   sync.Mutex
	path string
	gen  uint64 // of the newest slot
	m    mark
	note string // why the copy was read in its place
}

// loadMark reads the mark in dir, or its copy where that is newer or the only
// one that can be read. A missing one is fs.ErrNotExist. It changes nothing.
func loadMark(dir string) (*marker, error) {
	k, err := readMark(filepath.Join(dir, markFile))
	c, cerr := readMark(filepath.Join(dir, markCopy))
	switch {
	case errors.Is(cerr, journal.ErrNewer):
		return nil, cerr
	case cerr != nil || err == nil && c.gen <= k.gen:
		return k, err
	case err == nil:
		c.note = fmt.Sprintf("%s is older than %s, which is taken for it", k.path, c.path)
	case errors.Is(err, fs.ErrNotExist):
		c.note = fmt.Sprintf("%s is missing; %s is taken for it", filepath.Join(dir, markFile), c.path)
	case errors.Is(err, journal.ErrDamage):
		c.note = fmt.Sprintf("%s; %s is taken for it", err, c.path)
	default:
		return nil, err
	}
	c.path = filepath.Join(dir, markFile)
	return c, nil
}

func readMark(path string) (*marker, error) {
	b, err := durable.ReadFile(path)
	var other *durable.NotFile
	if errors.As(err, &other) { // the file itself is lost
		err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	if err != nil {
		return nil, blocks.Unreadable(err)
	}
	k, newer := &marker{path: path}, false
	for i := 0; i+slotSize <= min(len(b), 2*slotSize); i += slotSize {
		if m, gen, ok := decodeSlot(b[i : i+slotSize]); ok && gen > k.gen {
			k.gen, k.m = gen, m
		}
		newer = newer || newerSlot(b[i:i+slotSize])
	}
	if newer {
		return nil, journal.Newer("%s is of a format which this program does not know; it knows %s", path, markMagic)
	}
	if k.gen == 0 {
		return nil, fault.With(fault.Fatal, journal.Damage(fmt.Errorf(
			"%s vouches for the journal and can't be read", path)))
	}
	return k, nil
}

// reopen makes the mark the only one, before anything is written that the copy
// knows nothing of.
func (k *marker) reopen() error {
	dir := filepath.Dir(k.path)
	if k.note != "" {
		if err := putMark(dir, k.m, k.gen); err != nil {
			return err
		}
		k.gen++
	}
	err := os.Remove(filepath.Join(dir, markCopy))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = durable.File(dir)
	}
	return err
}

// close notes where the journal ends, in both slots and in the copy, so that one
// of them may be lost.
func (k *marker) close(change func(*mark)) error {
	if err := errors.Join(k.update(change), k.update(change)); err != nil {
		return err
	}
	if b, err := durable.ReadFile(k.path); err == nil {
		// On a full disk there is none, and the mark itself is whole.
		_ = durable.Replace(filepath.Join(filepath.Dir(k.path), markCopy), b)
	}
	return nil
}

// createMark makes the file, before the stream exists. The journal will begin after
// number floor.
func createMark(dir string, l journal.Lineage, floor journal.Seq) (*marker, error) {
	k := &marker{path: filepath.Join(dir, markFile), m: mark{lineage: l, floor: floor, last: floor}}
	f, err := durable.OpenFile(k.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(make([]byte, 2*slotSize))
	if err = errors.Join(err, f.Close()); err == nil {
		err = k.update(func(*mark) {})
	}
	if err != nil { // half a mark would vouch for a journal that has been
		return nil, errors.Join(err, os.Remove(k.path))
	}
	return k, nil
}

// update changes the mark and returns when it is on disk.
func (k *marker) update(change func(*mark)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.m
	last := m.last
	m.headed = false // unless change knows it, or the number stays
	change(&m)
	if m.last == last && !m.headed {
		m.headed = k.m.headed
	}
	f, err := durable.OpenFile(k.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	gen := k.gen + 1
	_, err = f.WriteAt(encodeSlot(m, gen), int64(gen%2)*slotSize)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	k.m, k.gen = m, gen
	return nil
}

func (k *marker) get() mark {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.m
}

func encodeSlot(m mark, gen uint64) []byte {
	b := append(make([]byte, 0, slotSize), markMagic...)
	for _, v := range []uint64{gen, uint64(m.lineage), uint64(m.floor), uint64(m.last)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	var flags byte
	if m.clean {
		flags |= flagClean
	}
	if m.synced {
		flags |= flagSynced
	}
	if m.headed {
		flags |= flagHeaded
	}
	b = append(b, flags)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	if m.headed {
		b = append(b, m.head[:]...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	}
	return b
}

// newerSlot reports whether a slot is of a format that comes after ours. All formats
// have the letters, their own letter after them, and the checksum where ours has them.
func newerSlot(b []byte) bool {
	const letter = len(markMagic) - 1
	return string(b[:letter]) == markMagic[:letter] && b[letter] > markMagic[letter] &&
		crc32.ChecksumIEEE(b[:slotUsed-4]) == binary.BigEndian.Uint32(b[slotUsed-4:])
}

func decodeSlot(b []byte) (mark, uint64, bool) {
	sum := binary.BigEndian.Uint32(b[slotUsed-4:])
	if string(b[:4]) != markMagic || crc32.ChecksumIEEE(b[:slotUsed-4]) != sum {
		return mark{}, 0, false
	}
	u := func(i int) uint64 { return binary.BigEndian.Uint64(b[4+8*i:]) }
	m := mark{
		lineage: journal.Lineage(u(1)),
		floor:   journal.Seq(u(2)),
		last:    journal.Seq(u(3)),
		clean:   b[36]&flagClean != 0,
		synced:  b[36]&flagSynced != 0,
		headed:  b[36]&flagHeaded != 0,
	}
	if m.headed {
		sum := binary.BigEndian.Uint32(b[slotHeaded-4:])
		if crc32.ChecksumIEEE(b[:slotHeaded-4]) != sum {
			return mark{}, 0, false
		}
		copy(m.head[:], b[slotUsed:])
	}
	return m, u(0), true
}

// putMark writes a mark in place of whatever is there, whole or not at all. It
// has m in both slots.
func putMark(dir string, m mark, gen uint64) error {
	b := make([]byte, 2*slotSize)
	copy(b[(gen%2)*slotSize:], encodeSlot(m, gen))
	copy(b[((gen+1)%2)*slotSize:], encodeSlot(m, gen+1))
	return durable.Replace(filepath.Join(dir, markFile), b)
}
