package replay

import (
	"bytes"
	"fmt"
	"testing"
)

// Strings of effects have memory of their own, whatever their lengths: none is changed by those
// that are made after it, or by what is done to the bytes that it is a copy of.
func TestEffectText(t *testing.T) {
	var text effectText
	type made struct{ got, want string }
	var all []made
	for i := range 20_000 {
		key := bytes.Repeat([]byte{byte('a' + i%26)}, i%97)
		args := [][]byte{fmt.Appendf(nil, "%d", i), bytes.Repeat([]byte{byte(i)}, i%(ownText+ownText/2)), nil}
		want := []made{{want: string(key)}, {want: string(args[0])}, {want: string(args[1])}, {want: ""}, {want: string(key)}}
		name, list := text.copies(nil, key, args)
		want[0].got, want[1].got, want[2].got, want[3].got = name, list[0], list[1], list[2]
		want[4].got = text.copyOf(key)
		for _, b := range append(args, key) {
			clear(b)
		}
		all = append(all, want...)
	}
	for i, m := range all {
		if m.got != m.want {
			t.Fatalf("string %d is %.40q; want %.40q", i, m.got, m.want)
		}
	}
}

// Short strings share allocations: they must not lie between what stays.
func TestEffectTextShares(t *testing.T) {
	var text effectText
	key := []byte("bench:set")
	list := make([]string, 0, 1)
	args := [][]byte{[]byte("member:000000012345")}
	if n := testing.AllocsPerRun(2000, func() { text.copies(list, key, args) }); n != 0 {
		t.Errorf("a key and a member of 28 bytes take %v allocations; want one for hundreds", n)
	}
}
