package client

import (
	"ledge/replay"
	"ledge/respd/command"
)

// A transaction that only reads runs on the loop if there is little to read. Others run
// beside it, as large reads do, on a view that has pinned all of their keys. One with a
// command that walks the keys or looks into another database can't have such a view: it
// runs as part of a draft, for which writes wait and reads do not.

// execWhere says where EXEC of a transaction runs that only reads.
func (c *Conn) execWhere(v *replay.View) verdict {
	tx := &c.sess.Tx
	if tx.Broken || !c.bigExec(v) {
		return exec
	}
	for _, q := range tx.Queue {
		if q.Spec.Name == "select" || q.Spec.Conn == nil && len(q.Spec.KeysOf(q.Args)) == 0 {
			return execWrite
		}
	}
	c.cmd.judged = exec
	return slow
}

// bigExec reports whether a transaction has more to read than the loop should.
func (c *Conn) bigExec(v *replay.View) bool {
	v.Select(c.sess.DB)
	n := 0
	for _, q := range c.sess.Tx.Queue {
		if n += q.Spec.Looks(v, q.Args); n > command.BigRead || q.Spec.Conn == nil && q.Spec.Flags.Has(command.Slow) {
			return true
		}
	}
	return false
}

// execPinned runs a transaction on a view of its own.
func (c *Conn) execPinned() {
	if !c.runPinnedExec() {
		c.finishExec()
	}
}

func (c *Conn) runPinnedExec() (complete bool) {
	var keys [][]byte
	for _, q := range c.sess.Tx.Queue {
		for _, i := range q.Spec.KeysOf(q.Args) {
			keys = append(keys, q.Args[i])
		}
	}
	v := c.shared.State.Pin(c.shared.Clock(), c.sess.DB, keys)
	defer v.Close()
	if c.rerouted() != nil {
		return true // the loop judges it again
	}
	v.Brief = true
	return c.runExec(v, nil)
}
