package jet

import (
	"os"
	"path/filepath"
	"slices"
)

// Misplaced returns the directories that stand where the journal in dir, a
// Config.Dir, has files. Such a file counts as lost; but as long as the directory
// is in its place nobody can write it again.
func Misplaced(dir string) (paths []string) {
	stream := newStore(dir).dir
	for _, in := range []struct {
		dir   string
		names []string
	}{
		{dir, []string{markFile, markCopy, markFile + ".tmp", markCopy + ".tmp"}},
		{stream, []string{metaFile, metaSum, metaFile + ".tmp", metaSum + ".tmp"}},
		{filepath.Join(stream, "msgs"), []string{"*.blk", "*.blk.tmp", indexFile}},
		{filepath.Join(stream, "__new_msgs__"), []string{"*.blk", "*.blk.tmp", indexFile}},
	} {
		files, _ := os.ReadDir(in.dir) // who opens the journal says what fails
		for _, f := range files {
			if f.IsDir() && slices.ContainsFunc(in.names, func(pattern string) bool {
				ok, _ := filepath.Match(pattern, f.Name())
				return ok
			}) {
				paths = append(paths, filepath.Join(in.dir, f.Name()))
			}
		}
	}
	return paths
}
