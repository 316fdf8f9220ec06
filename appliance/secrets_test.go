package appliance_test

// All secrets of a node at once: rotated under load, spoiled, and looked for where they
// must not be.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal/certtest"
	"ledge/journal/fault"
	"ledge/journal/logtest"
	"ledge/replay/standing"
)

// copyFile puts a file in the place of another, whole.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	replaceFile(t, to, read(t, from))
}

// secured is a node with a secret of each kind in files, which Reload reads.
type secured struct {
	*appliance.Node
	ca                  *certtest.Authority
	dir                 string
	password, cert, key string // files
	config              func() appliance.Config
}

// serveSecured starts one that clients with TLS reach, too.
func serveSecured(t *testing.T, log *logtest.Log) *secured {
	t.Helper()
	at := t.TempDir()
	s := &secured{ca: certtest.New(t, "ours"), dir: t.TempDir(), password: filepath.Join(at, "password"),
		cert: filepath.Join(at, "cert"), key: filepath.Join(at, "key")}
	replaceFile(t, s.password, "first\n")
	s.sign(t, "first")
	cfg := appliance.Config{Dir: s.dir, Node: "a", NATSListen: "127.0.0.1:0", TLSListen: freeAddr(t), HTTPListen: freeAddr(t),
		PasswordFile: s.password, TLSCert: s.cert, TLSKey: s.key, TLSCA: s.ca.CA, TLSAuthClients: "optional",
		NATSTLSCert: s.cert, NATSTLSKey: s.key, Logger: log.Logger()}
	s.config = func() appliance.Config { return cfg }
	cfg.Reread = func() (appliance.Config, error) { return s.config(), nil }
	s.Node = serve(t, cfg)
	return s
}

// sign gives the node another certificate.
func (s *secured) sign(t *testing.T, name string) {
	t.Helper()
	pair := s.ca.Sign(t, name, "127.0.0.1")
	copyFile(t, pair.Cert, s.cert)
	copyFile(t, pair.Key, s.key)
}

// client returns a Redis client with one connection, which it makes at once.
func (s *secured) client(t *testing.T, password string, tls bool) *redis.Client {
	t.Helper()
	o := &redis.Options{Addr: s.Status().Listen, Password: password, PoolSize: 1, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true}
	if tls {
		o.Addr, o.TLSConfig = s.Status().TLSListen, s.ca.Client()
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatalf("PING with password %q, TLS %v: %v", password, tls, err)
	}
	return c
}

// operator asks as a user who reads the password before each connection.
func (s *secured) operator(ctx context.Context, t *testing.T, user string) error {
	c, err := admin.Dial(ctx, admin.ClientConfig{Server: s.Status().NATS, User: user, Password: word(t, s.dir, user), TLS: s.ca.Client()})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Health(ctx, "a")
	return err
}

// Each secret is rotated while clients of each kind are at work, those that stay and
// those that come and go: none of them hears of it, and the replica goes on.
func TestRotationOfAll(t *testing.T) {
	t.Parallel()
	var log logtest.Log
	s := serveSecured(t, &log)
	leaderFile := filepath.Join(t.TempDir(), "leader")
	copyFile(t, filepath.Join(s.dir, "auth", "replica"), leaderFile)
	b := serve(t, appliance.Config{Node: "b", NATSListen: appliance.Off, Follow: s.Status().NATS, FollowPasswordFile: leaderFile, NATSTLSCA: s.ca.CA})
	within(t, 20*time.Second, "the replica streams", func() bool { return b.Link().State == standing.LinkStreaming })

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var work sync.WaitGroup
	counts := make(map[string]*atomic.Int64)
	load := func(name string, do func() error) {
		n := new(atomic.Int64)
		counts[name] = n
		work.Go(func() {
			for ctx.Err() == nil {
				if err := do(); err != nil && ctx.Err() == nil {
					t.Errorf("%s: %v; want no error", name, err)
					return
				}
				n.Add(1)
			}
		})
	}
	plain, overTLS := s.client(t, "first", false), s.client(t, "first", true)
	load("redis", func() error { return plain.Incr(ctx, "n").Err() })
	load("redis with TLS", func() error { return overTLS.Incr(ctx, "n").Err() })
	stays, err := admin.Dial(ctx, admin.ClientConfig{Server: s.Status().NATS, User: "admin", Password: word(t, s.dir, "admin"), TLS: s.ca.Client()})
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	load("admin that stays", func() error { _, err := stays.Status(ctx, "a"); return err })
	load("users that come and go", func() error {
		for _, user := range admin.PasswordUsers() {
			if err := s.operator(ctx, t, user); err != nil {
				return fmt.Errorf("%s: %w", user, err)
			}
		}
		return nil
	})
	load("scraper", func() error {
		r, err := http.Get(s.Status().Metrics)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		return err
	})
	for round := range 2 {
		name := fmt.Sprint("round-", round)
		for _, user := range admin.PasswordUsers() {
			op, err := admin.Dial(ctx, admin.ClientConfig{Server: s.Status().NATS, User: "admin", Password: word(t, s.dir, "admin"), TLS: s.ca.Client()})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := op.Passwd(ctx, "a", user, "", time.Minute); err != nil {
				t.Errorf("%s: %v", user, err)
			}
			op.Close()
		}
		copyFile(t, filepath.Join(s.dir, "auth", "replica"), leaderFile)
		replaceFile(t, s.password, name+"\n")
		s.sign(t, name)
		if err := s.Reload(ctx); err != nil {
			t.Fatal(err)
		}
		s.client(t, name, false)
		s.client(t, name, true)
		before := make(map[string]int64)
		for name, n := range counts {
			before[name] = n.Load()
		}
		within(t, 20*time.Second, "all go on", func() bool {
			for name, n := range counts {
				if n.Load() < before[name]+2 && !t.Failed() {
					return false
				}
			}
			return true
		})
	}
	stop()
	work.Wait()
	for name, n := range counts {
		t.Logf("%s: %d times, 0 errors", name, n.Load())
	}
	if l := b.Link(); l.State != standing.LinkStreaming || l.Attempts != 0 {
		t.Errorf("the replica is %v after %d attempts; want it to stream all the time", l.State, l.Attempts)
	}
	// A password that has leaked ends at once: who reads the new one comes back.
	op, _ := admin.Dial(t.Context(), admin.ClientConfig{Server: s.Status().NATS, User: "admin", Password: word(t, s.dir, "admin"), TLS: s.ca.Client()})
	defer op.Close()
	since := b.Link().Since
	if _, err := op.Passwd(t.Context(), "a", "replica", "", 0); err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join(s.dir, "auth", "replica"), leaderFile)
	within(t, 20*time.Second, "the replica comes back by the new password", func() bool {
		l := b.Link()
		b.Replication().Again()
		return l.State == standing.LinkStreaming && l.Since.After(since)
	})
}

