package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal/certtest"
)

// serving runs a node with options until the test ends, and returns its
// directory and what it said when it was ready.
func serving(t *testing.T, opts ...string) (dir, greeting string) {
	t.Helper()
	return servingTo(t, os.Stderr, opts...)
}

// servingTo is serving with the log written to stderr.
func servingTo(t *testing.T, stderr io.Writer, opts ...string) (dir, greeting string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int, 1)
	out, in := io.Pipe()
	args := append([]string{"ledge", "serve", "--dir", dir, "--node", "n1", "--reserve", "0", "--log-level", "error"},
		opts...)
	go func() {
		done <- run(ctx, args, in, stderr)
		in.Close()
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case code := <-done:
			if code != 0 {
				t.Errorf("serve ends with %d; want 0", code)
			}
		case <-time.After(20 * time.Second):
			t.Error("the node has not stopped")
		}
	})
	for b := make([]byte, 4096); !strings.Contains(greeting, "state"); {
		n, err := out.Read(b)
		if err != nil {
			t.Fatalf("the node has not started: %v", err)
		}
		greeting += string(b[:n])
	}
	go io.Copy(io.Discard, out)
	return dir, greeting
}

// A node that asks for certificates is asked from its own machine without any
// option more, whatever name its certificate is for; from elsewhere with the CA
// and a certificate.
func TestOperateTLS(t *testing.T) {
	ours, others := certtest.New(t, "ours"), certtest.New(t, "others")
	named, own := ours.Sign(t, "named", "kiosk.example.com"), ours.Sign(t, "own", "127.0.0.1")
	dir, _ := serving(t, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0",
		"--nats-tls-cert", named.Cert, "--nats-tls-key", named.Key, "--nats-tls-ca", ours.CA)
	if got := ledge(t, "health", "--dir", dir); got.code != 0 {
		t.Errorf("health on the same machine: exit code %d, %s", got.code, got.stderr)
	}
	dir, greeting := serving(t, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0",
		"--nats-tls-cert", own.Cert, "--nats-tls-key", own.Key, "--nats-tls-ca", ours.CA)
	_, rest, _ := strings.Cut(greeting, "nats   ")
	server, _, _ := strings.Cut(rest, " ")
	for _, c := range []struct {
		name string
		opts []string
		code int
		want string
	}{
		{"all that is needed", []string{"--tls-ca", ours.CA, "--tls-cert", own.Cert, "--tls-key", own.Key}, 0, ""},
		{"the system's CAs", nil, exitUnreachable, "--tls-ca says who"},
		{"another CA", []string{"--tls-ca", others.CA, "--tls-cert", own.Cert, "--tls-key", own.Key}, exitUnreachable,
			"signed by unknown authority; --tls-ca says who has signed the node's certificate"},
		{"no certificate", []string{"--tls-ca", ours.CA}, exitUnreachable, "unreachable"},
		{"no key", []string{"--tls-cert", own.Cert}, exitUsage, "--tls-cert: needs tls-key, which is missing"},
		{"no such file", []string{"--tls-ca", "/does/not/exist"}, exitUsage,
			"--tls-ca: open /does/not/exist: no such file or directory"},
	} {
		got := ledge(t, append([]string{"health", "--dir", dir, "--server", server}, c.opts...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.want) {
			t.Errorf("health with %s: exit code %d, %q; want %d, %q", c.name, got.code, got.stderr, c.code, c.want)
		}
	}
}

// A node takes Redis clients with TLS only, where anybody can reach it and a
// certificate stands for the password, and says where.
func TestServeTLS(t *testing.T) {
	ours := certtest.New(t, "ours")
	own := ours.Sign(t, "own", "127.0.0.1")
	dir, greeting := serving(t, "--listen", "off", "--nats-listen", "off", "--tls-listen", "0.0.0.0:0",
		"--tls-cert", own.Cert, "--tls-key", own.Key, "--tls-ca", ours.CA)
	_, rest, _ := strings.Cut(greeting, "tls    ")
	listen, rest, _ := strings.Cut(rest, " ")
	_, port, err := net.SplitHostPort(listen)
	if err != nil || !strings.Contains(greeting, "redis  off\n") || !strings.Contains(rest, "redis-cli --tls --cacert ") || !strings.Contains(rest, " -p "+port) {
		t.Fatalf("the node says %q (%v); want redis off, and where it takes TLS", greeting, err)
	}
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: "127.0.0.1:" + port, TLSConfig: ours.Client(own)})
	defer c.Close()
	if got, err := c.ConfigGet(t.Context(), "*port*").Result(); err != nil || got["port"] != "0" {
		t.Errorf("CONFIG GET *port* = %v, %v; want port 0", got, err)
	}
	if err := c.ConfigSet(t.Context(), "requirepass", "").Err(); err != nil {
		t.Errorf("CONFIG SET requirepass to none: %v; want it taken, certificates stand for it", err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil || !strings.Contains(string(b), `"redis_tls":"`+listen) {
		t.Errorf("run.json is %s, %v; want redis_tls %s in it", b, err, listen)
	}
}

// What is wrong with a file is said with the option and the file.
func TestTLSFiles(t *testing.T) {
	ours := certtest.New(t, "ours")
	a, b := ours.Sign(t, "a"), ours.Sign(t, "b")
	empty := write(t, "empty.pem", "")
	for _, c := range []struct {
		opts []string
		want string
	}{
		{[]string{"--nats-tls-cert", a.Cert, "--nats-tls-key", b.Key}, "--nats-tls-cert: " + a.Cert + " with " + b.Key + ": "},
		{[]string{"--nats-tls-cert", a.Cert, "--nats-tls-key", "/no"}, "--nats-tls-key: open /no: "},
		{[]string{"--nats-tls-ca", empty}, "--nats-tls-ca: " + empty + " has no certificate in PEM\n"},
		{[]string{"--tls-listen", "127.0.0.1:0", "--tls-cert", "/no", "--tls-key", a.Key}, "--tls-cert: open /no: "},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		got := ledge(t, append([]string{"serve", "--dir", dir, "--listen", "127.0.0.1:0", "--nats-listen", "off"},
			c.opts...)...)
		if got.code != exitRefused || !strings.HasPrefix(got.stderr, "ledge: "+c.want) {
			t.Errorf("serve %q: exit code %d, %q; want %d, %q", c.opts, got.code, got.stderr, exitRefused, c.want)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("serve %q leaves %s (%v); want nothing made", c.opts, dir, err)
		}
	}
}

// The certificate that run.json names is taken, and no other.
func TestPin(t *testing.T) {
	ours := certtest.New(t, "ours")
	own, other := ours.Sign(t, "own"), ours.Sign(t, "other")
	dir, _ := serving(t, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0",
		"--nats-tls-cert", own.Cert, "--nats-tls-key", own.Key)
	if got := ledge(t, "health", "--dir", dir); got.code != 0 {
		t.Errorf("health: exit code %d, %s", got.code, got.stderr)
	}
	dir2, _ := serving(t, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0",
		"--nats-tls-cert", other.Cert, "--nats-tls-key", other.Key)
	b, err := os.ReadFile(filepath.Join(dir, "run.json"))
	b2, err2 := os.ReadFile(filepath.Join(dir2, "run.json"))
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	_, pin, _ := strings.Cut(string(b), `"tls":`)
	address, _, _ := strings.Cut(string(b2), `"tls":`)
	if err := os.WriteFile(filepath.Join(dir2, "run.json"), []byte(address+`"tls":`+pin), 0o600); err != nil {
		t.Fatal(err)
	}
	got := ledge(t, "health", "--dir", dir2)
	if got.code != exitUnreachable || !strings.Contains(got.stderr, "not the certificate that the node has said") {
		t.Errorf("health with another pin: exit code %d, %q; want %d", got.code, got.stderr, exitUnreachable)
	}
}
