package jet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Close takes the stream out of the broker and syncs the store. The appending
// goroutine must be done. What hangs with the disk is given up after CloseLimit, and
// so is what has to wait for it: the next Open finds out what is stored. The error is
// ErrLeft then, and the broker, which would hang as well, is not to be closed.
func (j *Journal) Close() error {
	j.closing.Do(func() { j.closed = fault.As(fault.Operator, "close journal", j.close()) })
	return j.closed
}

// CloseLimit bounds how long Close takes.
const CloseLimit = 10 * time.Second

// ErrLeft says that Close has left something that hangs with the disk.
var ErrLeft = errors.New("the next start finds out what is stored")

func (j *Journal) close() error {
	j.stop()
	done := make(chan error, 1)
	go func() {
		j.owned.Wait()
		j.api <- struct{}{} // for good
		done <- j.shut()
	}()
	t := time.NewTimer(CloseLimit)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return fmt.Errorf("%w in %s; %w", errBusy, CloseLimit, ErrLeft)
	}
}

// shut gives up what Open took, once nothing uses the store any more.
func (j *Journal) shut() error {
	if !j.witness.end(CloseLimit) {
		return fmt.Errorf("%w; %w", errBusy, ErrLeft)
	}
	j.wire.close()
	err := j.rest()
	switch {
	case err == nil && j.dead.Load() == nil && j.down == nil:
		return j.mark.close(func(m *mark) { m.last, m.clean = journal.Seq(j.last.Load()), true })
	case err == nil || !j.lazy():
		// What is in the files is for the next Open to find out.
		return errors.Join(err, j.vouch())
	}
	return err
}

// rest takes the stream out of the broker and syncs what is in its files.
func (j *Journal) rest() error {
	ctx, cancel := context.WithTimeout(context.Background(), CloseLimit)
	defer cancel()
	err := j.stream.Unload(ctx, j.stream.ClearCause())
	j.stream.Close()
	if err != nil {
		return err
	}
	return durable.Tree(j.cfg.Dir)
}

// vouch has the mark say what was acknowledged, where the journal may be closed with
// less than that in its files. Without it the next Open would take what has gone since
// the witness was last written for an append that never finished. The caller has
// synced the files, or each append was synced before it was acknowledged.
func (j *Journal) vouch() error {
	now := j.witness.get()
	if now.last <= j.mark.get().last {
		return nil
	}
	return j.mark.update(func(m *mark) {
		m.last, m.head, m.headed = now.last, now.head, now.head != [tipSize]byte{}
	})
}

// release ends what an Open that has failed has begun: the witness and the
// connections. The broker is closed by whoever started it, and the stream with it.
func (j *Journal) release() {
	j.witness.end(CloseLimit)
	if j.wire != nil {
		j.wire.close()
	}
	if j.stream != nil {
		j.stream.Close()
	}
}
