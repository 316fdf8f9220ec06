package broker_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/journal/broker"
	"ledge/journal/certtest"
	"ledge/journal/logtest"
)

// NATS clients that fail to log in, or to shake hands, fill no log.
func TestStrangers(t *testing.T) {
	ours := certtest.New(t, "ours")
	own := ours.Sign(t, "node", "127.0.0.1")
	for name, c := range map[string]struct {
		tls  *tls.Config
		want string
	}{
		"logins":     {nil, "a NATS client's login failed"},
		"handshakes": {&tls.Config{Certificates: []tls.Certificate{own.Certificate}}, "a NATS client's handshake with TLS failed"},
	} {
		t.Run(name, func(t *testing.T) {
			var log logtest.Log
			b := start(t, broker.Config{Listen: "127.0.0.1:0", TLS: c.tls,
				Users: []broker.User{{Name: "admin", Password: "sesame"}}, Log: log.Logger()})
			for range 50 {
				nc, err := nats.Connect(b.ClientURL(), nats.UserInfo("critical write error\x1b[31m"+strings.Repeat("x", 2000), "guess"))
				if err == nil {
					nc.Close()
					t.Fatal("a stranger is let in")
				}
			}
			b.Close()
			got := log.String()
			if n := strings.Count(got, c.want); n < 1 || n > 5 || !strings.Contains(got, "client=127.0.0.1:") {
				t.Errorf("%d lines with %q; want few, with an address:\n%s", n, c.want, got)
			}
			if strings.Contains(got, "\x1b") || strings.Contains(got, strings.Repeat("x", 1000)) {
				t.Errorf("a name that a client chose is shown as it is:\n%s", got)
			}
			if !strings.Contains(got, "since_last_line=") || strings.Contains(got, "guess") || strings.Contains(got, "level=ERROR") {
				t.Errorf("want the number of them, no password and no error of ours:\n%s", got)
			}
		})
	}
}