// A file with a secret that is no good when it is read anew is an error with the option
// and the cause, and the secret before holds.
func TestSpoiledSecrets(t *testing.T) {
	t.Parallel()
	var log logtest.Log
	s := serveSecured(t, &log)
	said := s.config()
	spoiled := filepath.Join(t.TempDir(), "spoiled")
	kinds := map[string]func(){
		"empty":        func() { replaceFile(t, spoiled, "") },
		"missing":      func() { _ = os.Remove(spoiled) },
		"a directory":  func() { _ = os.Remove(spoiled); _ = os.Mkdir(spoiled, 0o700) },
		"too long":     func() { replaceFile(t, spoiled, strings.Repeat("x", 1<<20+1)) },
		"open for all": func() { replaceFile(t, spoiled, "secret\n"); _ = os.Chmod(spoiled, 0o644) },
	}
	for option, put := range map[string]func(*appliance.Config){
		"password-file":        func(c *appliance.Config) { c.PasswordFile = spoiled },
		"follow-password-file": func(c *appliance.Config) { c.FollowPasswordFile = spoiled },
		"tls-cert":             func(c *appliance.Config) { c.TLSCert = spoiled },
		"tls-key":              func(c *appliance.Config) { c.TLSKey = spoiled },
		"tls-ca":               func(c *appliance.Config) { c.TLSCA = spoiled },
		"nats-tls-cert":        func(c *appliance.Config) { c.NATSTLSCert = spoiled },
		"nats-tls-key":         func(c *appliance.Config) { c.NATSTLSKey = spoiled },
		"nats-tls-ca":          func(c *appliance.Config) { c.NATSTLSCA = spoiled },
	} {
		for kind, spoil := range kinds {
			if option == "follow-password-file" && kind == "missing" {
				continue // the node leads, and has no use for it
			}
			_ = os.RemoveAll(spoiled)
			spoil()
			s.config = func() appliance.Config { c := said; put(&c); return c }
			err := s.Reload(t.Context())
			if fault.Of(err) != fault.Operator || !strings.Contains(fmt.Sprint(err), option) && !strings.Contains(fmt.Sprint(err), spoiled) {
				t.Errorf("Reload with %s %s = %v; want class operator, and the option or the file", option, kind, err)
			}
		}
	}
	s.client(t, "first", false)
	s.client(t, "first", true)
	for _, user := range admin.PasswordUsers() {
		if err := s.operator(t.Context(), t, user); err != nil {
			t.Errorf("%s afterwards: %v", user, err)
		}
	}
	s.config = func() appliance.Config { return said }
	if err := s.Reload(t.Context()); err != nil {
		t.Errorf("Reload with what is good = %v", err)
	}
}

