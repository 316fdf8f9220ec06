package snapshot

import (
	"encoding/binary"

	"ledge/journal"
)

// library takes in a function library. They come in order of their names.
func (s *Reader) library(b []byte) error {
	size, n := binary.Uvarint(b)
	if n <= 0 || size >= uint64(len(b)-n) {
		return s.damaged("a function of %d bytes", len(b))
	}
	name, code := string(b[n:n+int(size)]), string(b[n+int(size):])
	if len(s.Libraries) > 0 && name <= s.last {
		return s.damaged("function %.64q is out of order", name)
	}
	s.last = name
	s.Libraries = append(s.Libraries, Library{name, code})
	return nil
}

// tableRow takes in a row of a table. They come in order of tables and keys.
func (s *Reader) tableRow(b []byte) error {
	name, rest, ok := cutText(b)
	key, val, ok2 := cutText(rest)
	if _, known := TableShare(name, 0); !ok || !ok2 || !known {
		return s.damaged("a row of table %.64q in %d bytes", name, len(b))
	}
	r := TableRow{name, key, string(val)}
	if n := len(s.Tables); n > 0 {
		if last := s.Tables[n-1]; r.Table < last.Table || r.Table == last.Table && r.Key <= last.Key {
			return s.damaged("row %.64q of table %s is out of order", r.Key, r.Table)
		}
	}
	s.Tables = append(s.Tables, r)
	return nil
}

// cutText returns the text that b begins with, after its length, and what follows.
func cutText(b []byte) (t string, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return "", nil, false
	}
	return string(b[n : n+int(size)]), b[n+int(size):], true
}

// tablesDigest is what libraries and tables add to the digest of all.
func (s *Reader) tablesDigest() journal.Digest {
	var libraries, sum, of journal.Digest
	for _, l := range s.Libraries {
		libraries += LibraryDigest(l.Name, l.Code)
	}
	for i, r := range s.Tables {
		of += TableDigest(r.Key, r.Val)
		if i+1 == len(s.Tables) || s.Tables[i+1].Table != r.Table {
			share, _ := TableShare(r.Table, of)
			sum, of = sum+share, 0
		}
	}
	return sum + Numbered(libraries, LibrariesNumber)
}
