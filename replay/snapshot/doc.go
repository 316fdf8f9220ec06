// Package snapshot has the files that a state is saved in: their layout, which
// SNAPSHOT.md shows as tables, a Writer and a Reader of it, and what there is of
// them in a directory. It knows rows and bodies, and nothing of the state that
// they make up.
package snapshot

import (
	"unsafe"

	"ledge/journal"
	"ledge/replay/value"
)

// LibrariesNumber stands for the function libraries where databases are numbered.
const LibrariesNumber = 1 << 16

// tableNumbers has what stands for a table where databases are numbered.
var tableNumbers = map[string]int{"slots": LibrariesNumber + 1, "moves": LibrariesNumber + 2}

// TableShare is what a table of that name with a digest counts as in the digest of a
// state; false if no such table is known.
func TableShare(name string, d journal.Digest) (journal.Digest, bool) {
	i, ok := tableNumbers[name]
	if !ok {
		return 0, false
	}
	return Numbered(d, i), true
}

// TableDigest is what a row of a table adds to the table's digest.
func TableDigest(key, val string) journal.Digest { return value.RowDigest(value.Sum(key), val) }

// Numbered is what the digest of a database's rows counts as database i in the
// digest of a state, which is the sum over all.
func Numbered(d journal.Digest, i int) journal.Digest {
	return d * journal.Digest(value.Mix(uint64(i)+1)|1)
}

// LibraryDigest is what a function library adds to the digest of all.
func LibraryDigest(name, code string) journal.Digest {
	return value.RowDigest(value.Sum(name), code)
}

func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
