package jet

import (
	"os"
	"path/filepath"
	"slices"

	"ledge/journal/blocks"
	"ledge/journal/durable"
)

// Misplaced returns what is where the journal in dir, a Config.Dir, has files, and is
// none: a directory, a pipe. Such a file counts as lost; but as long as that is in its
// place nobody can write it again, and the broker would wait for ever for a pipe.
func Misplaced(dir string) (paths []string) {
	stream := blocks.NewStore(dir).Dir
	for _, in := range []struct {
		dir   string
		names []string
	}{
		{dir, []string{markFile, markCopy, markFile + ".tmp", markCopy + ".tmp"}},
		{stream, []string{blocks.MetaFile, blocks.MetaSum, blocks.MetaFile + ".tmp", blocks.MetaSum + ".tmp"}},
		{filepath.Join(stream, blocks.BlockDir), []string{"*.blk", "*.blk.tmp", blocks.IndexFile}},
		{filepath.Join(stream, blocks.NewBlockDir), []string{"*.blk", "*.blk.tmp", blocks.IndexFile}},
	} {
		files, _ := os.ReadDir(in.dir) // Open says what fails
		for _, f := range files {
			path := filepath.Join(in.dir, f.Name())
			if !f.Type().IsRegular() && durable.Misplaced(path) != "" && slices.ContainsFunc(in.names, func(pattern string) bool {
				ok, _ := filepath.Match(pattern, f.Name())
				return ok
			}) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}
