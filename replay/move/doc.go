// Package move moves hash slots from one shard of a cluster to another, while clients use
// them: both sides of a move. PROTOCOL.md has the messages.
//
// # A move
//
//	begin    the source journals it and offers it to the target, which journals it
//	copy     the target fetches pieces: what the slots hold, slot by slot, and what has
//	         been written since to what it has already. Each piece is one entry of its
//	         journal, with where it brings the target to
//	hold     once little is left, the source has writes to these slots wait
//	ready    the target has all up to the number at which they were held
//	give     the source compares the digests, and gives the slots by an entry of its
//	         journal: from there on it does not own them
//	take     the target owns them by an entry of its own, and tells the source, which
//	         sends clients there
//	clear    the source removes what is left of them
//
// # What holds
//
//   - A slot has one owner at each epoch. Only the owner gives, at a higher epoch, and
//     only to one shard; the target takes only what it was given, once it has all of it.
//   - What a side has told the other is on its disk, and what was given is at its replicas.
//   - Until it has given the source owns the slots and serves them, whatever becomes of the
//     target. From then on it never takes them back.
//   - What is to be done next follows from the journals of the two sides alone. A restart, a
//     promotion or a lost connection costs what was on its way, and no more. A target that
//     has what its source does not have, since that lost its end, begins anew.
//   - A hold ends by itself. If it was too short it comes again, later and with less left
//     to copy; and if more is written than the target takes in, writes to the slots wait a
//     part of the time, at most four fifths.
//
// # How the copy is one
//
// The target has, at a number of the source's journal, all keys of the slots below a cursor,
// and none above. A piece takes it to another number and another cursor: the effects that
// lie between the numbers, on keys below the first cursor, and then the keys between the
// cursors as they are at the second number. So no snapshot is needed, nothing is kept for
// the target but the journal, and a restart goes on where the target's journal ends. A key
// below the cursor that gets the value of one that the target does not have is read again.
package move
