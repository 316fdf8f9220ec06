package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// kept is a node of which there is a backup of three parts: the first, one that begins anew
// and goes further, and one that adds to the first.
func kept(t *testing.T) (dir, store string, parts []backupPart) {
	t.Helper()
	dir, greeting := serving(t, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--http-listen", "off")
	_, addr, _ := strings.Cut(greeting, "redis  ")
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: strings.Fields(addr)[0], MaxRetries: -1, DisableIdentity: true})
	defer c.Close()
	store = filepath.Join(t.TempDir(), "kept")
	for i, base := range []string{"--base=false", "--base=false", "--base"} {
		if err := c.Set(t.Context(), "k", strings.Repeat("v", 1000+i), 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got := ledge(t, "backup", "--dir", dir, base, "--to", store); got.code != 0 {
			t.Fatal(got.stderr)
		}
	}
	var list struct{ Parts []backupPart }
	if askJSON(t, &list, "backup", "list", "--json", store); len(list.Parts) != 3 {
		t.Fatalf("the backup has parts %+v; want three", list.Parts)
	}
	return dir, store, list.Parts
}

// A restored node says what it will be called beside what the original is called.
func TestRestoredName(t *testing.T) {
	_, store, _ := kept(t)
	for i, c := range []struct{ opts, want string }{
		{"", "name      as its first start says: serve --node NAME, else the host's name; the original is n1\n"},
		{"--node other", "name      other; the original is n1\n"},
		{"--node n1", "name      n1, as the original\n"},
	} {
		to := filepath.Join(t.TempDir(), string(rune('a'+i)))
		got := ledge(t, append([]string{"restore", "--from", store, "--dir", to}, strings.Fields(c.opts)...)...)
		if got.code != 0 || !strings.Contains(got.stdout, c.want) {
			t.Errorf("restore %s: exit code %d, %s%s; want %q", c.opts, got.code, got.stdout, got.stderr, c.want)
		}
	}
}

// What is wrong with a backup names the part, and what to do: a damaged one, one whose
// predecessor is missing, and a path at which there is none.
func TestBackupWords(t *testing.T) {
	dir, store, parts := kept(t)
	first, base, adds := filepath.Join(store, parts[0].Name), filepath.Join(store, parts[1].Name), filepath.Join(store, parts[2].Name)
	wants := func(what string, code int, args string, wants ...string) {
		t.Helper()
		got := ledge(t, strings.Fields(args)...)
		for _, want := range wants {
			if got.code != code || !strings.Contains(got.stderr, want) {
				t.Errorf("%s: %s: exit code %d, %s%s; want %d and %q", what, args, got.code, got.stdout, got.stderr, code, want)
			}
		}
	}
	to := " --dir " + filepath.Join(t.TempDir(), "new")
	wants("no backup", 1, "restore --from /nowhere"+to, "/nowhere", "that ledge backup --to PATH has written")
	wants("no backup", 1, "backup list "+t.TempDir(), "holds no backup", "that ledge backup --to PATH has written")
	wants("a node that runs", 1, "restore --dir "+dir, "ledge stop", "--from PATH and another --dir")
	wants("no file to write to", 1, "config rewrite --dir "+dir, "serve --config FILE", "holds over restarts")
	for _, path := range []string{first, adds, base} {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, 40, len(whole) / 2, len(whole) - 1} {
			bad := append([]byte{}, whole...)
			bad[at] ^= 0x40
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			wants("a damaged part", 1, "backup verify "+store, path+": ", "put a copy of that part in its place", "backup --base --to "+store)
			if path != adds {
				wants("a damaged file", 1, "backup verify "+path, path+": ", "put a copy of it in its place")
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wants("a whole backup", 0, "backup verify "+store, "")
	wants("a part by itself", 1, "backup verify "+adds, adds+": ", "name the directory that has all of them")
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	wants("the base has all that is missing", 0, "backup verify "+store, "")
	if err := os.Remove(base); err != nil {
		t.Fatal(err)
	}
	wants("a part is missing", 1, "backup verify "+store, adds+": ", "the part before it is missing")
}
