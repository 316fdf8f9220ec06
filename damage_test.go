package main

// Every file of a data directory is harmed in every way, in a directory that was
// closed and in one whose node was killed. Each such cell is served whole, or
// refused with the number and the command that goes on from there, or, only with
// an operator's word, served with the loss named. journal verify says what a
// start says, and the command leads to a node that serves.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"ledge/appliance"
	"ledge/journal"
	"ledge/journal/fault"
)

// harms are the ways in which a file is harmed. Each returns false where it
// would change nothing.
var harms = []struct {
	name string
	do   func(path, older string) (bool, error)
}{
	{"flip", func(path, _ string) (bool, error) {
		return change(path, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	}},
	{"flip the last", func(path, _ string) (bool, error) {
		return change(path, func(b []byte) []byte { b[len(b)-1] ^= 0x10; return b })
	}},
	{"cut", func(path, _ string) (bool, error) {
		return change(path, func(b []byte) []byte { return b[:len(b)/2] })
	}},
	{"empty", func(path, _ string) (bool, error) {
		return change(path, func(b []byte) []byte { return nil })
	}},
	{"zero", func(path, _ string) (bool, error) {
		return change(path, func(b []byte) []byte { clear(b); return b })
	}},
	{"garbage", func(path, _ string) (bool, error) {
		return change(path, func(b []byte) []byte { return append(b, "\x01\x02garbage that nobody wrote here\n"...) })
	}},
	{"directory", func(path, _ string) (bool, error) {
		if strings.HasSuffix(path, "/lock") {
			return false, nil // it is taken before anything is looked at, and says so
		}
		if err := os.Remove(path); err != nil {
			return false, err
		}
		return true, os.MkdirAll(filepath.Join(path, "not", "empty"), 0o700)
	}},
	{"delete", func(path, _ string) (bool, error) { return true, os.Remove(path) }},
	{"older", func(path, older string) (bool, error) {
		b, err := os.ReadFile(older)
		if err != nil {
			return false, nil // it was not there
		}
		return change(path, func([]byte) []byte { return b })
	}},
	{"swap", func(path, _ string) (bool, error) {
		files, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			return false, err
		}
		i := slices.IndexFunc(files, func(f fs.DirEntry) bool { return f.Name() == filepath.Base(path) })
		for k := range files {
			if f := files[(i+k+1)%len(files)]; f.Type().IsRegular() && f.Name() != filepath.Base(path) {
				other, tmp := filepath.Join(filepath.Dir(path), f.Name()), path+".swap"
				if err := os.Rename(path, tmp); err != nil {
					return false, err
				}
				if err := os.Rename(other, path); err != nil {
					return false, err
				}
				return true, os.Rename(tmp, other)
			}
		}
		return false, nil
	}},
}

// change rewrites a file, under a name of its own: it may have two.
func change(path string, fn func([]byte) []byte) (bool, error) {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return false, err
	}
	was := bytes.Clone(b)
	if b = fn(b); bytes.Equal(b, was) {
		return false, nil
	}
	if err := os.Remove(path); err != nil {
		return false, err
	}
	return true, os.WriteFile(path, b, 0o600)
}

// outcomes counts how cells have ended.
type outcomes struct {
	mu    sync.Mutex
	count map[string]int
	lines []string
}

func (c *outcomes) add(outcome, cell string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[outcome]++
	c.lines = append(c.lines, outcome+": "+cell)
}

func TestDamageMatrix(t *testing.T) {
	closed, killed := samples(t)
	result := &outcomes{count: make(map[string]int)}
	t.Run("cells", func(t *testing.T) {
		for name, s := range map[string]patient{"closed": closed, "killed": killed} {
			for _, rel := range filesOf(t, s.dir) {
				for _, h := range harms {
					t.Run(fmt.Sprintf("%s/%s/%s", name, rel, h.name), func(t *testing.T) {
						t.Parallel()
						c := harmed{t: t, patient: s, dir: filepath.Join(t.TempDir(), "data")}
						copyTree(t, s.dir, c.dir)
						did, err := h.do(filepath.Join(c.dir, rel), filepath.Join(s.older, rel))
						if err != nil {
							t.Fatal(err)
						}
						if did {
							result.add(c.check(), t.Name())
						}
					})
				}
			}
		}
	})
	total := 0
	for _, n := range result.count {
		total += n
	}
	t.Logf("%d cells: %v", total, result.count)
	slices.Sort(result.lines)
	for _, l := range result.lines {
		if !strings.HasPrefix(l, "served whole: ") {
			t.Log(l)
		}
	}
	if total < 200 {
		t.Errorf("%d cells; want every file in every way", total)
	}
}

