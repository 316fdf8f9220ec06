package broker_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/journal/broker"
	"ledge/journal/certtest"
)

// A listener with a CA lets in who shows a certificate that leads to it, and
// nobody else, while what is within the process needs none.
func TestListenTLS(t *testing.T) {
	ours, others := certtest.New(t, "ours"), certtest.New(t, "others")
	own := ours.Sign(t, "node", "127.0.0.1")
	b := start(t, broker.Config{Listen: "127.0.0.1:0",
		Users: []broker.User{{Name: "admin", Password: "secret"}, {Name: "service", Inside: true}},
		TLS: &tls.Config{Certificates: []tls.Certificate{own.Certificate}, ClientCAs: ours.Pool,
			ClientAuth: tls.RequireAndVerifyClientCert}})
	if !strings.HasPrefix(b.ClientURL(), "tls://127.0.0.1:") {
		t.Errorf("ClientURL = %s; want tls://", b.ClientURL())
	}
	if _, err := b.Connect("service"); err != nil {
		t.Errorf("a connection within the process: %v", err)
	}
	plain := "nats" + strings.TrimPrefix(b.ClientURL(), "tls")
	for _, c := range []struct {
		name string
		url  string
		cfg  *tls.Config
		good bool
	}{
		{"with our certificate", b.ClientURL(), ours.Client(own), true},
		{"that didn't ask for TLS", plain, ours.Client(own), true},
		{"without a certificate", b.ClientURL(), ours.Client(), false},
		{"with a foreign certificate", b.ClientURL(), ours.Client(others.Sign(t, "thief")), false},
		{"that doesn't know our CA", b.ClientURL(), others.Client(own), false},
	} {
		nc, err := nats.Connect(c.url, nats.UserInfo("admin", "secret"),
			func(o *nats.Options) error { o.TLSConfig = c.cfg; return nil })
		if (err == nil) != c.good {
			t.Errorf("client %s: %v; want it let in: %v", c.name, err, c.good)
		}
		if err == nil {
			if _, err := nc.TLSConnectionState(); err != nil {
				t.Errorf("client %s: %v; want TLS", c.name, err)
			}
			nc.Close()
		}
	}
}
