package main

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/jet"
	"ledge/journal/jet/jettest"
)

// A directory with anything in it that a newer program has written is refused, by
// start, verify and repair, whatever they are told about damage: with the format that
// isn't known, and without a change to journal, snapshots and ledge.json.
func TestNewer(t *testing.T) {
	for name, c := range map[string]struct {
		make func(t *testing.T, dir string)
		want string
	}{
		"frame":  {func(t *testing.T, dir string) { appendFrame(t, dir, "LDG2", 0) }, "is a frame of format LDG2"},
		"effect": {func(t *testing.T, dir string) { appendFrame(t, dir, "LDG1", 99) }, "has effect 99"},
		"mark": {func(t *testing.T, dir string) {
			newerMark(t, filepath.Join(dir, "journal", "mark"))
			newerMark(t, filepath.Join(dir, "journal", "mark.copy"))
		}, "it knows LDGM"},
		"a copy of the mark": {func(t *testing.T, dir string) {
			newerMark(t, filepath.Join(dir, "journal", "mark.copy"))
		}, "it knows LDGM"},
		"stream":   {newerStream, "has format 2; this program knows 1"},
		"snapshot": {newerSnapshot, "snapshot format 4; this program knows up to 3"},
		"a copy of ledge.json": {func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, "ledge.json.copy"), []byte(`{"format": 2, "state": "elsewhere"}`))
			put(t, filepath.Join(dir, "ledge.json"), []byte(`{"form`))
		}, "has format 2; this program knows up to 1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(unpack(t, "testdata/kept/0.1.0-who.tar.gz"), "closed")
			c.make(t, dir)
			before := contents(t, dir)
			serve := []string{"serve", "--dir", dir, "--listen", "127.0.0.1:0", "--nats-listen", "off", "--reserve", "0"}
			for _, args := range [][]string{
				{"journal", "verify", "--dir", dir}, serve, append(serve, "--on-damage", "serve-good"),
				{"journal", "repair", "--dir", dir}, {"journal", "repair", "--dir", dir, "--apply"},
			} {
				got := ledge(t, args...)
				if got.code != exitRefused || !strings.Contains(got.stderr, c.want) ||
					!strings.Contains(got.stderr, "use the program that wrote it, or newer") {
					t.Errorf("%q: exit code %d, %s; want 1 and %q", args, got.code, got.stderr, c.want)
				}
				if after := contents(t, dir); !maps.Equal(before, after) {
					t.Fatalf("%q has changed something", args)
				}
			}
		})
	}
}

// contents returns what must not change of a directory, by path.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if name := d.Name(); strings.HasSuffix(name, ".blk") || strings.HasSuffix(name, ".snap") || strings.HasPrefix(name, "ledge.json") {
			files[path] = string(b)
		}
		return err
	})
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// appendFrame appends a whole frame that begins with magic and has one effect.
func appendFrame(t *testing.T, dir, magic string, kind byte) {
	t.Helper()
	root := filepath.Join(dir, "journal")
	seen, err := jet.Look(root)
	if err != nil {
		t.Fatal(err)
	}
	j, err := jettest.Open(t.Context(), jet.Config{Dir: root, Lineage: seen.Lineage}, broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	span, err := j.Stat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := append([]byte(magic), 0, 0, 0, 0)
	for _, v := range []uint64{uint64(span.Last) + 1, 1, 0, uint64(seen.Lineage)} {
		f = binary.BigEndian.AppendUint64(f, v)
	}
	f = append(binary.BigEndian.AppendUint32(f, 1), 0, 1, kind) // one entry, time 0, one effect
	sum := journal.Checksum(f[8:])
	if magic != "LDG1" {
		sum = journal.Checksum(f[:4], f[8:])
	}
	binary.BigEndian.PutUint32(f[4:], sum)
	if err := errors.Join(j.Append(t.Context(), span.Last, f), j.Close()); err != nil {
		t.Fatal(err)
	}
}

func newerMark(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at+512 <= len(b); at += 512 {
		b[at+3] = 'N'
		binary.BigEndian.PutUint32(b[at+37:], crc32.ChecksumIEEE(b[at:at+37]))
	}
	put(t, path, b)
}

func newerStream(t *testing.T, dir string) {
	t.Helper()
	s := blocks.NewStore(filepath.Join(dir, "journal"))
	b, err := s.ReadMeta()
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := broker.ParseMeta(b)
	spec.Metadata["ledge.format"] = "2"
	if b, err = spec.Meta(time.Now()); err == nil {
		err = s.WriteMeta(b)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func newerSnapshot(t *testing.T, dir string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "snapshots", "*.snap"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	path := paths[len(paths)-1]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[9] = 4
	binary.BigEndian.PutUint32(b[12:], journal.Checksum(b[:12], b[16:64]))
	put(t, path, b)
}