// No secret is in what a node says of itself, to whomever, or in files that others can
// read, while all of them are used, rotated and refused.
func TestSecretsUnseen(t *testing.T) {
	t.Parallel()
	at, dir := t.TempDir(), filepath.Join(t.TempDir(), "n")
	file := func(name, text string) string {
		replaceFile(t, filepath.Join(at, name), text+"\n")
		return filepath.Join(at, name)
	}
	config := filepath.Join(at, "ledge.yaml")
	replaceFile(t, config, "log-level: debug\nmax-clients: 100\n")
	p := lead(t, dir, "--config", config, "--password-file", file("password", "s3cret-redis"),
		"--http-listen", "127.0.0.1:0", "--http-password-file", file("page", "s3cret-page"))
	secrets := []string{"s3cret-redis", "s3cret-page", "s3cret-given", "s3cret-wrong", "s3cret-later"}
	know := func() {
		for _, user := range admin.PasswordUsers() {
			secrets = append(secrets, word(t, dir, user))
		}
	}
	know()
	c := redis.NewClient(&redis.Options{Addr: p.addr, Password: "s3cret-redis", MaxRetries: -1, DialerRetries: 1, DisableIdentity: true, Protocol: 3})
	defer c.Close()
	var said strings.Builder
	do := func(args ...any) {
		v, err := c.Do(t.Context(), args...).Result()
		fmt.Fprintln(&said, args[0], v, err)
	}
	command := func(want int, name string, args ...string) {
		got := run(t, append([]string{name, "--dir", dir}, args...)...)
		if got.code != want {
			t.Errorf("%s %q: exit code %d, %s; want %d", name, args, got.code, got.stderr, want)
		}
		fmt.Fprintln(&said, got.stdout, got.stderr)
	}
	_ = c.Do(t.Context(), "CONFIG", "SET", "slowlog-log-slower-than", "0").Err()
	_ = c.Do(t.Context(), "AUTH", "s3cret-wrong").Err()
	_ = c.Do(t.Context(), "AUTH", "default", "s3cret-wrong").Err()
	_ = c.Do(t.Context(), "HELLO", "3", "AUTH", "default", "s3cret-wrong").Err()
	command(0, "passwd", "monitor")
	command(0, "passwd", "--json", "--grace", "1m", "--new-password-file", file("given", "s3cret-given"), "replica")
	command(0, "passwd", "--json", "--expire-now", "admin")
	know()
	replaceFile(t, filepath.Join(at, "password"), "s3cret-later\n")
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	replaceFile(t, filepath.Join(dir, "auth", "monitor"), "s3cret-given\n")
	command(2, "health", "--user", "monitor", "--password-file", file("wrong", "s3cret-wrong"))
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	within(t, 20*time.Second, "the later password is taken", func() bool {
		return c.Do(t.Context(), "AUTH", "s3cret-later").Err() == nil
	})
	for _, args := range [][]any{{"INFO", "everything"}, {"SLOWLOG", "GET", "1000"}, {"CLIENT", "LIST"}, {"LEDGE", "STATUS"}, {"ACL", "LIST"},
		{"COMMAND", "GETKEYS", "GET", "k"}, {"MEMORY", "STATS"}, {"ROLE"}, {"LEDGE", "HISTORY"}, {"ACL", "LOG"}, {"CONFIG", "GET", "*file*"}} {
		do(args...)
	}
	p.asked(func(ctx context.Context, op *admin.Conn) error {
		st, err := op.Status(ctx, "n")
		params, perr := op.ConfigOrigins(ctx, "n", "*")
		secret, serr := op.ConfigGet(ctx, "n", "requirepass")
		slow, lerr := op.Slowlog(ctx, "n", 0)
		list, cerr := op.Clients(ctx, "n")
		past, eerr := op.PastEvents(ctx, "n", time.Time{})
		fmt.Fprintf(&said, "%+v %+v %+v %+v %+v %+v\n", st, params, secret, slow, list, past)
		return errors.Join(err, perr, serr, lerr, cerr, eerr)
	})
	do("CONFIG", "REWRITE")
	_, page, _ := strings.Cut(p.greeting, "for Prometheus: ")
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Fields(page)[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	q.SetBasicAuth("x", "s3cret-page")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("metrics: %d, %v", r.StatusCode, err)
	}
	said.Write(metrics)
	for _, f := range []string{"cmdline", "comm", "status"} { // as ps shows them
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, f))
		if err == nil {
			said.Write(b)
		}
	}
	p.end(syscall.SIGTERM)
	texts := map[string]string{"what is said": said.String(), "the log": p.stderr.String(), "the greeting": p.greeting, "the configuration": read(t, config)}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if fi, err := d.Info(); err != nil || filepath.Base(filepath.Dir(path)) == "auth" && fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", path, fi.Mode(), err)
		}
		if filepath.Base(filepath.Dir(path)) != "auth" || d.Name() == "before.json" {
			texts[path] = read(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range texts {
		for _, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s has the secret %q: …%q…", where, secret, text[max(0, i-80):min(len(text), i+40)])
			}
		}
	}
	if len(texts) < 8 || !strings.Contains(texts["the log"], "a password was changed") || !strings.Contains(said.String(), "maxclients") {
		t.Errorf("too little was looked at: %d texts; %s", len(texts), texts["the log"])
	}
}
