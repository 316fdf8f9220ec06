package journal

// The stored form of every effect, as bytes that are kept for ever: a journal
// outlives the program that wrote it. A new effect needs a sample in its row of
// the table; its file is written by
//
//	go test ./journal -run Golden -add
//
// which never touches a file that exists.

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var add = flag.Bool("add", false, "write golden files for effects that have none")

const testLineage Lineage = 0xfeedc0de12345678

// samples are those of all rows of the table.
var samples = func() (ops []Op) {
	for _, e := range effects.rows {
		ops = append(ops, e.samples...)
	}
	return ops
}()

func sampleBatch(op Op) Batch {
	at := time.UnixMilli(1767225600789)
	return Batch{Epoch: 7, Prev: 0x0102030405060708, Entries: []Entry{
		{At: at, Ops: []Op{op}},
		{At: at.Add(time.Millisecond), Ops: []Op{&KeyDelete{Key: "k"}, op}},
	}}
}

func goldenPath(i int, op Op) string {
	n := 1
	for _, o := range samples[:i] {
		if o.Kind() == op.Kind() {
			n++
		}
	}
	return filepath.Join("testdata", "frames", fmt.Sprintf("%03d-%d.hex", op.Kind(), n))
}

func TestGoldenFrames(t *testing.T) {
	for i, op := range samples {
		path := goldenPath(i, op)
		b := sampleBatch(op)
		got := encodeFrame(nil, testLineage, 42, b)
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) && *add {
			os.MkdirAll(filepath.Dir(path), 0o755)
			if err := os.WriteFile(path, []byte(wrapHex(got)), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%T %+v: %v", op, op, err)
			continue
		}
		want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if string(got) != string(want) {
			t.Errorf("%T encodes as\n%s; want %s\n%s", op, wrapHex(got), path, text)
		}
		back, err := decodeFrame(want, testLineage, 42)
		if err != nil || !reflect.DeepEqual(back, b) {
			t.Errorf("%s decodes as %+v, %v; want %+v", path, back, err, b)
		}
	}
}

func wrapHex(b []byte) string {
	var s strings.Builder
	for i, c := range b {
		sep := byte(' ')
		if i%16 == 15 || i == len(b)-1 {
			sep = '\n'
		}
		fmt.Fprintf(&s, "%02x%c", c, sep)
	}
	return s.String()
}

// Every kind that can be read has a sample of its own, so that no stored form
// goes without golden bytes.
func TestEveryEffectHasSample(t *testing.T) {
	for _, e := range effects.rows {
		if len(e.samples) == 0 {
			t.Errorf("effect %d (%s) has no sample", e.kind, e.name)
		}
		for _, op := range e.samples {
			if op.Kind() != e.kind {
				t.Errorf("%s has a %T for a sample", e.name, op)
			}
		}
		if got := reflect.TypeOf(e.empty()).Elem().Name(); got != e.name {
			t.Errorf("effect %d is a %s; the table calls it %s", e.kind, got, e.name)
		}
	}
}

// No golden file is without its sample: a form that was once written must be
// read for ever.
func TestEveryGoldenFileIsUsed(t *testing.T) {
	used := map[string]bool{}
	for i, op := range samples {
		used[goldenPath(i, op)] = true
	}
	files, err := filepath.Glob("testdata/frames/*.hex")
	if err != nil || len(files) == 0 {
		t.Fatalf("golden files: %d, %v; want some", len(files), err)
	}
	for _, f := range files {
		if !used[f] {
			t.Errorf("%s belongs to no sample", f)
		}
	}
}

// Size bounds what an effect takes; a writer trusts it.
func TestSizeIsBound(t *testing.T) {
	var sizer Sizer
	for _, op := range samples {
		b := Batch{Entries: []Entry{{At: time.UnixMilli(1 << 60), Ops: []Op{op, op}}}}
		got := len(encodeFrame(nil, 0, 1, b)) - headerSize
		if bound := EntryOverhead + 2*sizer.Size(op); got > bound {
			t.Errorf("%T takes %d bytes; it should be at most %d", op, got, bound)
		}
	}
}
