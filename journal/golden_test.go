package journal

// The stored form of every effect, as bytes that are kept for ever: a journal
// outlives the program that wrote it. A new effect needs a sample below; its
// file is written by
//
//	go test ./journal -run Golden -add
//
// which never touches a file that exists.

import (
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var add = flag.Bool("add", false, "write golden files for effects that have none")

const testLineage Lineage = 0xfeedc0de12345678

// samples has each effect at least once, with fields that are all different
// and not zero, and again where a field has a form of its own.
var samples = []Op{
	&Epoch{Epoch: 300, Node: "edge-1"},
	&StringSet{DB: 3, Key: "user:1", Value: "Ada\x00\xff", At: 1893456000123},
	&StringSet{Key: "", Value: ""},
	&StringEdit{DB: 1, Key: "log", Offset: 70000, Data: "more"},
	&KeyDelete{DB: 65535, Key: "gone"},
	&KeyExpire{DB: 2, Key: "soon", At: 1893456000456},
	&KeyExpire{DB: 2, Key: "past", At: -1},
	&KeyRename{DB: 4, Key: "from", ToDB: 5, To: "to"},
	&KeyCopy{DB: 6, Key: "source", ToDB: 7, To: "copy"},
	&RangeClear{DB: 8, First: 0, Last: MaxSlot},
	&RangeClear{DB: 8, First: 100, Last: 200},
	&SwapDB{A: 9, B: 10},
	&HashSet{DB: 1, Key: "user:1", At: 1893456000123, Pairs: []string{"name", "Ada", "", "\x00"}},
	&HashRemove{DB: 2, Key: "user:2", Fields: []string{"name", "age"}},
	&HashExpire{DB: 3, Key: "user:3", At: 1893456000456, Fields: []string{"token"}},
	&SetAdd{DB: 4, Key: "tags", Members: []string{"a", "", "c\xff"}},
	&SetRemove{DB: 5, Key: "tags", Members: []string{"b"}},
	&ZSetAdd{DB: 6, Key: "board", Members: []Scored{{1.5, "ada"}, {math.Inf(-1), ""}}},
	&ZSetRemove{DB: 7, Key: "board", Members: []string{"bob"}},
	&ZSetRemoveRange{DB: 8, Key: "board", First: 300, Count: 2},
	&ListPush{DB: 9, Key: "queue", Items: []string{"x", "y"}},
	&ListPush{DB: 9, Key: "queue", Left: true, Items: []string{"z"}},
	&ListRemove{DB: 10, Key: "queue", First: 1, Count: 70000},
	&ListSet{DB: 11, Key: "queue", Index: 400, Item: "new"},
	&ListInsert{DB: 12, Key: "queue", Index: 500, Item: "between"},
	&FunctionSet{Name: "lib", Code: "#!lua name=lib\n\x00\xff"},
	&FunctionSet{Name: "lib"},
	&FunctionFlush{},
}

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

// Every kind that can be decoded has a sample, so that no stored form goes
// without golden bytes, and says its own number.
func TestEveryEffectHasSample(t *testing.T) {
	have := map[Kind]bool{}
	for _, op := range samples {
		have[op.Kind()] = true
	}
	for k := range 256 {
		op := newOp(Kind(k))
		if op == nil {
			continue
		}
		if op.Kind() != Kind(k) {
			t.Errorf("newOp(%d) is a %T of kind %d; want %d", k, op, op.Kind(), k)
		}
		if !have[Kind(k)] {
			t.Errorf("effect %d (%T) has no sample in golden_test.go", k, op)
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

// EntrySize bounds what an entry takes; a writer trusts it.
func TestEntrySizeIsBound(t *testing.T) {
	for _, op := range samples {
		b := Batch{Entries: []Entry{{At: time.UnixMilli(1 << 60), Ops: []Op{op, op}}}}
		got := len(encodeFrame(nil, 0, 1, b)) - headerSize
		if bound := EntrySize([]Op{op, op}); got > bound {
			t.Errorf("%T takes %d bytes; EntrySize says at most %d", op, got, bound)
		}
	}
}
