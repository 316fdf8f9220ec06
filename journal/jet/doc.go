// Package jet keeps the journal in a stream of an embedded NATS JetStream, and
// runs the broker that the stream lives in.
//
// One stream, one subject, one message per batch. Appends go through the
// broker, each with the sequence number that it must follow. Reads don't: the
// broker shows an unreadable block, a flipped bit or a lost file as a gap and
// no error, so frames are read from its block files by a small reader of our
// own, which checks every byte. FORMAT.md of package journal has what it
// relies on. The same reader goes over the whole store before the broker
// starts, because a broker that finds a bad record cuts the block there and
// goes on.
//
// When an append gets no clear answer the stream is taken out of the broker,
// the files say whether the frame is stored, and the stream is put back. See
// settle.go.
package jet
