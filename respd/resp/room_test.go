package resp_test

import (
	"fmt"
	"testing"

	"ledge/respd/resp"
)

// A reply that is released is not seen through another that uses its room, and
// one that has outgrown its room, or is no array of a room, is left alone.
func TestRoom(t *testing.T) {
	list := func(n, from int) resp.Value {
		vs := resp.Room(n)
		for i := range n {
			vs = append(vs, resp.Int(int64(from+i)))
		}
		return resp.Lent(vs)
	}
	for _, n := range []int{0, 1, 100, 256, 257} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			kept := list(n, 7)
			list(n, 1000).Release()
			again := list(n, 2000)
			for i := range n {
				if got := kept.Elems()[i].Num(); got != int64(7+i) {
					t.Fatalf("element %d of one that is kept = %d; want %d", i, got, 7+i)
				}
				if got := again.Elems()[i].Num(); got != int64(2000+i) {
					t.Fatalf("element %d behind one that was released = %d; want %d", i, got, 2000+i)
				}
			}
			if got := again.Kind(); got != resp.KindArray || len(again.Elems()) != n {
				t.Errorf("kind %v with %d elements; want an array with %d", got, len(again.Elems()), n)
			}
		})
	}
	plain := resp.Array(resp.Int(1))
	plain.Release()
	if got := plain.Elems()[0].Num(); got != 1 {
		t.Errorf("an array of no room = %d after Release; want 1", got)
	}
}
