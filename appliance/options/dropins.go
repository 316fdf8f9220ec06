package options

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// Beside a configuration file NAME.EXT there may be a directory NAME.d: files *.EXT in
// it are read after the file, in the order of their names, and what a later one says of
// an option holds. So a file that a package has brought stays as it is, and an upgrade
// has nothing to ask.

// mostDropIns is how many of them may be there.
const mostDropIns = 256

// DropIns returns the directory whose files are read after a configuration file.
func DropIns(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".d"
}

// dropIns lists those files, in the order in which they are read, and others that lie
// there and are not read. Hidden ones are nobody's business.
func dropIns(path string) (list, others []string, err error) {
	dir, ext := DropIns(path), filepath.Ext(path)
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0 {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("--config: %w", err)
	}
	for _, f := range files {
		switch name := f.Name(); {
		case strings.HasPrefix(name, "."):
		case filepath.Ext(name) == ext && !f.IsDir():
			list = append(list, filepath.Join(dir, name))
		default:
			others = append(others, filepath.Join(dir, name))
		}
	}
	if len(list) > mostDropIns {
		return nil, nil, fmt.Errorf("--config: %s has %d files; want at most %d", dir, len(list), mostDropIns)
	}
	return list, others, nil
}

// ReadFile reads and checks a configuration file and what is in the directory beside
// it. Each fault is named with its file and line. The library would take unknown and
// repeated keys in silence.
func ReadFile(path string) (*File, error) {
	f, err := readFile(path, Table(), Removed)
	errs := []error{err}
	list, others, err := dropIns(path)
	errs = append(errs, err)
	for _, other := range others {
		f.warn("%s is not read: its name does not end in %s", other, filepath.Ext(path))
	}
	for _, path := range list {
		part, err := readFile(path, Table(), Removed)
		errs = append(errs, err)
		f.add(part)
	}
	return f, errors.Join(errs...)
}

func (f *File) warn(format string, args ...any) {
	if f != nil {
		f.Warnings = append(f.Warnings, fmt.Sprintf(format, args...))
	}
}

// add puts what a later file says over what is there. Either may not have been read.
func (f *File) add(later *File) {
	if f == nil || later == nil {
		return
	}
	maps.Copy(f.values, later.values)
	maps.Copy(f.lines, later.lines)
	f.Warnings = append(f.Warnings, later.Warnings...)
}

// path returns the file that an option's value is from; "" if it is from none.
func (o Origins) path(option string) string {
	if o.Kind(option) != ByFile {
		return ""
	}
	at := strings.TrimSuffix(o[option], ": "+option)
	return at[:max(0, strings.LastIndexByte(at, ':'))]
}

// Origin says where an option's value is from: of which kind the place is and, of a
// file that is read after the configuration file, which one it is.
func (c *Config) Origin(option string) string {
	return fileOrigin(c.From.Kind(option), c.From.path(option), c.ConfigFile)
}

// FileOrigin is the origin of a value that stands in one of the files.
func (c *Config) FileOrigin(path string) string { return fileOrigin(ByFile, path, c.ConfigFile) }

func fileOrigin(kind, path, config string) string {
	if path == "" || path == config {
		return kind
	}
	return kind + " " + path
}
