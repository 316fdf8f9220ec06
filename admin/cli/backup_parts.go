package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/urfave/cli/v2"

	"ledge/journal"
	"ledge/replay/backup"
)

// findParts returns the parts of a backup. Where there are none it says what a backup is.
// Files that would be parts by another name are said, too.
func findParts(c *cli.Context, path string, open opener) ([]backup.Part, error) {
	parts, err := backup.Find(path, open)
	if isDirectory(path) {
		sayRenamed(c, path)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, backup.ErrNone) {
		err = fmt.Errorf("%w; a backup is a directory, or a file, that ledge backup --to PATH has written", err)
	}
	return parts, err
}

// sayRenamed says which files in a directory are passed over because of their names.
func sayRenamed(c *cli.Context, dir string) {
	renamed, _ := backup.ListRenamed(dir) // whoever looks for the parts says what is wrong with it
	for _, r := range renamed {
		what, name := "it is a part of a backup, and is not named so", r.Name
		if name == "" {
			what, name = "it is encrypted as parts of backups are, and is not named so", "as it was at first"
		}
		fmt.Fprintf(c.App.ErrWriter, "ledge: %s is passed over: %s; name it %s\n", r.Path, what, name)
	}
}

// damagedPart adds to the error of a part that is not what was written, which names it,
// what to do; other errors stay as they are.
func damagedPart(path string, err error) error {
	switch {
	case errors.Is(err, backup.ErrGap) && !isDirectory(path):
		return fmt.Errorf("%w; it only adds to other parts: name the directory that has all of them", err)
	case errors.Is(err, backup.ErrGap):
		return fmt.Errorf("%w; the part before it is missing: put a copy of that beside it, if there is one; "+
			"what the other parts hold, ledge backup list %s says", err, path)
	case !errors.Is(err, journal.ErrDamage):
		return err
	case !isDirectory(path):
		return fmt.Errorf("%w; put a copy of it in its place, if there is one, or take another backup", err)
	}
	return fmt.Errorf("%w; put a copy of that part in its place, if there is one; without it, once it is moved elsewhere, "+
		"the others can be restored as far as they go (ledge backup list %s), and ledge backup --base --to %[2]s adds one "+
		"that needs none of them", err, path)
}
