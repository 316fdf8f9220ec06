package respd_test

// Clients with TLS: who is let in, that all goes on as without TLS, and that
// nothing is left of those who have gone.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal/certtest"
	"ledge/respd"
	"ledge/respd/resp"
)

// secure makes a server take clients with TLS.
func secure(own certtest.Pair, ca *certtest.Authority, auth tls.ClientAuthType) func(*respd.Config) {
	return func(cfg *respd.Config) {
		cfg.TLSListen = "127.0.0.1:0"
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{own.Certificate}, ClientCAs: ca.Pool, ClientAuth: auth}
	}
}

// dialTLS connects and has the server answer, which is when it has looked at the
// certificate.
func (n *node) dialTLS(cfg *tls.Config) (*tls.Conn, error) {
	n.t.Helper()
	nc, err := tls.Dial("tcp", n.srv.TLSAddr().String(), cfg)
	if err != nil {
		return nil, err
	}
	n.t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	if _, err := nc.Write(encode("PING")); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(nc, make([]byte, len("+PONG\r\n")))
	return nc, err
}

// Whom the server lets in is said by the kind of authentication.
func TestTLSClients(t *testing.T) {
	ours, others := certtest.New(t, "ours"), certtest.New(t, "others")
	own, foreign := ours.Sign(t, "server", "127.0.0.1"), others.Sign(t, "foreign")
	for _, c := range []struct {
		name                 string
		auth                 tls.ClientAuthType
		none, right, foreign bool
	}{
		{"no", tls.NoClientCert, true, true, true},
		{"optional", tls.VerifyClientCertIfGiven, true, true, false},
		{"yes", tls.RequireAndVerifyClientCert, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := start(t, secure(own, ours, c.auth))
			for _, d := range []struct {
				what string
				cfg  *tls.Config
				want bool
			}{
				{"no certificate", ours.Client(), c.none},
				{"the right certificate", ours.Client(ours.Sign(t, "client")), c.right},
			} {
				if _, err := n.dialTLS(d.cfg); (err == nil) != d.want {
					t.Errorf("client with %s: %v; want it let in: %v", d.what, err, d.want)
				}
			}
			cfg := ours.Client() // shown, though the server has named other signers
			cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &foreign.Certificate, nil
			}
			if _, err := n.dialTLS(cfg); (err == nil) != c.foreign {
				t.Errorf("client with a foreign certificate: %v; want it let in: %v", err, c.foreign)
			}
		})
	}
}

