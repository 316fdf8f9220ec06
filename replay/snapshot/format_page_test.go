package snapshot

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
)

const formatPage = "SNAPSHOT.md"

// pageField is a field in one of the page's tables.
type pageField struct {
	at, size int
	text     string
}

// pageFields reads a table of fields, which must follow each other without gaps.
func pageFields(t *testing.T, heading string) (list []pageField, size int) {
	t.Helper()
	for _, row := range pagetest.Table(t, formatPage, heading) {
		at, err := strconv.Atoi(row[0])
		if err != nil || at != size {
			t.Fatalf("%s: %q is at %s; want %d, where the field before it ends", formatPage, row[2], row[0], size)
		}
		n, err := strconv.Atoi(row[1])
		if err != nil { // the payload
			break
		}
		list = append(list, pageField{at, n, row[2]})
		size += n
	}
	return list, size
}

// number returns the field whose text begins so.
func number(t *testing.T, list []pageField, b []byte, begins string) uint64 {
	t.Helper()
	for _, f := range list {
		if strings.HasPrefix(f.text, begins) {
			return binary.BigEndian.Uint64(append(make([]byte, 8-f.size), b[f.at:f.at+f.size]...))
		}
	}
	t.Fatalf("%s has no field %q", formatPage, begins)
	return 0
}

// The golden snapshot can be read by the page's tables alone: its header says what
// the program reads in it, and its chunks follow each other up to the trailer, whose
// counts are right.
func TestSnapshotPage(t *testing.T) {
	b, err := os.ReadFile("../testdata/snapshot-2.snap")
	if err != nil {
		t.Fatal(err)
	}
	want, err := decodeHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	header, size := pageFields(t, "## Header, 64 bytes")
	if size != headerSize || !strings.HasPrefix(string(b), strings.Trim(header[0].text, "`")) {
		t.Fatalf("%s: a header of %d bytes with %s; want %d", formatPage, size, header[0].text, headerSize)
	}
	for begins, value := range map[string]uint64{
		"format version": untabled, "how many databases": uint64(want.Databases), "lineage": uint64(want.Lineage),
		"number of the last": uint64(want.Pos.Seq), "digest": uint64(want.Pos.Digest), "epoch": want.Epoch,
		"rows in all": want.Rows, "when it was begun": uint64(want.Created.UnixMilli()), "checksum": uint64(headerSum(b)),
	} {
		if got := number(t, header, b, begins); got != value {
			t.Errorf("%s: %q is %x; want %x", formatPage, begins, got, value)
		}
	}
	fields, size := pageFields(t, "## Chunk")
	at, rows := headerSize, uint64(0)
	for n := uint64(1); ; n++ {
		c := b[at:]
		length := number(t, fields, c, "length of the payload")
		whole := c[:size+int(length)]
		if got := number(t, fields, c, "number of the chunk"); got != n {
			t.Fatalf("%s: chunk %d says that it is %d", formatPage, n, got)
		}
		sum := crc32.Checksum(whole[4:], crc32.MakeTable(crc32.Castagnoli))
		if got := number(t, fields, c, "checksum of everything after itself"); got != uint64(sum) {
			t.Errorf("%s: chunk %d has the checksum %x; want %x", formatPage, n, got, sum)
		}
		if number(t, fields, c, "kind: 1 rows, 2 database, 3 trailer, 4 elements, 5 function") == kindTrailer {
			payload := whole[size:]
			if got, before := binary.BigEndian.Uint64(payload), binary.BigEndian.Uint64(payload[8:]); got != rows ||
				got != want.Rows || before != uint64(at) || at+len(whole) != len(b) {
				t.Errorf("%s: the trailer says %d rows and %d bytes before it, at %d of %d; want %d rows", formatPage, got, before, at, len(b), rows)
			}
			return
		}
		rows += number(t, fields, c, "rows in the payload")
		at += len(whole)
	}
}
