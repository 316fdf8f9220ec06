package appliance_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal/certtest"
)

// replaceFile writes a file as an operator's tool does: whole, under its name.
func replaceFile(t *testing.T, path, text string) {
	t.Helper()
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		t.Fatal(err)
	}
}

// SIGHUP has the node take what can change of its file. A bad file changes nothing,
// what can't change is named, and what was set at run time gives way to a newer word
// of the file alone. SIGHUP ends the process at no time.
func TestHangUp(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "ledge.yaml")
	replaceFile(t, file, "max-clients: 500\nfetch-timeout: 4s\n")
	p := start(t, dir, "--config", file, "--log-level", "info")
	c := p.client()
	get := func(name string) string { return c.ConfigGet(t.Context(), name).Val()[name] }
	hangUp := func() { _ = p.cmd.Process.Signal(syscall.SIGHUP) }
	for name, v := range map[string]string{"ledge-fetch-timeout": "5s", "slowlog-max-len": "9", "maxclients": "600"} {
		if err := c.ConfigSet(t.Context(), name, v).Err(); err != nil {
			t.Fatal(err)
		}
	}
	replaceFile(t, file, "max-clients: 700\nfetch-timeout: 4s\nmax-memory: 1GiB\nreserve: 1MiB\n")
	hangUp()
	within(t, 20*time.Second, "max-clients is the file's", func() bool { return get("maxclients") == "700" })
	for name, want := range map[string]string{"ledge-fetch-timeout": "5s", "slowlog-max-len": "9", "maxmemory": "1073741824"} {
		if got := get(name); got != want {
			t.Errorf("%s is %s after SIGHUP; want %s", name, got, want)
		}
	}
	// Each of these is bad in another way; max-clients shows whether it was taken.
	for _, bad := range []string{"max-clients: 800\nno-such: 1\n", "max-clients: 800\nfetch-timeout: x\n", "max-clients: 800\n- x\n",
		"max-clients: 800\npassword-file: " + filepath.Join(dir, "missing") + "\n", "max-clients: 800\nreserve: x\n",
		"max-clients: 800\nnats-tls-cert: /missing\nnats-tls-key: /missing\n"} {
		replaceFile(t, file, bad)
		hangUp()
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	hangUp()
	replaceFile(t, file, "max-clients: 900\n")
	hangUp()
	within(t, 20*time.Second, "max-clients is the file's again", func() bool {
		if got := get("maxclients"); got == "800" {
			t.Fatalf("maxclients is %s, of a bad file", got)
		}
		hangUp()
		return get("maxclients") == "900"
	})
	if got := get("maxmemory"); got != "0" {
		t.Errorf("maxmemory is %s after it left the file; want 0", got)
	}
	for range 20 {
		hangUp()
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	for range 20 {
		hangUp()
	}
	if code := p.end(syscall.SIGHUP); code != 0 {
		t.Errorf("exit code %d; want 0, of SIGTERM", code)
	}
	log := p.stderr.String()
	for _, want := range []string{"level=ERROR", "option=reserve", file + ":4", "level=WARN"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q: %s", want, log)
		}
	}
}

// Passwords and certificates are rotated under load: nobody who is in hears of it, and
// whoever comes is asked for the new ones.
func TestRotation(t *testing.T) {
	dir, ca := filepath.Join(t.TempDir(), "n"), certtest.New(t, "ours")
	at := t.TempDir()
	secret, cert, key := filepath.Join(at, "password"), filepath.Join(at, "cert"), filepath.Join(at, "key")
	sign := func(name string) {
		pair := ca.Sign(t, name, "127.0.0.1")
		for to, from := range map[string]string{cert: pair.Cert, key: pair.Key} {
			b, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			replaceFile(t, to, string(b))
		}
	}
	sign("round-0")
	replaceFile(t, secret, "secret-0\n")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secured := ln.Addr().String()
	ln.Close()
	p := lead(t, dir, "--password-file", secret, "--tls-listen", secured, "--tls-cert", cert, "--tls-key", key,
		"--nats-tls-cert", cert, "--nats-tls-key", key)
	connect := func(password string, cfg *tls.Config, addr string) *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: addr, Password: password, TLSConfig: cfg, PoolSize: 1, MaxRetries: -1, DialerRetries: 1})
		t.Cleanup(func() { c.Close() })
		return c
	}
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	load := func(c *redis.Client) {
		if err := c.Ping(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := c.Set(ctx, "k", i, 0).Err(); err != nil && ctx.Err() == nil {
					t.Errorf("SET of a client that was in: %v", err)
					return
				}
			}
		})
	}
	load(connect("secret-0", nil, p.addr))
	load(connect("secret-0", ca.Client(), secured))
	shown := func(addr string) string {
		nc, err := tls.Dial("tcp", addr, ca.Client())
		if err != nil {
			return err.Error()
		}
		defer nc.Close()
		return nc.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	for round := 1; round <= 3; round++ {
		name, password := fmt.Sprintf("round-%d", round), fmt.Sprintf("secret-%d", round)
		sign(name)
		replaceFile(t, secret, password+"\n")
		within(t, 20*time.Second, name+" is shown, and its password taken", func() bool {
			_ = p.cmd.Process.Signal(syscall.SIGHUP)
			c := connect(password, nil, p.addr)
			defer c.Close()
			return shown(secured) == name && c.Ping(t.Context()).Err() == nil
		})
		old := connect(fmt.Sprintf("secret-%d", round-1), nil, p.addr)
		if err := old.Ping(t.Context()).Err(); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
			t.Errorf("round %d: PING with the password before = %v; want WRONGPASS", round, err)
		}
		within(t, 20*time.Second, "commands on the machine know the NATS listener's certificate", func() bool {
			return run(t, "health", "--dir", dir).code == 0
		})
	}
	stop()
	wg.Wait()
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d; want 0", code)
	}
	for _, want := range []string{`certificates="[nats-tls-cert tls-cert]"`, `changed=[requirepass]`} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("the log has no %s: %s", want, p.stderr.String())
		}
	}
}
