package value

import (
	"strings"
	"testing"
	"unsafe"
)

// An empty part of a block must not point behind the block: what stands there
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
