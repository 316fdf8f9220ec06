package appliance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/replay/snapshot"
)

// adopt writes down that the journal is to be replaced, and how.
func (d *directory) adopt(l journal.Lineage, first journal.Seq, snapshot string, diverged error) error {
	id := d.id
	id.State, id.Lineage, id.Restored, id.Alone = stateCreating, l.String(), false, false
	id.Adopt = &adoption{First: uint64(first)}
	if snapshot != "" {
		rel, err := filepath.Rel(d.path, snapshot)
		if err == nil {
			err = durable.File(filepath.Dir(snapshot)) // it is all that there will be
		}
		if err != nil {
			return fault.With(fault.Operator, err)
		}
		id.Adopt.Snapshot = rel
	}
	if diverged != nil {
		id.Adopt.Aside = filepath.Join(divergedDir,
			fmt.Sprintf("%s-%s", time.Now().UTC().Format("20060102T150405.000"), d.lineage))
		id.Adopt.Was = d.lineage.String()
	}
	if err := d.store(id); err != nil {
		return err
	}
	d.lineage = l
	return nil
}

// adoption is a journal that is to be put in place of the one there is. Its
// paths are relative to the directory, which may be copied elsewhere before a
// start.
type adoption struct {
	First    uint64 `json:"first"`
	Snapshot string `json:"snapshot,omitempty"` // the file that was received
	Aside    string `json:"aside,omitempty"`    // where to keep what there was
	Was      string `json:"was,omitempty"`      // the lineage of that
}

// finish does what adopt has written down, as often as it is called. The journal
// itself is made by openCarrier. Nothing is removed unless the snapshot is there
// that comes in its place.
func (d *directory) finish() error {
	a := d.id.Adopt
	if a == nil {
		return nil
	}
	moved, err := d.moved(a)
	if err != nil {
		return fault.As(fault.Operator, "adopt", err)
	}
	err = identifyAside(filepath.Join(d.path, a.Aside), a, d.id)
	if err == nil {
		err = d.putAway(d.journalPath(), a)
	}
	if err == nil && !moved {
		err = d.putAway(d.snapshotPath(), a)
	}
	if err == nil && !moved && a.Snapshot != "" {
		err = d.moveIn(a)
	}
	return fault.As(fault.Operator, "adopt", err)
}

// adopted returns where the snapshot is to be.
func (d paths) adopted(a *adoption) string {
	return snapshot.Path(d.snapshotPath(), journal.Seq(a.First-1))
}

// moved reports whether the snapshot is in place already.
func (d paths) moved(a *adoption) (bool, error) {
	if a.Snapshot == "" {
		return false, nil
	}
	_, err := os.Stat(filepath.Join(d.path, a.Snapshot))
	if !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	_, there := os.Stat(d.adopted(a))
	if there != nil {
		return false, journal.Damage(errors.Join(err, there))
	}
	return true, nil
}

// moveIn puts the snapshot that was received in place.
func (d paths) moveIn(a *adoption) error {
	err := os.MkdirAll(d.snapshotPath(), 0o700)
	if err == nil {
		err = os.Rename(filepath.Join(d.path, a.Snapshot), d.adopted(a))
	}
	if err == nil {
		err = durable.File(d.snapshotPath())
	}
	return err
}

// identifyAside makes the place where the journal is kept the directory of a stopped
// node, so that whoever wants to know what was in it can look there as anywhere else.
// It is of the node that id tells of.
func identifyAside(path string, a *adoption, id identity) error {
	if a.Aside == "" || a.Was == "" {
		return nil
	}
	kept := &directory{paths: paths{path}}
	if IsDirectory(kept.path) {
		return nil
	}
	if err := os.MkdirAll(kept.path, 0o700); err != nil {
		return err
	}
	return kept.store(identity{Format: directoryFormat, State: stateReady, Lineage: a.Was, Node: id.Node,
		Created: id.Created, Databases: id.Databases, Epoch: id.Epoch})
}

// putAway removes a directory, or keeps it under another name.
func (d paths) putAway(dir string, a *adoption) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if a.Aside == "" {
		return os.RemoveAll(dir)
	}
	aside := filepath.Join(d.path, a.Aside)
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	to := filepath.Join(aside, filepath.Base(dir))
	if _, err := os.Stat(to); err == nil {
		return os.RemoveAll(dir) // set aside before a cut; this was begun anew
	}
	if err := os.Rename(dir, to); err != nil {
		return err
	}
	return durable.File(aside)
}
