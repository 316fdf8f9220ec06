package broker

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go"
)

// connectTimeout is for a connection within the process, where the broker waits for a
// user's credentials at most loginTimeout. nats.go has 2 s, and a machine whose disk
// stalls while the broker opens its stream takes longer.
const connectTimeout = 2 * loginTimeout

// Connect enters the broker within the process, as a user who exists there only.
// The connection comes back by itself should the broker ever drop it, and keeps
// nothing meanwhile: whoever publishes gets the error. The caller closes it, before
// the broker.
func (b *Broker) Connect(user string, opts ...nats.Option) (*nats.Conn, error) {
	secret, ok := b.secrets[user]
	if !ok {
		return nil, fmt.Errorf("connect to the broker: user %q has no place within the process", user)
	}
	all := append([]nats.Option{
		nats.InProcessServer(b.srv), nats.UserInfo(user, secret), nats.Name("ledge " + user),
		nats.Timeout(connectTimeout), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1), nats.ReconnectWait(10 * time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { // without one the library writes to standard error
			b.log.rare.Add(slog.LevelWarn, "a connection within the process reports an error", "user", user, "cause", err)
		}),
	}, opts...)
	return nats.Connect("", all...)
}

// InProcessConn makes a connection without a socket. With it a *Broker can be
// handed to nats.InProcessServer.
func (b *Broker) InProcessConn() (net.Conn, error) { return b.srv.InProcessConn() }

// Addr returns the address that the broker listens on, or nil.
func (b *Broker) Addr() net.Addr {
	if b.opts.DontListen {
		return nil
	}
	return b.srv.Addr()
}

// ClientURL returns where NATS clients connect, or "" without a listener. Its
// scheme is tls where they need that, so that they ask for it before they say
// their passwords.
func (b *Broker) ClientURL() string {
	a := b.Addr()
	switch {
	case a == nil:
		return ""
	case b.tls:
		return "tls://" + a.String()
	}
	return "nats://" + a.String()
}
