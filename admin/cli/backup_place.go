package cli

import (
	"path/filepath"

	"ledge/appliance"
)

// notOurs refuses a place for a backup that is in the data directory of a node, this
// one's or another's: what is lost with the directory would be lost with it, and the
// node takes nothing in it for its own that it has not made.
func notOurs(to string) error {
	path, err := filepath.Abs(to)
	if err != nil {
		return Usage("backup: --to %s: %w", to, err)
	}
	for at := path; ; at = filepath.Dir(at) {
		real, err := filepath.EvalSymlinks(at)
		if err == nil && real != at {
			rest, _ := filepath.Rel(at, path)
			at = real
			path = filepath.Join(real, rest)
		}
		if appliance.IsDirectory(at) {
			return Usage("backup: --to %s is in %s, the data directory of a node; a backup belongs elsewhere, on another disk", to, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}
