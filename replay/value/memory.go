package value

// rowOverhead is what a row costs beside its bytes: its lengths, its place in the dict,
// which is not full, its position in the order, and the unused end of its memory.
const rowOverhead = 8 + 16 + 12 + 6

// rowValueHead is the type and a deadline before a row's value.
const rowValueHead = 1 + 8

// bodyOverhead is what a collection costs beside its elements, and elemOverhead
// what an element costs beside its bytes: its lengths, its place in a node that
// is not full, and the unused end of its memory.
const (
	bodyOverhead = 256
	elemOverhead = 8 + 24 + 6
)

// Memory is about how many bytes a record takes under a key of that length.
func Memory(key int, r Record) int {
	n := rowOverhead + key + rowValueHead + len(r.Val)
	if r.Body != nil {
		n += bodyOverhead + int(r.Body.Bytes()) + r.Body.Len()*elemOverhead
	}
	return n
}
