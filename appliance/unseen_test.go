package appliance_test

// All secrets of a node are looked for where they must not be.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
)

// secretive is a node whose secrets nobody may see, and what it said while they were used.
type secretive struct {
	*peer
	at      string // directory of the files that the test writes
	config  string // file
	secrets []string
	said    strings.Builder
}

func newSecretive(t *testing.T) *secretive {
	t.Helper()
	at := t.TempDir()
	s := &secretive{at: at, config: filepath.Join(at, "ledge.yaml"),
		secrets: []string{"s3cret-redis", "s3cret-page", "s3cret-given", "s3cret-wrong", "s3cret-later"}}
	replaceFile(t, s.config, "log-level: debug\nmax-clients: 100\n")
	p := lead(t, filepath.Join(t.TempDir(), "n"), "--config", s.config, "--password-file", s.file(t, "password", "s3cret-redis"),
		"--http-listen", "127.0.0.1:0", "--http-password-file", s.file(t, "page", "s3cret-page"))
	p.c = redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: p.addr, Password: "s3cret-redis", MaxRetries: -1, DialerRetries: 1, DisableIdentity: true, Protocol: 3})
	t.Cleanup(func() { p.c.Close() })
	s.peer = p
	s.know()
	return s
}

// file writes a secret into a file and returns the file's path.
func (s *secretive) file(t *testing.T, name, text string) string {
	t.Helper()
	replaceFile(t, filepath.Join(s.at, name), text+"\n")
	return filepath.Join(s.at, name)
}

// know adds the passwords of operators as they are, which the node makes.
func (s *secretive) know() {
	s.t.Helper()
	for _, user := range admin.PasswordUsers() {
		s.secrets = append(s.secrets, word(s.t, s.dir, user))
	}
}

// hear keeps the reply to a command of Redis.
func (s *secretive) hear(args ...any) {
	v, err := s.c.Do(s.t.Context(), args...).Result()
	fmt.Fprintln(&s.said, args[0], v, err)
}

// command keeps what a command of ledge says, and checks its exit code.
func (s *secretive) command(want int, name string, args ...string) {
	s.t.Helper()
	got := run(s.t, append([]string{name, "--dir", s.dir}, args...)...)
	if got.code != want {
		s.t.Errorf("%s %q: exit code %d, %s; want %d", name, args, got.code, got.stderr, want)
	}
	fmt.Fprintln(&s.said, got.stdout, got.stderr)
}

// rotate shows the node secrets that are wrong and changes those that are right.
func (s *secretive) rotate() {
	s.t.Helper()
	ctx := s.t.Context()
	_ = s.c.Do(ctx, "CONFIG", "SET", "slowlog-log-slower-than", "0").Err()
	_ = s.c.Do(ctx, "AUTH", "s3cret-wrong").Err()
	_ = s.c.Do(ctx, "AUTH", "default", "s3cret-wrong").Err()
	_ = s.c.Do(ctx, "HELLO", "3", "AUTH", "default", "s3cret-wrong").Err()
	s.command(0, "passwd", "monitor")
	s.command(0, "passwd", "--json", "--grace", "1m", "--new-password-file", s.file(s.t, "given", "s3cret-given"), "replica")
	s.command(0, "passwd", "--json", "--expire-now", "admin")
	s.know()
	s.file(s.t, "password", "s3cret-later")
	_ = s.cmd.Process.Signal(syscall.SIGHUP)
	replaceFile(s.t, filepath.Join(s.dir, "auth", "monitor"), "s3cret-given\n")
	s.command(2, "health", "--user", "monitor", "--password-file", s.file(s.t, "wrong", "s3cret-wrong"))
	_ = s.cmd.Process.Signal(syscall.SIGHUP)
	within(s.t, 20*time.Second, "the later password is taken", func() bool {
		return s.c.Do(ctx, "AUTH", "s3cret-later").Err() == nil
	})
}

// hearAll keeps what the node says to Redis clients, to operators, to whoever scrapes
// it, and to whoever lists the machine's processes.
func (s *secretive) hearAll() {
	s.t.Helper()
	for _, args := range [][]any{{"INFO", "everything"}, {"SLOWLOG", "GET", "1000"}, {"CLIENT", "LIST"}, {"LEDGE", "STATUS"}, {"ACL", "LIST"},
		{"COMMAND", "GETKEYS", "GET", "k"}, {"MEMORY", "STATS"}, {"ROLE"}, {"LEDGE", "HISTORY"}, {"ACL", "LOG"}, {"CONFIG", "GET", "*file*"}} {
		s.hear(args...)
	}
	s.asked(func(ctx context.Context, op *admin.Conn) error {
		st, err := op.Status(ctx, "n")
		params, perr := op.ConfigOrigins(ctx, "n", "*")
		secret, serr := op.ConfigGet(ctx, "n", "requirepass")
		slow, lerr := op.Slowlog(ctx, "n", 0)
		list, cerr := op.Clients(ctx, "n")
		past, eerr := op.PastEvents(ctx, "n", time.Time{})
		fmt.Fprintf(&s.said, "%+v %+v %+v %+v %+v %+v\n", st, params, secret, slow, list, past)
		return errors.Join(err, perr, serr, lerr, cerr, eerr)
	})
	s.hear("CONFIG", "REWRITE")
	s.said.Write(s.metrics())
	for _, f := range []string{"cmdline", "comm", "status"} { // as ps shows them
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, f))
		if err == nil {
			s.said.Write(b)
		}
	}
}

// metrics asks as Prometheus does, with the password of the page.
func (s *secretive) metrics() []byte {
	s.t.Helper()
	_, page, _ := strings.Cut(s.greeting, "for Prometheus: ")
	q, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, strings.Fields(page)[0], nil)
	if err != nil {
		s.t.Fatal(err)
	}
	q.SetBasicAuth("x", "s3cret-page")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	metrics, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		s.t.Fatalf("metrics: %d, %v", r.StatusCode, err)
	}
	return metrics
}

// texts returns all in which no secret may be, once the node has ended: what it said,
// and its files but those that passwords are kept in, which only their owner may read.
func (s *secretive) texts() map[string]string {
	s.t.Helper()
	texts := map[string]string{"what is said": s.said.String(), "the log": s.stderr.String(), "the greeting": s.greeting, "the configuration": read(s.t, s.config)}
	err := filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if fi, err := d.Info(); err != nil || filepath.Base(filepath.Dir(path)) == "auth" && fi.Mode().Perm() != 0o600 {
			s.t.Errorf("%s: mode %v, %v; want 0600", path, fi.Mode(), err)
		}
		if filepath.Base(filepath.Dir(path)) != "auth" || d.Name() == "before.json" {
			texts[path] = read(s.t, path)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return texts
}

// No secret is in what a node says of itself, to whomever, or in files that others can
// read, while all of them are used, rotated and refused.
func TestSecretsUnseen(t *testing.T) {
	t.Parallel()
	s := newSecretive(t)
	s.rotate()
	s.hearAll()
	s.end(syscall.SIGTERM)
	texts := s.texts()
	for where, text := range texts {
		for _, secret := range s.secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s has the secret %q: …%q…", where, secret, text[max(0, i-80):min(len(text), i+40)])
			}
		}
	}
	if len(texts) < 8 || !strings.Contains(texts["the log"], "a password was changed") || !strings.Contains(s.said.String(), "maxclients") {
		t.Errorf("too little was looked at: %d texts; %s", len(texts), texts["the log"])
	}
}
