package value

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

// get finds what find finds, and nothing where find finds nothing: names of one key each,
// and hundreds that share a key, so that some of them are the first of a node and others
// are in the node before.
func TestGetIsFind(t *testing.T) {
	const most = 5000
	for _, keys := range []uint64{1, 7, 1 << 40} {
		var tr tree
		p := NewPen(new(atomic.Uint64))
		in := func(i int) (uint64, string) { return Sum(fmt.Sprint("key", i)) % keys, fmt.Sprint("name", i) }
		there := make(map[int]*Block)
		for range most {
			i := rand.IntN(2 * most)
			key, name := in(i)
			if at, old := tr.find(key, name); old == nil {
				there[i] = newElem(name, "")
				tr.insert(&p, at, key, there[i])
			}
		}
		for i := range 2 * most {
			key, name := in(i)
			_, found := tr.find(key, name)
			if got := tr.get(key, name); got != there[i] || found != there[i] {
				t.Fatalf("%d keys: get and find of %s = %p and %p; want %p", keys, name, got, found, there[i])
			}
		}
	}
}
