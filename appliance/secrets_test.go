package appliance_test

// All secrets of a node at once: rotated under load, and spoiled.

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal/certtest"
	"ledge/journal/fault"
	"ledge/journal/freeport"
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
	cfg := appliance.Config{Dir: s.dir, Node: "a", NATSListen: freeport.Addr(t), TLSListen: freeport.Addr(t), HTTPListen: freeport.Addr(t),
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
	signTo(t, s.ca, name, s.cert, s.key)
}

// client returns a Redis client with one connection, which it makes at once.
func (s *secured) client(t *testing.T, password string, tls bool) *redis.Client {
	t.Helper()
	o := &redis.Options{ReadTimeout: time.Minute, Addr: s.Status().Listen, Password: password, PoolSize: 1, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true}
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

// enter connects as a user, whose password it reads just before.
func (s *secured) enter(ctx context.Context, t *testing.T, user string) (*admin.Conn, error) {
	t.Helper()
	return admin.Dial(ctx, admin.ClientConfig{Server: s.Status().NATS, User: user, Password: word(t, s.dir, user), TLS: s.ca.Client(),
		ConnectTimeout: patience(5 * time.Second)})
}

// passwd changes a user's password, as an admin who comes for that alone.
func (s *secured) passwd(ctx context.Context, t *testing.T, user string, grace time.Duration) {
	t.Helper()
	op, err := s.enter(ctx, t, "admin")
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	if _, err := op.Passwd(ctx, "a", user, "", grace); err != nil {
		t.Errorf("%s: %v", user, err)
	}
}

// operator asks as a user who reads the password before each connection.
func (s *secured) operator(ctx context.Context, t *testing.T, user string) error {
	c, err := s.enter(ctx, t, user)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Health(ctx, "a")
	return err
}

// clients of a node are at work, each kind of them on its own.
type clients struct {
	t     *testing.T
	wg    sync.WaitGroup
	times map[string]*atomic.Int64 // that each kind has done its work
}

// work has a client do something again and again until ctx ends. None of it may end
// with an error.
func (c *clients) work(ctx context.Context, name string, do func() error) {
	n := new(atomic.Int64)
	c.times[name] = n
	c.wg.Go(func() {
		for ctx.Err() == nil {
			if err := do(); err != nil && ctx.Err() == nil {
				c.t.Errorf("%s: %v; want no error", name, err)
				return
			}
			n.Add(1)
		}
	})
}

// goOn waits until each has done its work twice more.
func (c *clients) goOn() {
	c.t.Helper()
	before := make(map[string]int64)
	for name, n := range c.times {
		before[name] = n.Load()
	}
	within(c.t, 20*time.Second, "all go on", func() bool {
		for name, n := range c.times {
			if n.Load() < before[name]+2 && !c.t.Failed() {
				return false
			}
		}
		return true
	})
}

// workAll has clients of each kind work, those that stay and those that come and go.
func (s *secured) workAll(ctx context.Context, t *testing.T) *clients {
	t.Helper()
	c := &clients{t: t, times: make(map[string]*atomic.Int64)}
	plain, overTLS := s.client(t, "first", false), s.client(t, "first", true)
	c.work(ctx, "redis", func() error { return plain.Incr(ctx, "n").Err() })
	c.work(ctx, "redis with TLS", func() error { return overTLS.Incr(ctx, "n").Err() })
	stays, err := s.enter(ctx, t, "admin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stays.Close() })
	c.work(ctx, "admin that stays", func() error { _, err := stays.Status(ctx, "a"); return err })
	c.work(ctx, "users that come and go", func() error {
		for _, user := range admin.PasswordUsers() {
			if err := s.operator(ctx, t, user); err != nil {
				return fmt.Errorf("%s: %w", user, err)
			}
		}
		return nil
	})
	c.work(ctx, "scraper", func() error {
		r, err := http.Get(s.Status().Metrics)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		return err
	})
	return c
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
	all := s.workAll(ctx, t)
	for round := range 2 {
		name := fmt.Sprint("round-", round)
		for _, user := range admin.PasswordUsers() {
			s.passwd(ctx, t, user, time.Minute)
		}
		copyFile(t, filepath.Join(s.dir, "auth", "replica"), leaderFile)
		replaceFile(t, s.password, name+"\n")
		s.sign(t, name)
		if err := s.Reload(ctx); err != nil {
			t.Fatal(err)
		}
		s.client(t, name, false)
		s.client(t, name, true)
		all.goOn()
	}
	stop()
	all.wg.Wait()
	for name, n := range all.times {
		t.Logf("%s: %d times, 0 errors", name, n.Load())
	}
	if l := b.Link(); l.State != standing.LinkStreaming || l.Attempts != 0 {
		t.Errorf("the replica is %v after %d attempts; want it to stream all the time", l.State, l.Attempts)
	}
	// A password that has leaked ends at once: who reads the new one comes back.
	// A link that is made anew before its end was noticed counts as one, so it is looked what
	// comes over it.
	s.passwd(t.Context(), t, "replica", 0)
	copyFile(t, filepath.Join(s.dir, "auth", "replica"), leaderFile)
	has := b.Link().Applied
	if err := s.client(t, "round-1", false).Incr(t.Context(), "n").Err(); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "the replica comes back by the new password", func() bool {
		b.Replication().Again()
		l := b.Link()
		return l.State == standing.LinkStreaming && l.Applied > has
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
		"cluster-secret-file":  func(c *appliance.Config) { c.ClusterSecretFile = spoiled },
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
