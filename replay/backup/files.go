package backup

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// A directory has one part for each time that a backup was taken into it. The name
// says what an increment has to go on from, so that it can be taken without the key
// of the parts that are encrypted.
const (
	// Extension is what the name of a part ends with.
	Extension = ".backup"
	// Sealed is what the name of a part ends with that is encrypted.
	Sealed = ".age"
	// unfinished is what a part is called while it is written.
	unfinished = ".tmp"
)

// File is a part as its name says.
type File struct {
	Path    string
	Lineage journal.Lineage
	After   journal.Seq
	Last    Point
	Base    bool
	Sealed  bool
	Bytes   int64
}

// Name returns what the part of a header is called in a directory.
func Name(h *Header) string {
	kind := "adds"
	if h.Base() {
		kind = "base"
	}
	return fmt.Sprintf("%020d-%020d-%s-%d-%s-%s%s", h.After.Seq, h.Last.Seq, h.Last.Digest, h.Last.Epoch, h.Lineage, kind, Extension)
}

var nameForm = regexp.MustCompile(`^(\d{20})-(\d{20})-([0-9a-f]{16})-(\d{1,20})-([0-9a-f]{16})-(base|adds)\.backup(\.age)?$`)

// parseName reads what Name has written.
func parseName(name string) (f File, ok bool) {
	m := nameForm.FindStringSubmatch(name)
	if m == nil {
		return f, false
	}
	var nums [5]uint64
	for i, base := range []int{10, 10, 16, 10, 16} {
		n, err := strconv.ParseUint(m[i+1], base, 64)
		if err != nil {
			return f, false
		}
		nums[i] = n
	}
	return File{Lineage: journal.Lineage(nums[4]), After: journal.Seq(nums[0]),
		Last: Point{journal.Pos{Seq: journal.Seq(nums[1]), Digest: journal.Digest(nums[2])}, nums[3]},
		Base: m[6] == "base", Sealed: m[7] != ""}, true
}

// List returns the parts in dir by their names, in their order. Other files are no
// parts.
func List(dir string) ([]File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	var files []File
	for _, e := range entries {
		f, ok := parseName(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		f.Path = filepath.Join(dir, e.Name())
		if st, err := e.Info(); err == nil {
			f.Bytes = st.Size()
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int {
		return cmp.Or(cmp.Compare(a.After, b.After), cmp.Compare(a.Last.Seq, b.Last.Seq))
	})
	return files, nil
}

// ErrNone says of a directory that no part of a backup is in it.
var ErrNone = errors.New("holds no backup")

// Find returns the parts at a path: those of a directory, or the one file. open
// decrypts one that is sealed.
func Find(path string, open func(io.Reader) (io.Reader, error)) ([]Part, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	if !st.IsDir() {
		sealed := strings.HasSuffix(path, Sealed) || st.Mode().IsRegular() && beginsSealed(path)
		return []Part{FilePart(path, sealed, open)}, nil
	}
	files, err := List(path)
	if err == nil && len(files) == 0 {
		err = fault.With(fault.Operator, fmt.Errorf("%s %w", path, ErrNone))
	}
	var parts []Part
	for _, f := range files {
		parts = append(parts, FilePart(f.Path, f.Sealed, open))
	}
	return parts, err
}

// sealedHead is how a file begins that is encrypted.
const sealedHead = "age-encryption.org/"

// beginsSealed reports whether a file is encrypted, whatever it is called: one that came
// from standard output has the name that its owner gave it.
func beginsSealed(path string) bool {
	f, err := durable.Open(path)
	if err != nil {
		return false // whoever reads it says why
	}
	defer f.Close()
	head := make([]byte, len(sealedHead))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == sealedHead
}

// FilePart returns the part in a file.
func FilePart(path string, sealed bool, open func(io.Reader) (io.Reader, error)) Part {
	return Part{Name: path, Open: func() (io.ReadCloser, error) {
		f, err := durable.Open(path)
		if err != nil || !sealed {
			return f, err
		}
		r, err := open(f)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return opened{r, f}, nil
	}}
}

// opened is a file that is read through something.
type opened struct {
	io.Reader
	io.Closer
}
