package appliance_test

import (
	le "encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"ledge/packaging/pagetest"
)

const (
	directoryPage = "../packaging/docs/directory.md"
	formatPage    = "../journal/FORMAT.md"
)

// The pages name what a directory has in it, and nothing else. The directory is one
// of a node that has been through everything: it has led, followed, diverged, taken
// a snapshot of its leader's, and found a directory in the place of a file. The
// system tells of each name that is made, so that those are seen, too, that are
// there for a moment.
func TestDirectoryPage(t *testing.T) {
	dirs := directories(t, "leader", "replica")
	dir := dirs[1]
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	seen := watch(t, dir)
	b := lead(t, dir)
	seen.also(t, filepath.Join(dir, "journal"))
	b.do("SET", "of", "its own")
	b.do("SAVE")
	b.end(syscall.SIGTERM)

	misplaced := filepath.Join(dir, "run.json")
	err := os.Remove(misplaced)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Mkdir(misplaced, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	a := lead(t, dirs[0])
	a.do("SET", "of", "the leader")
	if got := run(t, "compact", "--dir", a.dir); got.code != 0 {
		t.Fatalf("compact: %s", got.stderr)
	}
	b = follow(t, dir, a, "--on-divergence", "resync")
	b.equal(a)
	b.follows(a) // which takes a leader's password into auth
	b.end(syscall.SIGTERM)

	var want []string
	for _, row := range pagetest.Table(t, directoryPage, "## What is in it") {
		want = append(want, pagetest.Code(row[0])...)
	}
	top, inJournal := seen.names(dir)
	slices.Sort(want)
	pagetest.Same(t, directoryPage, "path", want, without(without(without(top, ".tmp"), "room.tmp/"), "run.json/"))

	want = nil
	for _, row := range pagetest.Table(t, formatPage, "## Where frames are kept") {
		// Those that stand for one file each of a directory name the directory.
		base := ""
		for _, path := range pagetest.Code(row[0]) {
			if strings.Contains(path, "/") && !strings.HasSuffix(path, "/") {
				base = filepath.Dir(path)
			} else if base != "" {
				path = filepath.Join(base, path)
			}
			want = append(want, path)
		}
	}
	got := without(inJournal, ".tmp")
	got = append(slices.DeleteFunc(got, func(s string) bool { return s == "jetstream/" }), tree(t, filepath.Join(dir, "journal"))...)
	slices.Sort(got)
	slices.Sort(want)
	pagetest.Same(t, formatPage, "path", want, slices.Compact(got))

	checkRecords(t, filepath.Join(dir, "journal/jetstream/JOURNAL/streams/J/msgs"))
}

// without leaves out files that end in something.
func without(list []string, suffix string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return strings.HasSuffix(s, suffix) })
}

var blockNumber = regexp.MustCompile(`\b\d+\.blk$`)

// tree returns the files and empty directories of the broker's below dir, with N for
// a block's number.
func tree(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "jetstream"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !d.IsDir() {
			list = append(list, blockNumber.ReplaceAllString(rel, "N.blk"))
		} else if below, err := os.ReadDir(path); err == nil && len(below) == 0 {
			list = append(list, rel+"/")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// checkRecords takes the records of the last block apart by the page's table: they
// must follow each other up to the end of the file, and their lengths add up.
func checkRecords(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("blocks: %q, %v; want some", files, err)
	}
	b, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	rows := pagetest.Table(t, formatPage, "### What we rely on in a block file")
	records := 0
	for ; len(b) > 0; records++ {
		record := b[:min(int(le.LittleEndian.Uint32(b)&^(1<<31)), len(b))]
		b = b[len(record):]
		if headed := record[3]&0x80 != 0; !headed {
			continue // a tombstone
		}
		values, rest := make(map[string]uint64), record
		for _, row := range rows {
			size, err := strconv.Atoi(row[0])
			if err != nil { // what has a length of its own
				size = int(values[row[1]+" length"])
			}
			if row[1] == "data" {
				size = len(rest) - 8
			}
			if size > len(rest) || size < 0 {
				t.Fatalf("%s: %s has %d bytes of %d; record %x", formatPage, row[1], size, len(rest), record)
			}
			field := rest[:size]
			rest = rest[size:]
			if err == nil {
				values[row[1]] = le.LittleEndian.Uint64(append(slices.Clone(field), make([]byte, 8-size)...))
			}
			if row[1] == "subject" && string(field) != "j" || row[1] == "data" && !strings.HasPrefix(string(field), "LDG1") {
				t.Errorf("%s: %s is %.40q", formatPage, row[1], field)
			}
		}
		if len(rest) > 0 {
			t.Errorf("%s leaves %d bytes of a record", formatPage, len(rest))
		}
	}
	if records == 0 {
		t.Error("no record is in the block")
	}
}

// watched is what has been made in some directories.
type watched struct {
	fd   int
	dirs map[int]string // by watch descriptor
	seen map[string]map[string]bool
}

// watch notes what is made in a directory.
func watch(t *testing.T, dir string) *watched {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{fd: fd, dirs: make(map[int]string), seen: make(map[string]map[string]bool)}
	t.Cleanup(func() { unix.Close(fd) })
	w.also(t, dir)
	return w
}

// also notes what is made in another directory, and what is there.
func (w *watched) also(t *testing.T, dir string) {
	t.Helper()
	wd, err := unix.InotifyAddWatch(w.fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO)
	if err != nil {
		t.Fatal(err)
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.dirs[wd], w.seen[dir] = dir, make(map[string]bool)
	for _, f := range there {
		w.note(dir, f.Name(), f.IsDir())
	}
}

// note notes a name.
func (w *watched) note(dir, name string, isDir bool) {
	if isDir {
		name += "/"
	}
	w.seen[dir][name] = true
}

// names returns what has been made in a directory so far, and in the journal's below
// it.
func (w *watched) names(dir string) (top, journal []string) {
	b := make([]byte, 1<<16)
	for {
		n, err := unix.Read(w.fd, b)
		if err != nil || n <= 0 {
			break
		}
		for at := 0; at < n; {
			e := (*unix.InotifyEvent)(unsafe.Pointer(&b[at]))
			name := strings.TrimRight(string(b[at+unix.SizeofInotifyEvent:at+unix.SizeofInotifyEvent+int(e.Len)]), "\x00")
			w.note(w.dirs[int(e.Wd)], name, e.Mask&unix.IN_ISDIR != 0)
			at += unix.SizeofInotifyEvent + int(e.Len)
		}
	}
	sorted := func(dir string) []string { return slices.Sorted(maps.Keys(w.seen[dir])) }
	return sorted(dir), sorted(filepath.Join(dir, "journal"))
}
