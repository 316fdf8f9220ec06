package respd_test

// Logins and handshakes that fail are counted, and logged without filling the
// log: whoever tries passwords can do so as often as they like.

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"

	"ledge/journal/certtest"
	"ledge/journal/logtest"
	"ledge/respd"
)

func TestDeniedLogins(t *testing.T) {
	var log logtest.Log
	n := start(t, logTo(&log), func(cfg *respd.Config) { cfg.Password = "sesame" })
	const tries = 100
	for i := range tries {
		c := n.dial()
		for _, line := range []string{"AUTH guess", "AUTH default guess", "AUTH somebody sesame",
			"HELLO 3 AUTH default guess", "HELLO 3 AUTH somebody guess"} {
			c.want(line, "(error) WRONGPASS …")
		}
		c.want("PING", "(error) NOAUTH …")
		if i%10 == 0 {
			c.want("AUTH sesame", "OK")
		}
		c.drop()
	}
	c := n.dial()
	c.want("AUTH sesame", "OK")
	c.want("INFO stats", fmt.Sprintf("…acl_access_denied_auth:%d…", 5*tries))
	got := log.String()
	if lines := strings.Count(got, "login failed"); lines < 1 || lines > 5 {
		t.Errorf("%d lines for %d failed logins; want one, and one more each 10 s:\n%s", lines, 5*tries, got)
	}
	for _, no := range []string{"guess", "sesame", "somebody"} {
		if strings.Contains(got, no) {
			t.Errorf("the log has %q, which a client has sent:\n%s", no, got)
		}
	}
	if !strings.Contains(got, "client=127.0.0.1:") {
		t.Errorf("the log has no address:\n%s", got)
	}
}

// Where there is no password, no login fails that anybody could mean.
func TestDeniedWithoutPassword(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.want("AUTH guess", "(error) ERR AUTH <password> called without any password …")
	c.want("AUTH default anything", "OK")
	if got := n.srv.Stats().Denied.Load(); got != 0 {
		t.Errorf("%d logins are counted; want none", got)
	}
}

func TestDeniedHandshakes(t *testing.T) {
	var log logtest.Log
	ours, others := certtest.New(t, "ours"), certtest.New(t, "others")
	n := start(t, logTo(&log), secure(ours.Sign(t, "server", "127.0.0.1"), ours, tls.RequireAndVerifyClientCert))
	const tries = 30
	for range tries {
		if _, err := n.dialTLS(ours.Client()); err == nil {
			t.Fatal("a client without a certificate is let in")
		}
		if _, err := n.dialTLS(others.Client()); err == nil {
			t.Fatal("a client that trusts others is let in")
		}
		nc, err := net.Dial("tcp", n.srv.TLSAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		nc.Close()
		if nc, err = net.Dial("tcp", n.srv.TLSAddr().String()); err != nil { // only looks
			t.Fatal(err)
		}
		nc.Close()
	}
	until(t, "all handshakes are counted", func() bool { return n.srv.Stats().Handshakes.Load() >= 3*tries })
	if got := n.srv.Stats().Handshakes.Load(); got != 3*tries {
		t.Errorf("%d handshakes are counted; want %d", got, 3*tries)
	}
	if lines := strings.Count(log.String(), "handshake with TLS failed"); lines < 1 || lines > 5 {
		t.Errorf("%d lines for %d failed handshakes; want few:\n%s", lines, 3*tries, log.String())
	}
}
