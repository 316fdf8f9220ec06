package replay

// effectText is room for the strings of effects, cut from pieces that many effects share.
//
// An effect is garbage once its entry is applied, and the blocks that it has made stay. While the
// strings of each effect had an allocation of their own, that was often as long as a block: the
// two alternated in memory, and once the strings were gone the blocks of a collection that grew
// lay among holes, over twice as many cache lines and pages. A pipelined SADD of members that
// are there took 1.12 µs of processor, and takes 1.04 like this.
//
// A string keeps the whole piece that it is cut from. So whoever needs one for longer than its
// effect copies it, as blocks do.
type effectText struct {
	left []byte // of the piece that strings are cut from
}

const (
	textPiece = 16 << 10
	// ownText is from how many bytes on strings have an allocation of their own.
	ownText = textPiece / 16
)

// room returns room for n bytes, which nobody else has.
func (t *effectText) room(n int) []byte {
	if n >= ownText {
		return make([]byte, 0, n)
	}
	if n > len(t.left) {
		t.left = make([]byte, textPiece)
	}
	b := t.left[:0:n]
	t.left = t.left[n:]
	return b
}

// copyOf returns a copy of b.
func (t *effectText) copyOf(b []byte) string { return unsafeString(append(t.room(len(b)), b...)) }

// copies copies a key and arguments. The arguments' strings are appended to list, which nearly
// all effects have beside them for as many as they need: that is one allocation less.
func (t *effectText) copies(list []string, key []byte, args [][]byte) (string, []string) {
	n := len(key)
	for _, a := range args {
		n += len(a)
	}
	if cap(list) < len(args) {
		list = make([]string, 0, len(args))
	}
	joint := append(t.room(n), key...)
	name := unsafeString(joint)
	for _, a := range args {
		at := len(joint)
		joint = append(joint, a...)
		list = append(list, unsafeString(joint[at:]))
	}
	return name, list
}
