package appliance_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// groupKind is one of the two kinds of memory control groups: where they are mounted,
// and what their files are called.
type groupKind struct {
	root, limit, peak string
	// kills has a line "oom_kill N", which counts the processes that the kernel has
	// killed because their group had no memory left.
	kills string
}

var (
	group1 = groupKind{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"}
	group2 = groupKind{"/sys/fs/cgroup", "memory.max", "memory.peak", "memory.events"}
)

// groupsHere returns the kind of control groups that bounds memory on this machine.
// Only root may make such groups.
func groupsHere(t *testing.T) groupKind {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may make a control group")
	}
	if _, err := os.Stat(filepath.Join(group1.root, group1.limit)); err == nil {
		return group1
	}
	return group2
}

// groupBounds is what is written to the files of two control groups of which one is
// in the other, by file. The node is in the inner one.
type groupBounds struct{ outer, inner map[string]string }

// nest makes two control groups, one in the other, and returns where the inner one is.
// The kernel must have killed nothing in it when the test ends.
func (k groupKind) nest(t *testing.T, bounds groupBounds) string {
	t.Helper()
	outer := filepath.Join(k.root, fmt.Sprintf("ledge-test-%d-%s", os.Getpid(), filepath.Base(t.Name())))
	inner := filepath.Join(outer, "inner")
	for _, g := range []struct {
		path  string
		files map[string]string
	}{{outer, bounds.outer}, {inner, bounds.inner}} {
		if k == group2 { // a group has the files only if the one around it hands memory on
			writeGroup(t, filepath.Dir(g.path), "cgroup.subtree_control", "+memory")
		}
		if err := os.Mkdir(g.path, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Remove(g.path) })
		for file, text := range g.files {
			writeGroup(t, g.path, file, text)
		}
	}
	t.Cleanup(func() { k.spared(t, inner) })
	return inner
}

// writeGroup writes to a file of a control group. It makes no file: in a directory that
// is no control group that would go unnoticed.
func writeGroup(t *testing.T, group, file, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(group, file), os.O_WRONLY, 0)
	if err != nil {
		t.Fatalf("no control group can be made: %v", err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// spared checks that the kernel has killed nothing in a group, and logs the most that
// the group had.
func (k groupKind) spared(t *testing.T, group string) {
	t.Helper()
	events, err := os.ReadFile(filepath.Join(group, k.kills))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(events), "oom_kill 0\n") {
		t.Errorf("%s is %q; want oom_kill 0 in it", k.kills, events)
	}
	peak, err := os.ReadFile(filepath.Join(group, k.peak))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s %s, %s", k.peak, strings.TrimSpace(string(peak)), strings.Join(strings.Fields(string(events)), " "))
}

// smallGroup makes a control group that may have 64 MiB.
func smallGroup(t *testing.T) string {
	t.Helper()
	k := groupsHere(t)
	return k.nest(t, groupBounds{inner: map[string]string{k.limit: smallLimit}})
}

// smallLimit is what a small control group may have, in bytes.
const smallLimit = "67108864"

// inGroup starts a node in a control group.
func inGroup(t *testing.T, group, dir string, opts ...string) *process {
	t.Helper()
	args := append([]string{"-c", `echo $$ > "$0"/cgroup.procs; exec "$@"`, group, binary(t)}, serving(t, dir, opts...)...)
	return launch(t, exec.Command("/bin/sh", args...))
}
