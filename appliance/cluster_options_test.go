package appliance_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ledge/appliance/options"
)

// Options that contradict a cluster are refused at the start, each with the place where it
// stands.
func TestClusterClash(t *testing.T) {
	dir := t.TempDir()
	secret, file, ruled := filepath.Join(dir, "secret"), filepath.Join(dir, "ledge.yaml"), filepath.Join(dir, "ruled.yaml")
	replaceFile(t, ruled, "cluster: no\n\ncluster-authority: external\n")
	replaceFile(t, secret, "s3cret\n")
	replaceFile(t, file, "databases: 4\n\ncluster: yes\nnats-listen: off\n")
	for name, tt := range map[string]struct {
		args []string
		env  string
		want []string
	}{
		"databases, flag":     {[]string{"--cluster", "yes", "--databases", "4"}, "", []string{"--cluster: --databases is 4, and a cluster has one database"}},
		"databases, file":     {[]string{"--config", file}, "", []string{file + ":3: cluster: " + file + ":1: databases is 4"}},
		"databases, variable": {[]string{"--cluster", "yes"}, options.Env("databases") + "=4", []string{"--cluster: " + options.Env("databases") + " is 4"}},
		"no listener, a secret": {[]string{"--config", file, "--databases", "1", "--cluster-secret-file", secret}, "",
			[]string{file + ":3: cluster: " + file + ":4: nats-listen is off", "cluster-secret-file"}},
		"a controller, no cluster":       {[]string{"--cluster-authority", "external"}, "", []string{"--cluster-authority: --cluster is no, so there are no slots"}},
		"a controller, no cluster, file": {[]string{"--config", ruled}, "", []string{ruled + ":3: cluster-authority: " + ruled + ":1: cluster is no"}},
		"a secret, no cluster":           {[]string{"--cluster-secret-file", secret}, "", []string{"--cluster-secret-file: --cluster is no"}},
	} {
		t.Run(name, func(t *testing.T) {
			if name, val, ok := strings.Cut(tt.env, "="); ok {
				t.Setenv(name, val)
			}
			got := run(t, append([]string{"serve", "--dir", filepath.Join(dir, "data")}, tt.args...)...)
			for _, want := range tt.want {
				if got.code != 2 || !strings.Contains(got.stderr, want) {
					t.Errorf("exit code %d, %s; want 2, and %q", got.code, got.stderr, want)
				}
			}
		})
	}
	if got := run(t, "cluster", "status", "--dir", lead(t, t.TempDir()).dir); got.code == 0 || !strings.Contains(got.stderr, "start it with --cluster yes") {
		t.Errorf("cluster status without a cluster: exit code %d, %s; want what to do", got.code, got.stderr)
	}
}

// A node that other shards have to reach is not started without the listener by which they
// come: neither if its directory has the secret, nor if they own slots.
func TestClusterWithoutListener(t *testing.T) {
	dirs := directories(t, "a", "b")
	a, b := twoProcesses(t, dirs)
	b.end(syscall.SIGTERM)
	a.end(syscall.SIGTERM)
	replaceFile(t, filepath.Join(dirs[1], "auth", "peer"), "s3cret\n")
	for _, secret := range []bool{true, false} {
		want := "--nats-listen: is off, and by it nodes of other shards come, which own slots of cluster"
		if secret {
			want = "--nats-listen: is off, and by it nodes of other shards come, whose secret " + filepath.Join(dirs[1], "auth", "peer") + " has"
		} else if err := os.Remove(filepath.Join(dirs[1], "auth", "peer")); err != nil {
			t.Fatal(err)
		}
		if got := run(t, append(serving(t, dirs[1]), "--cluster", "yes")...); got.code == 0 || !strings.Contains(got.stderr, want) {
			t.Errorf("secret %v: exit code %d, %s; want %q", secret, got.code, got.stderr, want)
		}
	}
}

// twoProcesses is a cluster of two shards, of which the first has all slots.
func twoProcesses(t *testing.T, dirs []string, opts ...string) (a, b *peer) {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	replaceFile(t, secret, "s3cret\n")
	opts = append([]string{"--cluster", "yes", "--cluster-secret-file", secret}, opts...)
	a, b = lead(t, dirs[0], opts...), lead(t, dirs[1], opts...)
	for _, args := range [][]string{{"found", "--dir", dirs[0]}, {"join", "--dir", dirs[1], a.nats()}} {
		if got := run(t, append([]string{"cluster"}, args...)...); got.code != 0 {
			t.Fatalf("cluster %q: exit code %d, %s", args, got.code, got.stderr)
		}
	}
	return a, b
}

// A file with options that other stores have for slots and caches is taken, with a warning
// for each that names its line, and slots move all the same.
func TestRemovedOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledge.yaml")
	text, names := "# of another store\n", slices.Sorted(maps.Keys(options.Removed))
	for _, name := range names {
		text += name + ": 1\n"
	}
	replaceFile(t, file, text)
	dirs := directories(t, "a", "b")
	a, b := twoProcesses(t, dirs, "--config", file)
	for i, name := range names {
		want := fmt.Sprintf("%s:%d: %s is no option any more and does nothing: ", file, i+2, name)
		if !strings.Contains(a.stderr.String(), want) {
			t.Errorf("no warning says %q; the log is\n%s", want, a.stderr.String())
		}
	}
	if len(names) < 10 {
		t.Errorf("%d options were removed; want 10 at least", len(names))
	}
	if got := a.refusal(); got != "" {
		t.Fatalf("SET: %s", got)
	}
	for _, m := range []struct{ from, to *peer }{{a, b}, {b, a}} {
		if got := run(t, "cluster", "move", "--dir", m.from.dir, "7629", "--to", m.to.addr, "--wait"); got.code != 0 {
			t.Fatalf("cluster move: exit code %d, %s%s", got.code, got.stdout, got.stderr)
		}
		if got, err := m.to.c.Get(t.Context(), "k").Result(); got != "v" {
			t.Errorf("GET where the slot has moved to = %q, %v; want v", got, err)
		}
	}
}