func filesOf(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// harmed is one directory that was harmed in one way.
type harmed struct {
	t *testing.T
	patient
	dir string
}

var (
	upTo    = regexp.MustCompile(`recovered up to number (\d+), (\d+) keys`)
	lostAre = regexp.MustCompile(`lost is (?:numbers? (\d+)|nothing that has left a trace; if there were numbers from (\d+))`)
	goesOn  = regexp.MustCompile(`run: ledge (.*)$`)
)

// check says how a cell ends.
func (c *harmed) check() string {
	c.t.Helper()
	notes, found := c.verify()
	var log bytes.Buffer
	at, err := c.serve(appliance.DamageStop, &log)
	if (err == nil) != (found == nil) || err != nil && damageAt(err) != damageAt(found) {
		c.t.Fatalf("verify says %v, and a start %v; want one answer", found, err)
	}
	if err == nil {
		if at != c.last {
			c.t.Fatalf("it serves up to number %d without being told to; want %d\n%s", at, c.last, &log)
		}
		// node.db is no part of what verify looks at: a start begins it anew and says so.
		warned, ownStore := strings.Contains(log.String(), "level=WARN"), strings.Contains(log.String(), "the node's own store")
		if warned && len(notes) == 0 && !ownStore {
			c.t.Errorf("verify says nothing; a start warns:\n%s", &log)
		}
		if !warned && len(notes) > 0 && !strings.Contains(c.t.Name(), "/snapshots/") {
			c.t.Errorf("a start says nothing; verify notes %q", notes) // a running node reads the older snapshot
		}
		if len(notes) > 0 {
			return "served whole with a warning"
		}
		return "served whole"
	}
	text := fault.Line(err)
	cmd, lost := goesOn.FindStringSubmatch(text), lostAre.FindStringSubmatch(text)
	if cmd == nil {
		c.t.Fatalf("a start says %q; want the command that goes on at its end", text)
	}
	if !strings.HasSuffix(fault.Line(found), cmd[0]) {
		c.t.Errorf("a start says %q, and verify %q; want one command", text, found)
	}
	other := filepath.Join(c.t.TempDir(), "data")
	copyTree(c.t, c.dir, other)
	got := ledge(c.t, strings.Fields(cmd[1])...)
	if got.code != 0 {
		c.t.Fatalf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
	}
	at, err = c.serve(appliance.DamageStop, &log)
	if err != nil {
		c.t.Fatalf("after %s, which says\n%s, a start says %v; it was %s", cmd[0], got.stdout, err, text)
	}
	if lost == nil {
		if at != c.last {
			c.t.Errorf("after %s it serves up to number %d and nothing was said to be lost: %s", cmd[0], at, text)
		}
		return "refused, whole after the command"
	}
	first, _ := strconv.Atoi(lost[1] + lost[2])
	if journal.Seq(first) != at+1 {
		c.t.Errorf("it serves up to number %d; it said %q", at, text)
	}
	if lost[2] == "" && c.unattended(other) != at {
		c.t.Errorf("unattended it serves another end than %d", at)
	}
	return fmt.Sprintf("refused, %d numbers lost with the operator's word", c.last-at)
}

// verify asks journal verify.
func (c *harmed) verify() ([]string, error) {
	st, err := appliance.OpenStopped(c.dir)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	v, err := st.Verify(c.t.Context())
	return v.Notes, err
}

// damageAt returns the number that an error names; 0 is none.
func damageAt(err error) journal.Seq {
	var d *journal.DamageError
	if errors.As(err, &d) {
		return d.Seq
	}
	return 0
}

// serve starts a node, checks that it serves what was written up to some number,
// and returns that.
func (c *harmed) serve(onDamage string, log *bytes.Buffer) (journal.Seq, error) {
	c.t.Helper()
	cfg := damageConfig(c.dir)
	cfg.OnDamage = onDamage
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	n, err := appliance.Open(c.t.Context(), cfg)
	if err != nil {
		return 0, err
	}
	said := n.Status().Recovered
	if err := n.Close(); err != nil {
		c.t.Fatal(err)
	}
	m := upTo.FindStringSubmatch(said)
	if m == nil {
		m = []string{"", "0", "0"} // new and empty
	}
	at, _ := strconv.Atoi(m[1])
	after := c.served()
	if want, ok := c.digests[journal.Seq(at)]; at > 0 && (!ok || after != want) {
		c.t.Fatalf("the state at number %d has digest %s; want %s", at, after, want)
	}
	return journal.Seq(at), nil
}

// served returns the digest of what verify finds after a run: the run has only
// begun an epoch.
func (c *harmed) served() string {
	c.t.Helper()
	st, err := appliance.OpenStopped(c.dir)
	if err != nil {
		c.t.Fatal(err)
	}
	defer st.Close()
	v, err := st.Verify(c.t.Context())
	if err != nil {
		c.t.Fatalf("after a run verify says %v", err)
	}
	return v.Pos.Digest.String()
}

// unattended serves a copy with --on-damage serve-good.
func (c *harmed) unattended(dir string) journal.Seq {
	c.t.Helper()
	other := harmed{t: c.t, patient: c.patient, dir: dir}
	var log bytes.Buffer
	at, err := other.serve(appliance.DamageServeGood, &log)
	if err != nil {
		c.t.Fatalf("with --on-damage serve-good: %v", err)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "numbers are lost") {
		c.t.Errorf("with --on-damage serve-good the log does not name the loss at ERROR:\n%s", &log)
	}
	return at
}

// A byte that is flipped where a snapshot covers it costs nothing and is damage all
// the same: journal verify says so with its exit code, also in JSON. An append that
// was cut short is no damage.
func TestVerifyCodes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var killed string
	lifetime(t, dir, append(append(sets(1, 9), "SAVE"), sets(10, 12)...), func() { killed = bare(t, dir) })
	const stream = "journal/jetstream/JOURNAL/streams/J/"
	flip := func(rel string, at int) func(string) {
		return func(dir string) {
			_, err := change(filepath.Join(dir, rel), func(b []byte) []byte {
				b[(at+len(b))%len(b)] ^= 1
				return b
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		from string
		harm func(dir string)
		code int
		ok   bool
	}{
		"whole":             {dir, func(string) {}, 0, true},
		"covered frame":     {dir, flip(stream+"msgs/1.blk", 200), 1, false},
		"meta.inf":          {dir, flip(stream+"meta.inf", 20), 1, false},
		"copy of the mark":  {dir, flip("journal/mark.copy", 30), 0, true}, // the mark itself is good
		"identity":          {dir, flip("ledge.json", 20), 1, false},
		"snapshot":          {dir, flip("snapshots/00000000000000000010.snap", -20), 1, false},
		"killed":            {killed, func(string) {}, 0, true},
		"unfinished append": {killed, func(dir string) { extend(t, filepath.Join(dir, stream+"msgs/1.blk")) }, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			to := bare(t, c.from)
			c.harm(to)
			got := ledge(t, "journal", "verify", "--dir", to)
			if got.code != c.code || (got.stderr != "") != (c.code != 0) {
				t.Errorf("exit code %d, %s%s; want %d", got.code, got.stdout, got.stderr, c.code)
			}
			got = ledge(t, "journal", "verify", "--json", "--dir", to)
			var said struct {
				OK      bool
				Damaged bool
				Keys    int
				Notes   []string
			}
			if err := json.Unmarshal([]byte(got.stdout), &said); err != nil || got.code != c.code ||
				said.OK != c.ok || said.Damaged == c.ok || said.Keys != 12 || c.code != 0 && len(said.Notes) == 0 {
				t.Errorf("--json: exit code %d, %v, %s; want ok %t, 12 keys, and notes", got.code, err, got.stdout, c.ok)
			}
		})
	}
}

// extend adds pages to a block that were never written, as a process leaves that is
// killed within an append.
func extend(t *testing.T, path string) {
	t.Helper()
	if _, err := change(path, func(b []byte) []byte { return append(b, make([]byte, 100)...) }); err != nil {
		t.Fatal(err)
	}
}
