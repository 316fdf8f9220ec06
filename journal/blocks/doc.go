// Package blocks reads the block files in which the broker keeps the journal's
// stream, and cuts them. It knows nothing of a running broker: it looks at files,
// and checks every byte that it hands out.
//
// The broker itself shows an unreadable block, a flipped bit or a lost file as a
// gap and no error, and cuts off whatever follows a damaged record when it starts.
// So the journal is read from its files, and all of it is checked before the
// broker gets to see it. FORMAT.md of package journal has what is relied on.
//
// A stream is a row of block files, a block is a row of records, and a record is
// one frame of the journal, or a tombstone for frames that were truncated:
//
//	<dir>/jetstream/JOURNAL/streams/J/meta.inf, meta.sum   the configuration
//	                                  msgs/1.blk, 2.blk …   the records
//	                                  msgs/index.db         made from the blocks
//
// Walk goes over frames in order. It ends well only at the end of the last block.
// A record there that is not whole is either a torn end, which an append that was
// cut short has left and which may be cut off, or damage, which needs a person:
// TailOf tells the two apart.
package blocks
