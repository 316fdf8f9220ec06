package journal

import "errors"

// A piece is effects on their way from one journal to another, of which neither has them so:
// what a shard sends to another one of slots that move.

// AppendPiece appends the entries of b to dst in the form of a frame: with a checksum, and with the
// lineage of the journal that they are of and a number by which they are asked for.
func AppendPiece(dst []byte, of Lineage, n uint64, b Batch) []byte {
	var c coder
	return c.encodeFrame(dst, of, Seq(n), b)
}

// ReadPiece is the opposite of AppendPiece. Strings share the memory of p, which must not
// change any more.
func ReadPiece(p []byte, of Lineage, n uint64) (Batch, error) {
	var c coder
	b, err := c.decodeFrame(effects, p, of, Seq(n))
	var damaged *DamageError
	if errors.As(err, &damaged) { // no journal is
		return b, errors.New(damaged.Cause)
	}
	return b, err
}
