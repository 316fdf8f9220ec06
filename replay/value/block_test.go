package value

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// An empty part of a block must not point after the block: what stands there
// is another block's memory or free, and the collector stops the program over a
// pointer to what is free.
func TestEmptyParts(t *testing.T) {
	for n := range 100 {
		name := strings.Repeat("n", n)
		b := newElem(name, "")
		end := uintptr(unsafe.Pointer(b)) + uintptr(blockHead+n)
		if at := uintptr(unsafe.Pointer(unsafe.StringData(b.Value()))); at == end {
			t.Errorf("the empty value of a name of %d bytes points behind its block", n)
		}
		if at := uintptr(unsafe.Pointer(unsafe.StringData(b.Name()))); n == 0 && at == end {
			t.Error("the empty name points behind its block")
		}
		if b.Name() != name || b.Value() != "" {
			t.Errorf("block of %q holds %q and %q", name, b.Name(), b.Value())
		}
	}
}

// A block's lengths are read as numbers of four bytes, which stand at addresses
// that four divides: not every processor reads them elsewhere. The runtime packs
// small allocations side by side, so whatever small ones a program makes between
// two blocks must not push the next to an odd place.
func TestBlocksAreAligned(t *testing.T) {
	var keep [][]byte
	for between := range 8 {
		for n := range 40 {
			for _, b := range []*Block{
				newElem(strings.Repeat("n", n), ""),
				newElem("", strings.Repeat("v", n)),
				RecordBlock(strings.Repeat("k", n), Record{Type: String, Val: "v"}),
				newField("f", strings.Repeat("v", n), 1),
			} {
				if at := uintptr(unsafe.Pointer(b)); at%unsafe.Alignof(*b) != 0 {
					t.Fatalf("a block stands at %#x, %d bytes after others of %d", at, n, between)
				}
				keep = append(keep, make([]byte, between))
			}
		}
	}
	runtime.KeepAlive(keep)
}

// BenchmarkBlocks is what elements of few bytes cost, which are those that the
// runtime packs.
func BenchmarkBlocks(b *testing.B) {
	for _, n := range []int{1, 4, 7, 8, 15} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			name := strings.Repeat("n", n)
			kept := make([]*Block, 1<<20)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for i := range b.N {
				kept[i%len(kept)] = newElem(name, "")
			}
			b.StopTimer()
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(min(b.N, len(kept))), "B/block")
			runtime.KeepAlive(kept)
		})
	}
}
