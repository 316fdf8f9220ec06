package appliance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ledge/admin/cli"
	"ledge/journal/freeport"
)

// Commands for a copy of a running node's directory don't reach the node: neither by the
// address that was copied, nor by the one where nodes listen by default.
func TestCopyOfRunning(t *testing.T) {
	dir, copied := t.TempDir()+"/d", t.TempDir()+"/copy"
	p := launch(t, exec.Command(binary(t), "serve", "--dir", dir, "--listen", freeport.Addr(t), "--nats-listen", freeport.Addr(t)))
	if got := run(t, "status", "--dir", dir); got.code != 0 {
		t.Fatalf("status of the node: exit code %d, %s", got.code, got.stderr)
	}
	if out, err := exec.Command("cp", "-a", dir, copied).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v, %s", err, out)
	}
	check := func(what string) {
		t.Helper()
		for _, args := range [][]string{{"status"}, {"stop"}, {"compact"}, {"config", "set", "maxmemory", "200mb"}, {"promote"}} {
			got := run(t, append(args[:1:1], append([]string{"--dir", copied}, args[1:]...)...)...)
			if args[0] == "config" {
				got = run(t, "config", "set", "--dir", copied, "maxmemory", "200mb")
			}
			if got.code != cli.ExitUnreachable || !strings.Contains(got.stderr, "no node runs in "+copied) {
				t.Errorf("%s, %q: exit code %d, %s%s; want %d and that no node runs there", what, args, got.code, got.stdout, got.stderr,
					cli.ExitUnreachable)
			}
		}
	}
	check("with the copied run.json")
	if err := os.Remove(filepath.Join(copied, "run.json")); err != nil {
		t.Fatal(err)
	}
	check("without run.json")
	// The node itself is reached, also when it could not write down where it listens.
	if err := p.client().Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "run.json")); err != nil {
		t.Fatal(err)
	}
	if got := run(t, "status", "--dir", dir); strings.Contains(got.stderr, "no node runs in "+dir) {
		t.Errorf("status of a node without run.json: %s; want it not to be taken for stopped", got.stderr)
	}
}
