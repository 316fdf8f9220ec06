package appliance

import (
	"os"
	"path/filepath"

	"ledge/admin"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/journal/jet"
)

// misplaced returns the directories, pipes and the like that stand where the node has
// files. Such a file counts as lost. Nothing is named of a directory that is none of ours.
func (d paths) misplaced() (paths []string) {
	if !hasData(d.path) && !hasIdentity(d.path) {
		return nil
	}
	names := []string{identityFile, identityCopy, identityFile + ".tmp", identityCopy + ".tmp", filepath.Join(authDir, "leader"),
		filepath.Join(authDir, formerFile), filepath.Join(authDir, formerFile+".tmp"),
		runFile, runFile + ".tmp", storeFile, storeFile + ".tmp", reserveFile, reserveTemp}
	for _, user := range admin.ChangedUsers() {
		names = append(names, filepath.Join(authDir, user), filepath.Join(authDir, user+".tmp"))
	}
	for _, name := range names {
		path := filepath.Join(d.path, name)
		if durable.Misplaced(path) != "" {
			paths = append(paths, path)
		}
	}
	return append(paths, jet.Misplaced(d.journalPath())...)
}

// noteMisplaced notes what clearWay would do.
func (d *directory) noteMisplaced() {
	for _, path := range d.misplaced() {
		d.note("%s is %s; it is set aside, and the file counts as lost", path, durable.Misplaced(path))
	}
}

// clearWay sets aside what stands where the node has files and is none, so that these
// can be written, and so that nobody waits for a pipe. Nothing of the node's is in it.
func (d *directory) clearWay(aside string) error {
	for _, path := range d.misplaced() {
		rel, err := filepath.Rel(d.path, path)
		if err != nil {
			return fault.As(fault.Operator, "set aside what is no file", err)
		}
		to := filepath.Join(d.path, aside, "misplaced", rel)
		if err = os.MkdirAll(filepath.Dir(to), 0o700); err == nil {
			err = os.Rename(path, to)
		}
		if err != nil {
			return fault.As(fault.Operator, "set aside what is no file", err)
		}
	}
	return nil
}
