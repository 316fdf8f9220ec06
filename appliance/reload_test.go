package appliance_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal/certtest"
	"ledge/journal/freeport"
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

// badFiles are each bad in another way; max-clients shows whether one was taken.
var badFiles = []string{
	"max-clients: 800\nno-such: 1\n",
	"max-clients: 800\nfetch-timeout: x\n",
	"max-clients: 800\n- x\n",
	"max-clients: 800\npassword-file: /missing\n",
	"max-clients: 800\nreserve: x\n",
	"max-clients: 800\nnats-tls-cert: /missing\nnats-tls-key: /missing\n",
}

// SIGHUP has the node take what can change of its file. A bad file changes nothing,
// what can't change is named, and what was set at run time gives way to a newer word
// of the file alone. SIGHUP ends the process at no time.
func TestHangUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledge.yaml")
	replaceFile(t, file, "max-clients: 500\nfetch-timeout: 4s\n")
	p := start(t, t.TempDir(), "--config", file, "--log-level", "info")
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
	for _, bad := range badFiles {
		refused := p.stderr.Count("level=ERROR")
		replaceFile(t, file, bad)
		hangUp()
		within(t, 20*time.Second, "the file is refused: "+bad, func() bool { return p.stderr.Count("level=ERROR") > refused })
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

// A password that comes into a file which all can read is said to be there, at SIGHUP as at a
// start.
func TestHangUpWarns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledge.yaml")
	write(t, file, "max-clients: 500\n")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	p := start(t, t.TempDir(), "--config", file)
	const open = "in a file that every user of this machine can read"
	if p.stderr.Count(open) > 0 {
		t.Fatal("a file without a secret is said to have one")
	}
	write(t, file, "max-clients: 500\npassword: foo\n")
	_ = p.cmd.Process.Signal(syscall.SIGHUP)
	within(t, 20*time.Second, "it is said", func() bool { return p.stderr.Count(open) == 1 })
}

// signTo puts a pair that the authority signs for a name into files.
func signTo(t *testing.T, ca *certtest.Authority, name, cert, key string) {
	t.Helper()
	pair := ca.Sign(t, name, "127.0.0.1")
	copyFile(t, pair.Cert, cert)
	copyFile(t, pair.Key, key)
}

// certificateOf returns the name in the certificate that a listener shows, or why it
// shows none.
func certificateOf(addr string, cfg *tls.Config) string {
	nc, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		return err.Error()
	}
	defer nc.Close()
	return nc.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// onceIn returns a client with one connection, which it makes when it is used.
func onceIn(t *testing.T, addr, password string, cfg *tls.Config) *redis.Client {
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: addr, Password: password, TLSConfig: cfg, PoolSize: 1, MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { c.Close() })
	return c
}

// setsOn connects, and then sets a key again and again until ctx ends.
func setsOn(ctx context.Context, t *testing.T, wg *sync.WaitGroup, c *redis.Client) {
	t.Helper()
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

// Passwords and certificates are rotated under load: nobody who is in hears of it, and
// whoever comes is asked for the new ones.
func TestRotation(t *testing.T) {
	dir, ca := filepath.Join(t.TempDir(), "n"), certtest.New(t, "ours")
	at := t.TempDir()
	secret, cert, key := filepath.Join(at, "password"), filepath.Join(at, "cert"), filepath.Join(at, "key")
	signTo(t, ca, "round-0", cert, key)
	replaceFile(t, secret, "secret-0\n")
	secured := freeport.Addr(t)
	p := lead(t, dir, "--password-file", secret, "--tls-listen", secured, "--tls-cert", cert, "--tls-key", key,
		"--nats-tls-cert", cert, "--nats-tls-key", key)
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	setsOn(ctx, t, &wg, onceIn(t, p.addr, "secret-0", nil))
	setsOn(ctx, t, &wg, onceIn(t, secured, "secret-0", ca.Client()))
	for round := 1; round <= 3; round++ {
		name, password := fmt.Sprintf("round-%d", round), fmt.Sprintf("secret-%d", round)
		signTo(t, ca, name, cert, key)
		replaceFile(t, secret, password+"\n")
		within(t, 20*time.Second, name+" is shown, and its password taken", func() bool {
			_ = p.cmd.Process.Signal(syscall.SIGHUP)
			c := onceIn(t, p.addr, password, nil)
			defer c.Close()
			return certificateOf(secured, ca.Client()) == name && c.Ping(t.Context()).Err() == nil
		})
		old := onceIn(t, p.addr, fmt.Sprintf("secret-%d", round-1), nil)
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

// SIGHUP has the page ask for the password in another file once the configuration names
// that, and for none once it names none.
func TestPageFileReloaded(t *testing.T) {
	dir := t.TempDir()
	file, first, second := filepath.Join(dir, "ledge.yaml"), filepath.Join(dir, "first"), filepath.Join(dir, "second")
	replaceFile(t, first, "one\n")
	replaceFile(t, second, "two\n")
	addr := freeport.Addr(t)
	configure := func(path string) {
		text := "http-listen: " + addr + "\n"
		if path != "" {
			text += "http-password-file: " + path + "\n"
		}
		replaceFile(t, file, text)
	}
	configure(first)
	p := start(t, t.TempDir(), "--config", file)
	status := func(password string) int {
		code, _ := answer(t, http.MethodGet, "http://"+addr+"/facts", "", password)
		return code
	}
	if got, other := status("one"), status("two"); got != http.StatusOK || other != http.StatusUnauthorized {
		t.Fatalf("with the first file: %d for its password, %d for another; want 200, 401", got, other)
	}
	hangUp := func() { _ = p.cmd.Process.Signal(syscall.SIGHUP) }
	configure(filepath.Join(dir, "missing"))
	hangUp()
	within(t, 20*time.Second, "the missing file is refused", func() bool { return p.stderr.Count("level=ERROR") > 0 })
	if got := status("one"); got != http.StatusOK {
		t.Errorf("%d for the first password beside a bad configuration; want 200", got)
	}
	configure(second)
	hangUp()
	within(t, 20*time.Second, "the second file's password counts", func() bool { return status("two") == http.StatusOK })
	if got := status("one"); got != http.StatusUnauthorized {
		t.Errorf("%d for the password of the first file; want 401", got)
	}
	configure("")
	hangUp()
	within(t, 20*time.Second, "no password is asked for", func() bool { return status("none") == http.StatusOK })
}
