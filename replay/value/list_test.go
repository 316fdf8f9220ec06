package value

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"ledge/journal"
)

// A list's sum is kept from what it was where an item comes to an end, and must be
// what the items add up to wherever items have come: at the ends, between, and where
// nodes were split. Versions that others have must keep theirs.
func TestListSums(t *testing.T) {
	var gens atomic.Uint64
	pen := NewPen(&gens)
	dice := rand.New(rand.NewPCG(1, 2))
	for name, place := range map[string]func(n int) int{
		"left":  func(int) int { return 0 },
		"right": func(n int) int { return n },
		"any":   func(n int) int { return dice.IntN(n + 1) },
		"ends and between": func(n int) int {
			return []int{0, n, min(1, n), max(n-1, 0), dice.IntN(n + 1)}[dice.IntN(5)]
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBody(ListType, &pen, false)
			for i := range 3 * fanout * fanout {
				if i%7 == 0 {
					pen.Fresh()
				}
				former, was := b, b.Digest()
				b = b.Own(&pen)
				at := place(b.Len())
				if err := b.Apply(&pen, &journal.ListInsert{Index: uint64(at), Item: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
				if former != b && former.Digest() != was {
					t.Fatalf("the version before item %d at %d has digest %x; want %x", i, at, former.Digest(), was)
				}
				if i%17 == 0 || i < 3*fanout {
					wantSums(t, b.(*list).names.root)
				}
			}
			if err := b.Check(); err != nil {
				t.Errorf("Check = %v; want nil", err)
			}
		})
	}
}

// wantSums fails the test unless each node has the sum and the power of its items.
func wantSums(t *testing.T, n *node) (sum, pow uint64) {
	t.Helper()
	pow = 1
	if n.kids == nil {
		for _, k := range n.keys {
			sum, pow = sum+pow*k, pow*oddBase
		}
	}
	for _, kid := range n.kids {
		s, p := wantSums(t, kid)
		sum, pow = sum+pow*s, pow*p
	}
	if n.sum != sum || n.pow != pow {
		t.Fatalf("a node of %d items has sum %x and power %x; want %x and %x", n.n, n.sum, n.pow, sum, pow)
	}
	return sum, pow
}
