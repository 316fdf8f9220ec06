package appliance

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// identityCopy is ledge.json once more. What is in it can't be found out from
// anything else: whom the node follows, for one. Each has a checksum, and a count
// that tells the newer one.
const identityCopy = identityFile + ".copy"

// identity is what ledge.json says.
type identity struct {
	Format  int       `json:"format"`
	State   string    `json:"state"`
	Lineage string    `json:"lineage"`
	Node    string    `json:"node"`
	Created time.Time `json:"created"`
	// Databases is the number the node was last opened with, so that tools
	// which read a stopped node need not be told.
	Databases int `json:"databases"`
	// ID is what the node is called in a cluster, 40 hexadecimal digits; none is that it
	// has not been in one.
	ID string `json:"id,omitempty"`
	// Restored is that the directory is a backup's of a cluster's shard, and that nobody has
	// said yet whether its slots are still that shard's. Alone is that it serves them until
	// somebody does, since nobody was heard.
	Restored bool `json:"restored,omitempty"`
	Alone    bool `json:"alone,omitempty"`
	// Follow is the leader's URL while an operator has the node follow one.
	Follow string `json:"follow,omitempty"`
	// Promoted is what the option follow was when the node was made to lead: one that
	// names that leader still is of the past. Any other was given since.
	Promoted string `json:"promoted,omitempty"`
	// Adopt is what is to be put in place of the journal; see adopt.
	Adopt *adoption `json:"adopt,omitempty"`
	// Epoch is the least that the next epoch may be. A repair that loses numbers
	// sets it beyond all that the lost ones can have had, so that a number which
	// is used again never has the epoch it had before.
	Epoch uint64 `json:"epoch,omitempty"`
	// Repaired is the last repair that has lost something.
	Repaired *repaired `json:"repaired,omitempty"`
	// Written counts how often the file was, and Sum is the CRC-32 of the rest,
	// in hex. A file of an older program has neither.
	Written uint64 `json:"written,omitempty"`
	Sum     string `json:"sum,omitempty"`
}

// repaired is what a repair has lost.
type repaired struct {
	At time.Time `json:"at"`
	// First to Last are the numbers that are lost.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Aside is where the files are that were changed, relative to the directory.
	Aside string `json:"aside"`
}

// sum returns the checksum of everything but itself.
func (id identity) sum() string {
	id.Sum = ""
	b, err := json.Marshal(id)
	if err != nil {
		panic(err) // it has nothing that can't be written
	}
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE(b))
}

// errIdentity says that a file is no identity.
var errIdentity = errors.New("not what ledge writes")

// readIdentity reads one of the two files.
func readIdentity(path string) (identity, error) {
	var id identity
	b, err := durable.ReadFile(path)
	var other *durable.NotFile
	if errors.As(err, &other) { // the file itself is lost
		err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	if err != nil {
		return id, err
	}
	if err := json.Unmarshal(b, &id); err != nil {
		return id, fmt.Errorf("%s: %w: %w", path, errIdentity, err)
	}
	if id.Format > directoryFormat {
		return id, optionFault("dir", fmt.Errorf("%s has format %d; this program knows up to %d: "+
			"use the program that wrote it, or newer", filepath.Dir(path), id.Format, directoryFormat))
	}
	if id.Sum != "" && id.Sum != id.sum() {
		return id, fmt.Errorf("%s: %w: its checksum is %s; it says %s", path, errIdentity, id.sum(), id.Sum)
	}
	_, err = strconv.ParseUint(id.Lineage, 16, 64)
	if err != nil || id.Format < 1 || id.State != stateCreating && id.State != stateReady {
		return id, fmt.Errorf("%s: %w: %.200q", path, errIdentity, b)
	}
	return id, nil
}

// load reads ledge.json, or its copy where that is newer or the only one that
// can be read. fs.ErrNotExist means that there is neither.
func (d *directory) load() error {
	path, second := filepath.Join(d.path, identityFile), filepath.Join(d.path, identityCopy)
	id, err := readIdentity(path)
	copied, cerr := readIdentity(second)
	var option *OptionError
	switch {
	case errors.As(err, &option):
		return err // of a newer program, whatever the copy says
	case err != nil && errors.As(cerr, &option):
		return cerr
	case err == nil && (cerr != nil || id.Sum == "" || copied.Written <= id.Written):
		// One without a checksum is an older program's, which knows no copy.
		if id.Sum != "" && (cerr != nil || copied.Written != id.Written) {
			d.note("%s is not as %s is; it is written again", second, path)
		}
	case cerr == nil && err == nil:
		d.note("%s is older than %s, which is taken for it", path, second)
		id = copied
	case cerr == nil:
		d.note("%s is taken from %s: %s", path, second, err)
		id = copied
	case errors.Is(err, fs.ErrPermission): // nothing is known to be damaged
		return fault.With(fault.Operator, err)
	case errors.Is(err, fs.ErrNotExist) && errors.Is(cerr, fs.ErrNotExist):
		return fault.With(fault.Operator, err)
	case !hasData(d.path):
		return fault.With(fault.Operator, fmt.Errorf("%w; there is no journal beside it: remove it to begin anew", err))
	default:
		return fault.With(fault.Operator, journal.Damage(
			fmt.Errorf("%w; run: %s --apply", err, commandFor("journal repair", d.path))))
	}
	id.Written = max(id.Written, copied.Written)
	n, _ := strconv.ParseUint(id.Lineage, 16, 64) // readIdentity has looked at it
	d.id, d.lineage = id, journal.Lineage(n)
	return nil
}

// note remembers something that is not as it should be, costs nothing and is
// made good at start.
func (d *directory) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// store writes the identity if it has changed or a file does not have it: each
// whole or not at all.
func (d *directory) store(id identity) error {
	path, second := filepath.Join(d.path, identityFile), filepath.Join(d.path, identityCopy)
	id.Written = d.id.Written
	id.Sum = id.sum()
	if sameIdentity(id, d.id) {
		had, err := readIdentity(path)
		copied, cerr := readIdentity(second)
		if err == nil && cerr == nil && sameIdentity(had, id) && sameIdentity(copied, id) {
			d.id = id
			return nil
		}
	}
	id.Written++
	id.Sum = id.sum()
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fault.With(fault.Fatal, err)
	}
	for _, p := range []string{path, second} {
		err := keepSpoiled(p)
		if err == nil {
			err = durable.Replace(p, append(b, '\n'))
		}
		if err != nil {
			return fault.With(fault.Operator, err)
		}
	}
	d.id = id
	return nil
}

// keepSpoiled moves a file out of the way that is no identity, as evidence.
func keepSpoiled(path string) error {
	if _, err := readIdentity(path); !errors.Is(err, errIdentity) {
		return nil
	}
	to := filepath.Join(filepath.Dir(path), asideName(), filepath.Base(path))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.Rename(path, to)
}

// sameIdentity reports whether two say the same.
func sameIdentity(a, b identity) bool { return a.Written == b.Written && a.sum() == b.sum() }
