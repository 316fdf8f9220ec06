package backup

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
)

// The golden part can be read by the page's tables alone: the header's fields follow
// each other, and say what the program reads in it.
func TestBackupPage(t *testing.T) {
	b, err := os.ReadFile("testdata/journal-1.backup")
	if err != nil {
		t.Fatal(err)
	}
	h, err := decodeHeader(b[:headerSize])
	if err != nil {
		t.Fatal(err)
	}
	fields, next := map[string]uint64{}, 0
	for _, row := range pagetest.Table(t, "BACKUP.md", "## Header, 160 bytes") {
		at, err := strconv.Atoi(row[0])
		size, serr := strconv.Atoi(row[1])
		if err != nil || serr != nil || at != next {
			t.Fatalf("BACKUP.md: %q stands at %s with %s bytes; want it at %d", row[2], row[0], row[1], next)
		}
		if next += size; size <= 8 {
			fields[row[2]] = binary.BigEndian.Uint64(append(make([]byte, 8-size), b[at:next]...))
		}
	}
	if next != headerSize {
		t.Errorf("BACKUP.md has a header of %d bytes; want %d", next, headerSize)
	}
	for begins, want := range map[string]uint64{
		"format version": version, "databases": uint64(h.Databases), "lineage": uint64(h.Lineage),
		"number after": uint64(h.After.Seq), "last number": uint64(h.Last.Seq), "bytes of the snapshot": uint64(h.Snapshot),
		"when the part": uint64(h.Created.UnixMilli()), "checksum": uint64(headerSum(b)),
	} {
		found := false
		for text, got := range fields {
			if strings.HasPrefix(text, begins) {
				if found = true; got != want {
					t.Errorf("BACKUP.md: %q is %d; want %d", text, got, want)
				}
			}
		}
		if !found {
			t.Errorf("BACKUP.md has no field %q", begins)
		}
	}
	next = 0
	for _, row := range pagetest.Table(t, "BACKUP.md", "## Chunk")[:5] {
		size, _ := strconv.Atoi(row[1])
		next += size
	}
	if next != chunkHeaderSize {
		t.Errorf("BACKUP.md has a chunk header of %d bytes; want %d", next, chunkHeaderSize)
	}
}
