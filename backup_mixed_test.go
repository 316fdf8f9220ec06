package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// mixed is a node, and a directory of backups with a passphrase to encrypt them with.
type mixed struct {
	t                 *testing.T
	c                 *redis.Client
	dir, kept, phrase string
}

func newMixed(t *testing.T) *mixed {
	t.Helper()
	dir, greeting := serving(t, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--http-listen", "off")
	_, addr, _ := strings.Cut(greeting, "redis  ")
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: strings.Fields(addr)[0], MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { c.Close() })
	m := &mixed{t: t, c: c, dir: dir, kept: filepath.Join(t.TempDir(), "kept"), phrase: filepath.Join(t.TempDir(), "phrase")}
	if err := os.WriteFile(m.phrase, []byte("a long passphrase\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// writes writes, and backs up to the directory.
func (m *mixed) writes(options ...string) outcome {
	m.t.Helper()
	if err := m.c.Append(m.t.Context(), "k", "v").Err(); err != nil {
		m.t.Fatal(err)
	}
	return ledge(m.t, append([]string{"backup", "--dir", m.dir, "--to", m.kept}, options...)...)
}

// names are the files in the directory.
func (m *mixed) names() string {
	m.t.Helper()
	list, err := os.ReadDir(m.kept)
	if err != nil {
		m.t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, "\n")
}

// A part as it is does not come beside encrypted ones, whatever else is asked for; an
// encrypted one may come beside those that are not, and both are read together.
func TestBackupPlainBesideSealed(t *testing.T) {
	m := newMixed(t)
	if got := m.writes(); got.code != 0 {
		t.Fatal(got.stderr)
	}
	if got := m.writes("--passphrase-file", m.phrase); got.code != 0 || !strings.Contains(got.stdout, "verified: ") {
		t.Fatalf("an encrypted part beside a plain one: exit code %d, %s%s; want it verified", got.code, got.stdout, got.stderr)
	}
	before := m.names()
	for _, options := range []string{"", "--no-verify", "--json", "--json --no-verify", "--base", "--identity " + m.phrase} {
		got := m.writes(strings.Fields(options)...)
		if got.code != 1 || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 ||
			!strings.Contains(got.stderr, "the parts there are encrypted") || !strings.Contains(got.stderr, "--encrypt-to") ||
			!strings.Contains(got.stderr, "--passphrase-file") || strings.Contains(got.stderr, "is left") {
			t.Errorf("%q: exit code %d, %q, %q; want 1, and one line that says what to give", options, got.code, got.stdout, got.stderr)
		}
		if now := m.names(); now != before {
			t.Fatalf("%q: there are\n%s\nwant\n%s", options, now, before)
		}
	}
	if got := m.writes("--passphrase-file", m.phrase); got.code != 0 || !strings.Contains(got.stdout, "verified: ") {
		t.Errorf("another encrypted part: exit code %d, %s%s; want it verified", got.code, got.stdout, got.stderr)
	}
}

// Where a part stays though its backup fails, nothing says that none does.
func TestBackupFailedPartStays(t *testing.T) {
	m := newMixed(t)
	if got := m.writes(); got.code != 0 {
		t.Fatal(got.stderr)
	}
	first := filepath.Join(m.kept, m.names())
	b, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(first, b, 0o600); err != nil {
		t.Fatal(err)
	}
	got := m.writes()
	if names := strings.Split(m.names(), "\n"); len(names) != 2 || got.code != 1 ||
		!strings.Contains(got.stderr, "verify: ") || !strings.Contains(got.stderr, "the part is left as it is, in "+filepath.Join(m.kept, names[1])) {
		t.Fatalf("exit code %d, %s, files %q; want 1, and the second one named", got.code, got.stderr, names)
	}
	if strings.Contains(got.stderr, "nothing that looks like a backup") {
		t.Errorf("a part is left, and the error is %q; want nothing said against that", got.stderr)
	}
}
