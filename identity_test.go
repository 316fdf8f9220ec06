package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A directory that has lost ledge.json and its copy is served again once an
// operator has said so; what is in them is found out, but for whom it followed.
func TestIdentityLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, sets(1, 5), func() {})
	for _, name := range []string{"ledge.json", "ledge.json.copy"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"serve", "--dir", dir, "--listen", "127.0.0.1:0", "--nats-listen", "off"},
		{"journal", "verify", "--dir", dir}} {
		got := ledge(t, args...)
		if cmd := goesOn.FindStringSubmatch(strings.TrimSpace(got.stderr)); got.code != exitRefused || cmd == nil ||
			cmd[1] != "journal repair --dir "+dir+" --apply" {
			t.Fatalf("%s: exit code %d, %s; want the command that goes on", args, got.code, got.stderr)
		}
	}
	if got := ledge(t, "journal", "repair", "--dir", dir); got.code != 0 ||
		!strings.Contains(got.stdout, "--follow") || !strings.Contains(got.stdout, "loses   nothing\n") {
		t.Errorf("a dry run: exit code %d, %s%s; want nothing lost, and a word about --follow", got.code, got.stdout, got.stderr)
	}
	if got := ledge(t, "journal", "repair", "--dir", dir, "--apply"); got.code != 0 {
		t.Fatalf("repair: exit code %d, %s", got.code, got.stderr)
	}
	lifetime(t, dir, []string{"GET key5", "SET key6 v"}, func() {})
	if got := ledge(t, "journal", "verify", "--dir", dir); !strings.Contains(got.stdout, "6 keys") {
		t.Errorf("verify: exit code %d, %s%s; want 6 keys", got.code, got.stdout, got.stderr)
	}
}

// What a first start that was cut short has left is no damage.
func TestVerifyUnborn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, nil, func() {})
	b, err := os.ReadFile(filepath.Join(dir, "ledge.json"))
	if err != nil {
		t.Fatal(err)
	}
	unborn := filepath.Dir(write(t, "ledge.json", unsealed(string(b))))
	if got := ledge(t, "journal", "verify", "--dir", unborn); got.code != 0 || !strings.Contains(got.stdout, "cut short") {
		t.Errorf("verify: exit code %d, %s%s; want a note", got.code, got.stdout, got.stderr)
	}
	lifetime(t, unborn, []string{"SET k v"}, func() {})
}

// unsealed makes an identity one of a first start, as an older program wrote it.
func unsealed(text string) string {
	text = strings.Replace(text, `"state": "ready"`, `"state": "creating"`, 1)
	return regexp.MustCompile(`,\s*"written": \d+,\s*"sum": "\w+"`).ReplaceAllString(text, "")
}

// An empty file is nobody's password, on either side of the connection.
func TestEmptyPassword(t *testing.T) {
	path := write(t, "admin", "\n")
	got := ledge(t, "status", "--server", "nats://127.0.0.1:1", "--password-file", path)
	if got.code == 0 || !strings.Contains(got.stderr, path) || !strings.Contains(got.stderr, "empty") {
		t.Errorf("exit code %d, %s; want the file refused", got.code, got.stderr)
	}
}

// An older program knows neither checksum nor copy. What it has written counts,
// whatever the copy says.
func TestOlderProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, sets(1, 2), func() {})
	path := filepath.Join(dir, "ledge.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), `"databases": 16`, `"databases": 20`, 1)
	text = regexp.MustCompile(`,\s*"written": \d+,\s*"sum": "\w+"`).ReplaceAllString(text, "")
	if err := os.WriteFile(path, []byte(strings.Replace(text, `"node": "n"`, `"node": "m"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ledge(t, "journal", "info", "--dir", dir); !strings.Contains(got.stdout, "node      m\n") {
		t.Errorf("journal info says %s%s; want node m", got.stdout, got.stderr)
	}
	lifetime(t, dir, sets(3, 3), func() {})
	again, err := os.ReadFile(path)
	copied, cerr := os.ReadFile(path + ".copy")
	if err != nil || cerr != nil || string(again) != string(copied) || !strings.Contains(string(again), `"sum"`) {
		t.Errorf("after a start ledge.json is %s, %v, and its copy %s, %v; want both the same", again, err, copied, cerr)
	}
}

// What is another node's is not taken for this one's: a snapshot is set aside, and
// a ledge.json or a mark takes an operator.
func TestForeignFiles(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, append(sets(1, 5), "SAVE"), func() {})
	lifetime(t, other, append(sets(1, 9), "SAVE"), func() {})
	put := func(t *testing.T, rel string) string {
		t.Helper()
		to := filepath.Join(t.TempDir(), "data")
		copyTree(t, dir, to)
		b, err := os.ReadFile(filepath.Join(other, rel))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, rel), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	t.Run("snapshot", func(t *testing.T) {
		to := put(t, "snapshots/00000000000000000010.snap")
		got := ledge(t, "journal", "verify", "--dir", to)
		cmd := goesOn.FindStringSubmatch(strings.TrimSpace(got.stderr))
		if got.code != exitRefused || cmd == nil || !strings.Contains(got.stderr, "lost is numbers 7 to 10") {
			t.Fatalf("verify: exit code %d, %s%s; want the numbers that it speaks of named", got.code, got.stdout, got.stderr)
		}
		if got := ledge(t, strings.Fields(cmd[1])...); got.code != 0 {
			t.Fatalf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
		}
		lifetime(t, to, sets(6, 6), func() {})
	})
	t.Run("ledge.json", func(t *testing.T) {
		to := put(t, "ledge.json")
		if err := os.Remove(filepath.Join(to, "ledge.json.copy")); err != nil {
			t.Fatal(err)
		}
		got := ledge(t, "serve", "--dir", to, "--listen", "127.0.0.1:0", "--nats-listen", "off")
		cmd := goesOn.FindStringSubmatch(strings.TrimSpace(got.stderr))
		if got.code != exitRefused || cmd == nil {
			t.Fatalf("a start: exit code %d, %s; want the command that goes on", got.code, got.stderr)
		}
		if got := ledge(t, strings.Fields(cmd[1])...); got.code != 0 {
			t.Fatalf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
		}
		lifetime(t, to, sets(6, 6), func() {})
	})
	t.Run("mark", func(t *testing.T) {
		to := put(t, "journal/mark")
		if err := os.Remove(filepath.Join(to, "journal/mark.copy")); err != nil {
			t.Fatal(err)
		}
		got := ledge(t, "serve", "--dir", to, "--listen", "127.0.0.1:0", "--nats-listen", "off")
		cmd := goesOn.FindStringSubmatch(strings.TrimSpace(got.stderr))
		if got.code != exitRefused || cmd == nil || !strings.Contains(got.stderr, "move it away") {
			t.Fatalf("a start: exit code %d, %s; want to be told to move the mark away, and the command", got.code, got.stderr)
		}
		if err := os.Remove(filepath.Join(to, "journal/mark")); err != nil {
			t.Fatal(err)
		}
		if got := ledge(t, strings.Fields(cmd[1])...); got.code != 0 {
			t.Fatalf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
		}
		lifetime(t, to, sets(6, 6), func() {})
	})
}
