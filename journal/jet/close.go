package jet

import (
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Close stops the broker and syncs the store. The appending goroutine must be
// done. What hangs with the disk is given up after CloseLimit, and so is what has to
// wait for it: the next Open finds out what is stored.
func (j *Journal) Close() error {
	j.closing.Do(func() { j.closed = fault.As(fault.Operator, "close journal", j.close()) })
	return j.closed
}

// CloseLimit bounds how long Close takes.
const CloseLimit = 10 * time.Second

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
		return fmt.Errorf("%w in %s; the next start finds out what is stored", errBusy, CloseLimit)
	}
}

// shut gives up what Open took, once nothing uses the store any more.
func (j *Journal) shut() error {
	if !j.witness.end(CloseLimit) {
		return errBusy
	}
	j.release()
	if err := durable.Tree(j.cfg.Dir); err != nil {
		return err
	}
	if j.dead.Load() != nil || j.down != nil {
		return nil // what is in the files is for the next Open to find out
	}
	return j.mark.close(func(m *mark) { m.last, m.clean = journal.Seq(j.last.Load()), true })
}

// release ends what runs: the witness, the connection and the broker.
func (j *Journal) release() {
	j.witness.end(CloseLimit)
	if j.wire != nil {
		j.wire.close()
	}
	if j.broker != nil {
		j.broker.Close()
	}
}
