package jet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/fault"
)

// Settling: what became of an append that the broker did not answer clearly
//
// A leader that has sent a frame must know whether it is stored before it does
// anything else: clients are answered by it, and the next frame takes its number or
// the one after. An acknowledgement or an API error says so. Everything else does not:
//
//   - a write error. The broker logs it, answers no publisher any more, and refuses
//     all later messages until the stream is loaded anew;
//   - no answer in Config.AppendTimeout, or a connection that ended;
//   - "wrong last sequence" for a number that only we write.
//
// The broker is not asked for its last number: what it has in memory is no proof of
// what its files hold, and the call hangs while the disk does. The files are asked, in
// these steps (trySettle):
//
//  1. barrier: PING on the connection of the appends. After PONG the broker has taken
//     in every message that was sent on it.
//  2. Disable: the broker gives up the stream. After that nobody writes to its files.
//  3. find: the blocks are walked from number prev on, and what follows it is compared
//     with the frames, byte by byte. A torn end is cut off. A frame that somebody else
//     has written there, or a journal that ends too early, does not add up: Fatal.
//  4. After a failed sync, frames that were found are cut off again. The kernel has
//     them in its page cache and may never write them, and "not stored" is an answer
//     that can be made true.
//  5. load: the broker loads the stream, and says the same as the files.
//
// What holds throughout:
//
//   - The result is certain or there is none. Files that can't be read say nothing, so
//     the steps are repeated until they can be, with growing pauses. Only the end of
//     the journal's life, and what does not add up, end settling without a result.
//   - Settling may take as long as the disk does, so it runs on a goroutine of the
//     journal's own (within), and the appending goroutine has a journal.Doubt meanwhile.
//   - api is held, so that no truncation moves the blocks under the walk.
//   - A broker that can't load the stream does not change the result. The journal is
//     down, reads go on from the files, and the next append tries again (ready).
//
// A broker that is merely silent is not settled at once: it most likely waits for the
// disk and will answer, which costs no reload. See findOut.

// settleAgain and settleMost are the first and the longest pause between two attempts
// to settle when the files can't be read or cut.
const (
	settleAgain = 500 * time.Millisecond
	settleMost  = 10 * time.Second
)

// settle finds out how many of frames are stored after number prev, when the broker
// didn't say; see above. An error says why the others are not stored.
func (j *Journal) settle(
	ctx context.Context, prev journal.Seq, frames [][]byte, cause error,
) (stored int, err error) {
	j.cfg.Log.Warn("what became of an append is not certain; finding out", "number", uint64(prev)+1, "cause", cause)
	if err := await(ctx, j.api); err != nil {
		return 0, cannotSettle(prev+1, cause, err)
	}
	defer j.api.Unlock()
	for pause := settleAgain; ; pause = min(2*pause, settleMost) {
		stored, err = j.trySettle(ctx, prev, frames, &cause)
		var no unsure
		if !errors.As(err, &no) {
			j.cfg.Log.Warn("the append is settled", "number", uint64(prev)+1, "frames", len(frames), "stored", stored)
			return stored, err
		}
		j.cfg.Log.Error("what became of an append can't be seen; trying again",
			"number", uint64(prev)+1, "cause", no.cause, "in", pause)
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return 0, cannotSettle(prev+1, cause, errClosing)
		}
	}
}

// cannotSettle returns the Fatal error that it can't be known whether number seq is
// stored.
func cannotSettle(seq journal.Seq, cause, err error) error {
	return fault.With(fault.Fatal,
		fmt.Errorf("number %d can't be settled: %w", seq, errors.Join(cause, err)))
}

// unsure is why it can't be seen at present what is stored. Another attempt may.
type unsure struct{ cause error }

func (u unsure) Error() string { return u.cause.Error() }
func (u unsure) Unwrap() error { return u.cause }

