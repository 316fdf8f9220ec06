package main

// This file makes the directories that the tests of damage harm.

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/appliance"
	"ledge/journal"
	"ledge/journal/jet"
)

// patient is a data directory to be harmed.
type patient struct {
	dir, older string
	last       journal.Seq
	keys       int
	digests    map[journal.Seq]string // of the state after a number
}

// lifetime runs a node on dir, sends it inline commands, and has both called with
// the node still running.
func lifetime(t *testing.T, dir string, lines []string, running func()) {
	t.Helper()
	n, err := appliance.Open(t.Context(), damageConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- n.Run(context.Background()) }()
	nc, err := net.Dial("tcp", n.Status().Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	replies := bufio.NewReader(nc)
	for _, line := range lines {
		fmt.Fprintf(nc, "%s\r\n", line)
		if got, err := replies.ReadString('\n'); err != nil || got[0] == '-' {
			t.Fatalf("%s: %q, %v", line, got, err)
		}
	}
	running()
	n.Shutdown()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

func damageConfig(dir string) appliance.Config {
	return appliance.Config{Dir: dir, Listen: "127.0.0.1:0", NATSListen: appliance.Off, Node: "n", Reserve: 1 << 20}
}

// sets returns commands that set keys from one number to another.
func sets(from, to int) (lines []string) {
	for i := from; i <= to; i++ {
		lines = append(lines, fmt.Sprintf("SET key%d %s", i, strings.Repeat(strconv.Itoa(i), 20)))
	}
	return lines
}

// samples returns a directory whose node was closed and one whose was killed, a
// second after its last write. Both have two snapshots, of which the journal goes
// back to the older, and what else may stand in a directory.
func samples(t *testing.T) (closed, killed patient) {
	dir, older := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	var killedDir string
	lifetime(t, dir, append(append(sets(1, 5), "SAVE"), sets(6, 8)...), func() {})
	copyTree(t, dir, older)
	lifetime(t, dir, append(append(sets(9, 12), "SAVE"), sets(13, 20)...), func() { killedDir = witnessed(t, dir) })
	closed, killed = patient{dir: dir, older: older}, patient{dir: killedDir, older: older}
	if err := setGuard(filepath.Join(killedDir, "journal")); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*patient{&closed, &killed} {
		for path, text := range map[string]string{
			"sync/00000000000000000009.part": "part of a snapshot", "auth/leader": "hunter2\n",
			"diverged/20260101T000000.000-0123456789abcdef/journal/mark": "what was set aside",
			"damaged/20260101T000000.000/journal/1.blk":                  "what was set aside",
		} {
			path = filepath.Join(s.dir, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s.learn(t)
	}
	return closed, killed
}

// markSays returns the witness in a directory's mark.
func markSays(t *testing.T, dir string) (last journal.Seq) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "journal", "mark"))
	if err != nil {
		t.Fatal(err)
	}
	for _, slot := range [][]byte{b[:512], b[512:]} {
		var n journal.Seq
		for _, c := range slot[28:36] {
			n = n<<8 | journal.Seq(c)
		}
		last = max(last, n)
	}
	return last
}

// learn reads what a good directory holds.
func (s *patient) learn(t *testing.T) {
	t.Helper()
	st, err := appliance.OpenStopped(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	v, err := st.Verify(t.Context())
	if err != nil || len(v.Notes) > 0 {
		t.Fatalf("a good directory: %v, %q", err, v.Notes)
	}
	s.last, s.keys = v.Journal.Last, v.Keys
	s.digests = map[journal.Seq]string{s.last: v.Pos.Digest.String()}
	for c, err := range st.Batches(t.Context(), v.Journal.First) {
		if err != nil {
			t.Fatal(err)
		}
		s.digests[c.Seq()-1] = c.Batch().Prev.String()
	}
}

// witnessed waits until a copy of a running node's directory has a mark that
// knows of everything in it, and returns that copy.
func witnessed(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		copyTree(t, dir, to)
		s, err := jet.Inspect(t.Context(), filepath.Join(to, "journal"), 0)
		if err == nil && s.Marked && s.Promised == s.Reach(s.Floor) && markSays(t, to) == s.Promised {
			return to
		}
	}
	t.Fatal("after 30 s the witness has not seen the last write")
	return ""
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // it was a temporary file
		}
		rel, _ := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// setGuard leaves the stream's files under second names, as a start does that is
// killed while the broker loads them.
func setGuard(dir string) error {
	stream := filepath.Join(dir, "jetstream/JOURNAL/streams/J")
	return filepath.WalkDir(stream, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "index.db" {
			return err
		}
		rel, _ := filepath.Rel(stream, path)
		to := filepath.Join(dir, "guard", rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.Link(path, to)
	})
}
