package cli

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"ledge/replay/backup"
)

// missingNumbers is what backup list and backup verify print for programs of a gap.
type missingNumbers struct {
	First uint64 `json:"first_number"`
	Last  uint64 `json:"last_number"`
}

// missing words gaps for programs: no gaps are an empty list.
func missing(gaps []backup.Gap) []missingNumbers {
	list := []missingNumbers{}
	for _, g := range gaps {
		list = append(list, missingNumbers{uint64(g.First), uint64(g.Last)})
	}
	return list
}

// sayGaps prints a line for each gap, for people.
func sayGaps(c *cli.Context, gaps []backup.Gap) (err error) {
	for _, g := range gaps {
		_, werr := fmt.Fprintf(c.App.Writer, "%s from the backup\n", g)
		err = errors.Join(err, werr)
	}
	return err
}

// gapsAt returns the gaps of the backup at a path by the names of its parts, so that what
// is encrypted, or damaged, is not taken for missing.
func gapsAt(path string) ([]backup.Gap, error) {
	if !isDirectory(path) {
		return nil, nil
	}
	files, err := backup.List(path)
	return backup.Gaps(files), err
}