// A client that speaks no TLS, or nothing at all, is closed without an answer
// that it could take for one, and keeps no place.
func TestTLSWithout(t *testing.T) {
	ours := certtest.New(t, "ours")
	n := start(t, secure(ours.Sign(t, "server", "127.0.0.1"), ours, tls.NoClientCert),
		func(cfg *respd.Config) { cfg.MaxClients, cfg.Handshake = 1, 2*time.Second })
	nc, err := net.Dial("tcp", n.srv.TLSAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write(encode("PING")); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(nc); err != nil || len(b) > 0 {
		t.Errorf("a client without TLS reads %q, %v; want nothing and the end", b, err)
	}
	var silent net.Conn
	until(t, "a client that says nothing takes the one place", func() bool {
		if silent, err = net.Dial("tcp", n.srv.TLSAddr().String()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { silent.Close() })
		c := n.dial()
		defer c.nc.Close()
		c.send(encode("PING"))
		v, err := c.r.ReadValue()
		return err == nil && strings.Contains(v.String(), "max number of clients")
	})
	if _, err := n.dialTLS(ours.Client()); err == nil {
		t.Error("a client is let in beyond the bound")
	}
	_ = silent.SetDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(silent); err != nil || len(b) > 0 {
		t.Errorf("a client that says nothing reads %q, %v; want the end", b, err)
	}
	until(t, "the place is free again", func() bool {
		nc, err := n.dialTLS(ours.Client())
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
}

// A stock client does over TLS what it does without.
func TestTLSCommands(t *testing.T) {
	ctx, ours := t.Context(), certtest.New(t, "ours")
	n := start(t, secure(ours.Sign(t, "server", "127.0.0.1"), ours, tls.NoClientCert))
	c := redis.NewClient(&redis.Options{Addr: n.srv.TLSAddr().String(), TLSConfig: ours.Client(), MaxRetries: -1})
	defer c.Close()
	long := strings.Repeat("0123456789abcdef", 1<<16)
	if err := c.Set(ctx, "long", long, 0).Err(); err != nil {
		t.Fatalf("SET of 1 MiB: %v", err)
	}
	if got, err := c.Get(ctx, "long").Result(); err != nil || got != long {
		t.Errorf("GET = %d bytes, %v; want the %d that were set", len(got), err, len(long))
	}
	var last *redis.IntCmd
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for range 5000 {
			last = p.Incr(ctx, "n")
		}
		return nil
	})
	if err != nil || last.Val() != 5000 {
		t.Errorf("the last of 5000 INCR = %d, %v; want 5000", last.Val(), err)
	}
	sub := c.Subscribe(ctx, "news")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(ctx, "news", "hello").Err(); err != nil {
		t.Fatal(err)
	}
	if m, err := sub.ReceiveMessage(ctx); err != nil || m.Payload != "hello" {
		t.Errorf("message = %v, %v; want hello", m, err)
	}
}

// A client is known by its own address, and can be killed, when it waits for a
// key too; replies that were on their way come before the end.
func TestTLSEnds(t *testing.T) {
	ours := certtest.New(t, "ours")
	n := start(t, secure(ours.Sign(t, "server", "127.0.0.1"), ours, tls.NoClientCert))
	plain := n.dial()
	nc, err := n.dialTLS(ours.Client())
	if err != nil {
		t.Fatal(err)
	}
	addr := nc.LocalAddr().String()
	plain.want("CLIENT LIST", "…addr="+addr+" laddr="+n.srv.TLSAddr().String()+" …")
	if _, err := nc.Write(encode("BLPOP none 0")); err != nil {
		t.Fatal(err)
	}
	n.waiting(1)
	plain.want("CLIENT KILL "+addr, "OK")
	if b, err := io.ReadAll(nc); err != nil || len(b) > 0 {
		t.Errorf("a killed client reads %q, %v; want the end in good order", b, err)
	}

	gone, err := n.dialTLS(ours.Client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gone.Write(encode("BLPOP none 0")); err != nil {
		t.Fatal(err)
	}
	n.waiting(1)
	gone.Close()
	until(t, "a client that has gone is none", func() bool {
		return !strings.Contains(plain.do("CLIENT LIST"), gone.LocalAddr().String())
	})

	for range 20 {
		quit, err := n.dialTLS(ours.Client())
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = quit.Write(append(encode("QUIT"), bytes.Repeat(encode("PING"), 20000)...)) }()
		line, err := bufio.NewReader(quit).ReadString('\n')
		if line != "+OK\r\n" {
			t.Fatalf("a client that goes on sending behind QUIT reads %q, %v; want OK first", line, err)
		}
	}

	half, err := n.dialTLS(ours.Client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.Write(encode("SET a 1", "GET a")); err != nil {
		t.Fatal(err)
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(half); err != nil || string(b) != "+OK\r\n$1\r\n1\r\n" {
		t.Errorf("a client that has ended its side reads %q, %v; want its replies", b, err)
	}
}

// A client that doesn't read is cut off some time after it was killed, and holds
// up neither the server's end nor a goroutine.
func TestTLSUnread(t *testing.T) {
	ours := certtest.New(t, "ours")
	n := start(t, secure(ours.Sign(t, "server", "127.0.0.1"), ours, tls.NoClientCert),
		func(cfg *respd.Config) { cfg.Drain = 200 * time.Millisecond })
	plain := n.dial()
	plain.send(resp.AppendCommand(nil, "SET", "k", strings.Repeat("x", 1<<20)))
	plain.expect("OK")
	before := runtime.NumGoroutine()
	stuck := func() *tls.Conn {
		nc, err := n.dialTLS(ours.Client())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write(bytes.Repeat(encode("GET k"), 100)); err != nil {
			t.Fatal(err)
		}
		var sent int64
		same := 0
		until(t, "nothing more gets to the client", func() bool {
			now := n.srv.Stats().NetOut.Load()
			if same++; now != sent || now < 1<<20 {
				sent, same = now, 0
			}
			return same > 100
		})
		return nc
	}
	plain.want("CLIENT KILL "+stuck().LocalAddr().String(), "OK")
	until(t, "nothing is left of it", func() bool { return runtime.NumGoroutine() <= before })
	stuck()
	began := time.Now()
	n.stop()
	if err := within(t, "Run of the server", n.served); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Run = %v; want that a client was cut off", err)
	}
	n.served <- nil
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Run ended after %v; want about %v", took, 200*time.Millisecond)
	}
}

// A client whose replies grow past the bound is closed, as without TLS.
func TestTLSOutputBound(t *testing.T) {
	ours := certtest.New(t, "ours")
	n := start(t, secure(ours.Sign(t, "server", "127.0.0.1"), ours, tls.NoClientCert),
		func(cfg *respd.Config) { cfg.MaxOutput = 1 << 20 })
	plain := n.dial()
	plain.send(resp.AppendCommand(nil, "SET", "k", strings.Repeat("x", 2<<20)))
	plain.expect("OK")
	nc, err := n.dialTLS(ours.Client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write(encode("GET k")); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(nc); len(got) >= 2<<20 {
		t.Errorf("the client has read %d bytes; want it closed before that", len(got))
	}
}

// Connections that come and go leave nothing after, however they end.
func TestTLSGoroutines(t *testing.T) {
	ours := certtest.New(t, "ours")
	n := start(t, secure(ours.Sign(t, "server", "127.0.0.1"), ours, tls.NoClientCert))
	plain := n.dial()
	plain.want("PING", "PONG")
	before := runtime.NumGoroutine()
	parallel(4, func(int) {
		for i := range 50 {
			nc, err := n.dialTLS(ours.Client())
			if err != nil {
				t.Error(err)
				return
			}
			switch i % 3 {
			case 0:
				nc.Close()
			case 1: // without a word
				nc.NetConn().Close()
			case 2:
				_, _ = nc.Write(encode("QUIT"))
				if b, err := io.ReadAll(nc); err != nil || string(b) != "+OK\r\n" {
					t.Errorf("QUIT = %q, %v; want OK and the end", b, err)
				}
			}
		}
	})
	until(t, "end of all clients", func() bool {
		return strings.Count(plain.do("CLIENT LIST"), "addr=")/2 == 1
	})
	until(t, "end of all goroutines", func() bool { return runtime.NumGoroutine() <= before })
}

// A server without a listener for plain clients serves those with TLS, and one
// that stops answers what has come.
func TestTLSOnly(t *testing.T) {
	ours := certtest.New(t, "ours")
	n := start(t, secure(ours.Sign(t, "server", "127.0.0.1"), ours, tls.NoClientCert),
		func(cfg *respd.Config) { cfg.Listen = "" })
	if n.srv.Addr().String() != n.srv.TLSAddr().String() {
		t.Errorf("Addr = %v; want %v", n.srv.Addr(), n.srv.TLSAddr())
	}
	nc, err := n.dialTLS(ours.Client())
	if err != nil {
		t.Fatal(err)
	}
	release := n.journal.Hold()
	appends := n.journal.Appends()
	if _, err := nc.Write(encode("SET a 1")); err != nil {
		t.Fatal(err)
	}
	n.behind(appends)
	n.stop()
	release()
	line, err := bufio.NewReader(nc).ReadString('\n')
	if line != "+OK\r\n" || err != nil {
		t.Errorf("a write under way is answered %q, %v; want OK", line, err)
	}
	if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("then the client reads %v; want the end", err)
	}
}

// Redis's own client speaks to it, if it is there and knows TLS.
func TestTLSRedisCLI(t *testing.T) {
	path, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Skip("there is no redis-cli")
	}
	if help, _ := exec.Command(path, "--help").CombinedOutput(); !strings.Contains(string(help), "--tls") {
		t.Skip("this redis-cli knows no TLS")
	}
	ours := certtest.New(t, "ours")
	own := ours.Sign(t, "server", "127.0.0.1")
	n := start(t, secure(own, ours, tls.RequireAndVerifyClientCert))
	_, port, _ := net.SplitHostPort(n.srv.TLSAddr().String())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-p", port, "--tls", "--cacert", ours.CA,
		"--cert", own.Cert, "--key", own.Key, "SET", "k", "v").CombinedOutput()
	if err != nil || string(out) != "OK\n" {
		t.Errorf("redis-cli --tls SET = %q, %v; want OK", out, err)
	}
}
