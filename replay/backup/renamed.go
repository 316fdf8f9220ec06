package backup

import (
	"os"
	"path/filepath"
	"strings"

	"ledge/journal/fault"
)

// Renamed is a file that is a part by what it holds, and has another name, so that nobody
// who looks into its directory takes it for one.
type Renamed struct {
	Path string
	// Name is what it has to be called; "" if it is encrypted, so that only whoever
	// decrypts it knows.
	Name string
}

// ListRenamed returns the files in dir that are parts and are not called so. What is
// unfinished is no part.
func ListRenamed(dir string) ([]Renamed, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	var list []Renamed
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, named := parseName(e.Name()); named || !e.Type().IsRegular() || strings.HasSuffix(path, unfinished) {
			continue
		}
		if beginsSealed(path) {
			list = append(list, Renamed{Path: path})
		} else if h, err := HeaderOf(FilePart(path, false, nil)); err == nil {
			list = append(list, Renamed{path, Name(&h)})
		}
	}
	return list, nil
}