// trySettle is one attempt to settle. If the broker has logged a better cause than the
// one that is known, it is put in place of that.
func (j *Journal) trySettle(
	ctx context.Context, prev journal.Seq, frames [][]byte, why *error,
) (stored int, err error) {
	heard := j.wire.barrier(ctx, settleTimeout)
	if text := j.stream.ClearCause(); text != "" {
		*why = errors.New(text)
	}
	if err := j.stream.Unload(ctx, (*why).Error()); err != nil {
		return 0, unsure{fmt.Errorf("take the stream out of the broker: %w", err)}
	}
	if text := j.stream.ClearCause(); text != "" && !broker.IsWriteError(*why) {
		*why = errors.New(text)
	}
	cause := *why
	stored, at, err := j.find(ctx, prev, frames)
	switch {
	case errors.Is(err, blocks.ErrGone):
		j.down = err
		return 0, err
	case err != nil && fault.Of(err) != fault.Fatal:
		return 0, unsure{err}
	case err != nil:
		return 0, cannotSettle(prev+1, cause, err)
	}
	if stored < len(frames) && heard != nil {
		if !j.wire.ended() {
			return 0, unsure{heard}
		}
		// The next may still be under way within the broker.
		return 0, cannotSettle(prev+1+journal.Seq(stored), cause, heard)
	}
	if broker.SyncFailed(cause.Error()) {
		j.suspect.Store(true)
	}
	if stored > 0 && j.suspect.Load() {
		// It is in the page cache, and perhaps on the disk. An answer that is
		// certain either way: take it out again.
		if err := j.cutTail(at); err != nil {
			return 0, unsure{err}
		}
		stored = 0
	}
	if err := j.load(ctx, prev+journal.Seq(stored)); err != nil && fault.Of(err) == fault.Fatal {
		return 0, err
	}
	if stored == len(frames) {
		return stored, nil
	}
	if broker.IsWriteError(cause) {
		return stored, broker.DiskError(cause.Error())
	}
	return stored, fault.With(fault.Retryable, cause) // a timeout is nobody's fault
}

// cutTail ends the journal at p. A cut that can't be synced is done all the same:
// nobody reads what was there any more, and Reopen, which comes before the next
// append, syncs again.
func (j *Journal) cutTail(p blocks.Place) error {
	err := j.store.Cut(p)
	if errors.Is(err, blocks.ErrNotSynced) {
		j.cfg.Log.Warn("the end of the journal is cut off, and that is not synced", "cause", err)
		return nil
	}
	return err
}

// find returns how many of frames are in the files after number prev, and where the
// first of them begins.
func (j *Journal) find(
	ctx context.Context, prev journal.Seq, frames [][]byte,
) (found int, at blocks.Place, err error) {
	floor := journal.Seq(j.first.Load()) - 1
	other := false
	if there, err := j.store.Exists(); err != nil {
		return 0, at, fault.With(fault.Operator, err)
	} else if !there {
		return 0, at, j.store.Missing() // and so are the frames
	}
	e, err := j.store.Walk(ctx, floor, max(prev, floor+1), nil, func(r blocks.Record, p blocks.Place) error {
		if r.Seq <= prev || found == len(frames) {
			return nil
		}
		if found == 0 {
			at = p
		}
		other = other || !bytes.Equal(r.Data, frames[found])
		found++
		return nil
	})
	switch last := prev + journal.Seq(found); {
	case err != nil:
		return 0, at, err
	case max(e.Last, floor) < prev:
		return 0, at, journal.Damaged(max(e.Last, floor)+1,
			"the journal ends here; number %d was acknowledged", prev)
	case max(e.Last, floor) > last:
		return 0, at, fmt.Errorf("the journal goes on to number %d, which nobody here wrote", e.Last)
	case other:
		return 0, at, fmt.Errorf("a number from %d to %d has been written by somebody else", prev+1, last)
	case e.Torn > 0:
		// Part of a frame is none. A tail that can't be cut off now keeps the
		// stream from being loaded.
		j.ragged = j.store.Cut(e.Tail)
	}
	return found, at, nil
}

// fenced returns nil if the frame itself is stored after number prev although the
// broker's last number is another one, and otherwise that somebody else writes.
func (j *Journal) fenced(ctx context.Context, prev journal.Seq, frame []byte, cause error) error {
	floor := journal.Seq(j.first.Load()) - 1
	if prev >= floor {
		_, err := j.store.Walk(ctx, floor, prev+1, nil, func(r blocks.Record, _ blocks.Place) error {
			if r.Seq == prev+1 && bytes.Equal(r.Data, frame) {
				return blocks.ErrStop
			}
			return errWrongLast
		})
		if err == blocks.ErrStop {
			return nil
		}
	}
	return fault.With(fault.Operator, fmt.Errorf("fenced by another writer: %w", cause))
}
