package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal/logtest"
)

// toStdout has the program that is shipped back a node up to out, and returns its exit
// code, -1 if a signal has killed it, and what it said on standard error but for how far
// it had come.
func toStdout(t *testing.T, out *os.File, args ...string) (code int, stderr string) {
	t.Helper()
	bin, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "ledge"), append([]string{"backup", "--to", "-"}, args...)...)
	cmd.Stdout, cmd.Stderr = out, &said
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), logtest.WithoutProgress(said.String())
}

// A backup to standard output is the backup and nothing else, of a node that runs and of
// one that is stopped, as it is and encrypted: it is restored from the file that it was
// written to, with the digest that the node has.
func TestBackupToStdout(t *testing.T) {
	t.Parallel()
	dir, store := filepath.Join(t.TempDir(), "node"), t.TempDir()
	n := runShipped(t, "serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--dir", dir)
	addr := address.FindStringSubmatch(n.says(t, "  redis  "))[1]
	n.says(t, "  state  ")
	fillPast(t, addr)
	word := write(t, "word", "a passphrase\n")
	kept := map[string]string{"plain": "", "sealed": word, "stopped": ""}
	for _, name := range []string{"plain", "sealed", "stopped"} {
		if name == "stopped" {
			if err := n.end(t, syscall.SIGTERM); err != nil {
				t.Fatalf("the node ends with %v: %s", err, &n.stderr)
			}
		}
		out, err := os.Create(filepath.Join(store, name))
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"--dir", dir}
		if kept[name] != "" {
			args = append(args, "--passphrase-file", kept[name])
		}
		code, said := toStdout(t, out, args...)
		if out.Close(); code != 0 || said != "" {
			t.Errorf("%s: exit code %d, %q on standard error; want 0 and nothing", name, code, said)
		}
	}
	verified := ledge(t, "journal", "verify", "--dir", dir)
	_, state, _ := strings.Cut(verified.stdout, "digest ")
	state, _, _ = strings.Cut(state, " keys")
	if verified.code != 0 || state == "" {
		t.Fatalf("journal verify = %+v; want a digest", verified)
	}
	if got := ledge(t, "backup", "verify", filepath.Join(store, "sealed")); got.code != 1 || !strings.Contains(got.stderr, "the backup is encrypted; --identity") {
		t.Errorf("backup verify of what is encrypted, without its passphrase: %+v; want what is missing", got)
	}
	for name, word := range kept {
		args := []string{"restore", "--from", filepath.Join(store, name), "--dir", filepath.Join(store, name+".node")}
		if word != "" {
			args = append(args, "--passphrase-file", word)
		}
		if got := ledge(t, args...); got.code != 0 {
			t.Errorf("%s: restore: exit code %d, %s", name, got.code, got.stderr)
			continue
		}
		got := ledge(t, "journal", "verify", "--dir", filepath.Join(store, name+".node"))
		for until := time.Now().Add(20 * time.Second); strings.Contains(got.stderr, "belongs to a running process") && time.Now().Before(until); {
			// A program that another test starts has this process's locks for a moment.
			got = ledge(t, "journal", "verify", "--dir", filepath.Join(store, name+".node"))
		}
		if got.code != 0 || !strings.Contains(got.stdout, "digest "+state+" keys") {
			t.Errorf("%s: what was restored is %s%s; want digest %s keys", name, got.stdout, got.stderr, state)
		}
	}
}

// fillPast writes more than a pipe holds, so that whoever reads a backup from one has
// to go on reading.
func fillPast(t *testing.T, addr string) {
	t.Helper()
	for i := range 10 {
		if got := talk(t, addr, fmt.Sprintf("SET k%d %s", i, strings.Repeat("x", 50000))); got != "+OK" {
			t.Fatalf("SET = %s; want OK", got)
		}
	}
}

// A backup whose output can't be written says so in one line and ends with 1, and the
// node lets go of what it holds for it: it holds four at most, so more than that are
// tried here, and the next one is good.
func TestBackupToClosedStdout(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "node")
	n := runShipped(t, "serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--dir", dir)
	addr := address.FindStringSubmatch(n.says(t, "  redis  "))[1]
	n.says(t, "  state  ")
	fillPast(t, addr)
	for i := range 6 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			r.Close() // before anything is read
		} else {
			go func() {
				_, _ = io.ReadFull(r, make([]byte, 1000))
				r.Close()
			}()
		}
		code, said := toStdout(t, w, "--dir", dir)
		w.Close()
		if code != 1 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "nobody reads it any more") {
			t.Errorf("to a pipe that is closed: exit code %d, %q; want 1 and one line", code, said)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if code, said := toStdout(t, full, "--dir", dir); code != 1 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "no space left") {
		t.Errorf("to a full device: exit code %d, %q; want 1 and one line", code, said)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "good.backup"))
	if err != nil {
		t.Fatal(err)
	}
	code, said := toStdout(t, out, "--dir", dir)
	if out.Close(); code != 0 || said != "" {
		t.Errorf("after those: exit code %d, %q; want 0 and nothing", code, said)
	}
	if got := ledge(t, "backup", "verify", out.Name()); got.code != 0 {
		t.Errorf("backup verify = %+v; want it good", got)
	}
}
