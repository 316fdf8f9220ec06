package appliance

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/snapshot"
)

// Restored is the directory that a state was restored into.
type Restored struct {
	Lineage journal.Lineage // the new one
	Info    snapshot.Info
}

// Restore makes a directory, which must be empty or not there, that of a node which
// goes on from a state. Its journal begins after the state's number and has a lineage
// of its own: what the journal that the state comes from has after that number is
// not this node's past, so a replica of that journal must not take this one for its
// continuation. name is the node's name, "" for one that its first start chooses.
//
// The directory is a node's once its ledge.json is there, which is written last.
func Restore(ctx context.Context, dir, name string, st *replay.State) (r Restored, err error) {
	path, err := filepath.Abs(dir)
	if err == nil {
		err = CanRestore(path)
	}
	if err != nil {
		return r, optionFault("dir", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return r, optionFault("dir", err)
	}
	lock, err := lockDirectory(path, true)
	if err != nil {
		return r, err
	}
	d := &directory{paths: paths{path}, lock: lock}
	defer func() { err = errors.Join(err, d.close()) }()
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	r.Lineage = journal.Lineage(binary.BigEndian.Uint64(b[:]))
	pos, epoch := st.Position()
	id := identity{Format: directoryFormat, State: stateCreating, Lineage: r.Lineage.String(), Node: name,
		Databases: st.Databases(), Created: time.Now().UTC().Truncate(time.Second), Epoch: epoch + 1,
		Restored: st.Custody().Cluster != ""}
	if pos.Seq > 0 {
		if r.Info, err = st.SaveAs(ctx, d.inboxPath(), r.Lineage); err != nil {
			return r, err
		}
		rel, err := filepath.Rel(path, r.Info.Path)
		if err != nil {
			return r, fault.With(fault.Operator, err)
		}
		id.Adopt = &adoption{First: uint64(pos.Seq) + 1, Snapshot: rel}
	}
	if err := d.store(id); err != nil {
		return r, err
	}
	return r, fault.With(fault.Operator, durable.File(filepath.Dir(path)))
}

// CanRestore returns why nothing can be restored into a directory.
func CanRestore(dir string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.With(fault.Operator, err)
	}
	for _, f := range files {
		if f.Name() != "lost+found" {
			return fault.With(fault.Operator, fmt.Errorf("%s has %q; a backup is restored into an empty directory only", dir, f.Name()))
		}
	}
	return nil
}
