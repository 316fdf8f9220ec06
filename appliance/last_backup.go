package appliance

import (
	"encoding/json"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// lastBackup is the last backup that the node was told of. It stands in the node's own
// store: a restart does not make it older.
type lastBackup struct {
	At     time.Time   `json:"at"`
	Number journal.Seq `json:"number"`
}

// Where it stands in the store.
const backupTable, lastBackupKey = "backup", "last"

// noteBackup notes that there is a backup up to a number.
func noteBackup(n *Node, taken uint64) error {
	if at := n.state.Pos().Seq; taken > uint64(at) {
		return fault.With(fault.Refused, fmt.Errorf("a backup up to number %d: the node has come to %d", taken, at))
	}
	b, err := json.Marshal(lastBackup{n.cfg.Clock().UTC(), journal.Seq(taken)})
	if err == nil {
		err = n.own.Put(backupTable, lastBackupKey, b)
	}
	if err != nil {
		return fault.As(fault.Operator, "note a backup", err)
	}
	n.cfg.Logger.Info("a backup was taken", "number", taken)
	return nil
}

// backupOf returns the last backup; a time of zero is that none is known.
func backupOf(n *Node) (last lastBackup) {
	if b, ok := n.own.Get(backupTable, lastBackupKey); ok {
		_ = json.Unmarshal(b, &last) // what can't be read is not known
	}
	return last
}
