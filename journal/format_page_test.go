package journal

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
)

const format = "FORMAT.md"

// goldenFrames returns the golden frames by the name of their file.
func goldenFrames(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/frames/*.hex")
	if err != nil || len(files) == 0 {
		t.Fatalf("golden files: %d, %v; want some", len(files), err)
	}
	frames := make(map[string][]byte)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if frames[f], err = hex.DecodeString(strings.Join(strings.Fields(string(text)), "")); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
	}
	return frames
}

// A frame that is taken apart by the page's table has the fields that it was made
// of.
func TestFramePage(t *testing.T) {
	rows := pagetest.Table(t, format, "## Frame: one batch, one number")
	for file, b := range goldenFrames(t) {
		want, err := decodeFrame(b, testLineage, 42)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		values := map[string]uint64{
			"magic": uint64(binary.BigEndian.Uint32([]byte("LDG1"))), "number": 42, "epoch": want.Epoch,
			"checksum": uint64(crc32.Checksum(b[8:], crc32.MakeTable(crc32.Castagnoli))),
			"prev":     uint64(want.Prev), "lineage": uint64(testLineage), "count": uint64(len(want.Entries)),
		}
		at := 0
		for _, row := range rows {
			offset, err := strconv.Atoi(row[0])
			if err != nil || offset != at {
				t.Fatalf("%s: %s is at offset %s; want %d, where the field before it ends", format, row[2], row[0], at)
			}
			if row[2] == "entries" {
				if at != headerSize {
					t.Errorf("%s: entries at %d; want %d", format, at, headerSize)
				}
				continue
			}
			size, err := strconv.Atoi(row[1])
			if err != nil || size != 4 && size != 8 {
				t.Fatalf("%s: %s has %s bytes; want 4 or 8", format, row[2], row[1])
			}
			got := binary.BigEndian.Uint64(append(make([]byte, 8-size), b[at:at+size]...))
			if value, ok := values[row[2]]; !ok || got != value {
				t.Errorf("%s: %s says that %s is %x; want %x (known: %t)", file, format, row[2], got, value, ok)
			}
			delete(values, row[2])
			at += size
		}
		if len(values) > 0 {
			t.Fatalf("%s: %s has no line for %v", file, format, values)
		}
	}
	text, err := os.ReadFile(format)
	if err != nil {
		t.Fatal(err)
	}
	bounds := fmt.Sprintf("A frame has at most %d MiB + %d bytes (`MaxFrame`), an entry at most %d MiB (`MaxEntry`)",
		MaxFrame>>20, MaxFrame&(1<<20-1), MaxEntry>>20)
	if !strings.Contains(string(text), bounds) {
		t.Errorf("%s lacks %q", format, bounds)
	}
}

// Each effect has a line, with its number, its name and as many fields as it is made
// of.
func TestEffectsPage(t *testing.T) {
	known := make(map[string]int)
	for file, b := range goldenFrames(t) {
		batch, err := decodeFrame(b, testLineage, 42)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		op := batch.Entries[0].Ops[0]
		typ := reflect.TypeOf(op).Elem()
		n := 0
		for i := range typ.NumField() {
			if f := typ.Field(i); f.IsExported() && !f.Anonymous {
				n++
			}
		}
		known[fmt.Sprintf("%03d %s", op.Kind(), typ.Name())] = n
	}
	var got, want []string
	for _, row := range pagetest.Table(t, format, "## Effects") {
		kind, err := strconv.Atoi(row[0])
		name := fmt.Sprintf("%03d %s", kind, row[1])
		got = append(got, name)
		if err != nil {
			t.Errorf("%s: %q is no kind", format, row[0])
		}
		if n, fields := known[name], pageFields(row[2]); n > 0 && fields != n {
			t.Errorf("%s: %s has %d fields, %q; want %d", format, row[1], fields, row[2], n)
		}
	}
	for name := range known {
		want = append(want, name)
	}
	slices.Sort(want)
	pagetest.Same(t, format, "effect", got, want)
}

// pageFields counts the fields in a line: what stands between points, but for the
// count of a list, which is part of its list.
func pageFields(s string) (n int) {
	for f := range strings.SplitSeq(s, " · ") {
		switch {
		case f == "":
		case strings.HasPrefix(f, "for each"): // is one field with all that follows
			return n // its count has been counted for it
		default:
			n++
		}
	}
	return n
}
