// Package jet keeps the journal in one unreplicated stream of the embedded broker:
// one subject, one message per batch.
//
// Appends go through the broker, each with the sequence number that it must follow.
// Reads don't: frames are read from the broker's block files by package blocks,
// which checks every byte. It goes over the whole store before the broker starts as
// well, because a broker that finds a bad record cuts the block there and goes on.
//
// Beside the stream is the mark, a small file of our own, which remembers what the
// block files can't show by themselves: what was truncated on purpose, and how far
// the journal reached at least. See mark.go and witness.go.
//
// When an append gets no clear answer the stream is taken out of the broker, the
// files say whether the frame is stored, and the stream is put back. See settle.go.
package jet
