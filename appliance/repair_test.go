package appliance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// harmLast flips a bit in the last record of a stopped node's journal.
func harmLast(t *testing.T, dir string) {
	t.Helper()
	blocks, err := filepath.Glob(filepath.Join(dir, "journal/jetstream/JOURNAL/streams/J/msgs/*.blk"))
	if err != nil || len(blocks) == 0 {
		t.Fatalf("blocks %q, %v", blocks, err)
	}
	path := blocks[len(blocks)-1]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A leader that a repair has cost a number is of another history than a replica
// that has it, even if both states are equal afterwards; one that has less goes
// on. The loss is in INFO and in the status.
func TestRepairedLeader(t *testing.T) {
	for name, rewrite := range map[string]string{"another value": "other", "the same value": "v9"} {
		t.Run(name, func(t *testing.T) {
			dirs := directories(t, "leader", "ahead", "behind")
			a := lead(t, dirs[0])
			a.do("SET", "k", "v9")
			ahead, behind := follow(t, dirs[1], a), follow(t, dirs[2], a)
			ahead.equal(a)
			behind.equal(a)
			behind.end(syscall.SIGTERM)
			a.do("SET", "k", "v9") // the number that is lost, and no other state
			ahead.equal(a)
			ahead.end(syscall.SIGTERM)
			last := a.field("journal_last_seq")
			a.end(syscall.SIGTERM)
			harmLast(t, dirs[0])

			got := run(t, serving(t, dirs[0])...)
			if got.code != 1 || !strings.Contains(got.stderr, "lost is number "+last+";") {
				t.Fatalf("a start of what is damaged: exit code %d, %s; want number %s named", got.code, got.stderr, last)
			}
			if dry := run(t, "journal", "repair", "--dir", dirs[0]); dry.code != 0 ||
				!strings.Contains(dry.stdout, "loses   number "+last) || !strings.Contains(dry.stdout, "nothing is changed") {
				t.Fatalf("a dry run: exit code %d, %s%s", dry.code, dry.stdout, dry.stderr)
			}
			if again := run(t, serving(t, dirs[0])...); again.code != 1 {
				t.Fatalf("a dry run has changed something: a start ends with %d", again.code)
			}
			if did := run(t, "journal", "repair", "--dir", dirs[0], "--apply"); did.code != 0 {
				t.Fatalf("repair: exit code %d, %s", did.code, did.stderr)
			}
			if kept, _ := filepath.Glob(filepath.Join(dirs[0], "damaged/*/journal/*.blk")); len(kept) != 1 {
				t.Errorf("kept are %q; want the block as it was", kept)
			}
			a = lead(t, dirs[0])
			if lost := a.field("journal_lost"); !strings.HasPrefix(lost, last+"-"+last+" at ") {
				t.Errorf("INFO says that %q is lost; want number %s", lost, last)
			}
			if said := run(t, "status", "--dir", dirs[0]); !strings.Contains(said.stdout, last+"-"+last+" at ") {
				t.Errorf("the status does not name what is lost: %s%s", said.stdout, said.stderr)
			}
			a.do("SET", "k", rewrite)
			behind = follow(t, dirs[2], a)
			behind.equal(a)
			ahead = follow(t, dirs[1], a)
			within(t, 20*time.Second, "the replica that has more is told that it has diverged", func() bool {
				l := ahead.link()
				return l.Class == "operator" && strings.Contains(l.LastError, "diverged")
			})
		})
	}
}

// What a node that runs finds out about a snapshot that it did not need it says
// at WARN; verify notes it.
func TestDamagedOlderSnapshot(t *testing.T) {
	dir := directories(t, "n")[0]
	p := start(t, dir)
	c := p.client()
	for _, k := range []string{"a", "b"} {
		if err := c.Set(t.Context(), k, k, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.Save(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	p.end(syscall.SIGTERM)
	snaps, err := filepath.Glob(filepath.Join(dir, "snapshots", "*.snap"))
	if err != nil || len(snaps) != 2 {
		t.Fatalf("snapshots %q, %v; want two", snaps, err)
	}
	b, err := os.ReadFile(snaps[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-20] ^= 1
	if err := os.WriteFile(snaps[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if said := run(t, "journal", "verify", "--dir", dir); said.code != 1 || !strings.Contains(said.stdout, "note: ") ||
		!strings.Contains(said.stdout, snaps[0]) {
		t.Errorf("journal verify: exit code %d, %q; want 1, and a note about %s", said.code, said.stdout, snaps[0])
	}
	log := filepath.Join(t.TempDir(), "log")
	p = startLogged(t, dir, log)
	within(t, 20*time.Second, "the log warns of the older snapshot", func() bool {
		text, _ := os.ReadFile(log)
		return strings.Contains(string(text), "level=WARN") && strings.Contains(string(text), snaps[0])
	})
	if got := p.client().Get(t.Context(), "b").Val(); got != "b" {
		t.Errorf("b = %q; want it served", got)
	}
}

// restore goes back to the newest snapshot and names what that loses.
func TestRestore(t *testing.T) {
	dir := directories(t, "n")[0]
	p := start(t, dir)
	c := p.client()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Set(t.Context(), "a", "1", 0).Err())
	must(c.Save(t.Context()).Err())
	must(c.Set(t.Context(), "a", "2", 0).Err())
	must(c.Set(t.Context(), "b", "2", 0).Err())
	p.end(syscall.SIGKILL)
	dry := run(t, "restore", "--dir", dir)
	if dry.code != 0 || !strings.Contains(dry.stdout, "loses   numbers 3 to 4, 2 in all") ||
		!strings.Contains(dry.stdout, "run: ledge restore --dir "+dir+" --apply") {
		t.Fatalf("a dry run: exit code %d, %s%s", dry.code, dry.stdout, dry.stderr)
	}
	if did := run(t, "restore", "--dir", dir, "--apply"); did.code != 0 {
		t.Fatalf("restore: exit code %d, %s", did.code, did.stderr)
	}
	p = start(t, dir)
	if a, b := p.client().Get(t.Context(), "a").Val(), p.client().Exists(t.Context(), "b").Val(); a != "1" || b != 0 {
		t.Errorf("a = %q and there are %d b; want what the snapshot has", a, b)
	}
	if lost := p.info("journal_lost"); !strings.HasPrefix(lost, "3-4 at ") {
		t.Errorf("INFO says that %q is lost; want 3-4", lost)
	}
	p.end(syscall.SIGTERM)
	verified(t, dir)
}

// startLogged is start with the log in a file that can be read meanwhile.
func startLogged(t *testing.T, dir, log string) *process {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", `exec "$@" 2>"$0"`, log, binary(t)}, serving(t, dir)...)...)
	return launch(t, cmd)
}
