package wire

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal/fault"
)

// ErrSilent says that the other side has sent nothing for too long.
var ErrSilent = errors.New("nothing was heard")

// Carrier is what a Conn needs of a connection to a broker.
type Carrier interface {
	NewInbox() string
	ChanSubscribe(subject string, to chan *nats.Msg) (*nats.Subscription, error)
	PublishRequest(subject, reply string, body []byte) error
	Publish(subject string, body []byte) error
	LastError() error // why it has failed
	Close()           // gives it up at once
}

// Config says to whom to connect, and as whom.
type Config struct {
	URL            string
	Name           string // by which the broker shows the connection
	User, Password string
	// TLS is for a broker that asks for TLS, and for one whose URL does; nil trusts the
	// system's roots.
	TLS    *tls.Config
	Within time.Duration // bounds each step of it
	To     string        // who is there, in errors: "leader"
	Logger *slog.Logger
}

// Conn is a connection to another node's broker. It is not mended: when it fails
// another one is made, so that nothing that was sent before can land later. Every wait
// ends at once with its context.
type Conn struct {
	Carrier
	Gone  chan struct{} // closed when the connection has failed
	Local net.Addr      // of this end
	Host  string        // of the other end, as an IP address
	Seen  net.IP        // the address of this end as the other one sees it
	To    string        // who is there, in errors
}

// Dial connects. The broker's library takes no context, so the socket is closed
// under it when ctx ends.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	d := &dialer{ctx: ctx, within: cfg.Within}
	c := &Conn{Gone: make(chan struct{}), To: cfg.To}
	opts := []nats.Option{
		nats.Name(cfg.Name), nats.UserInfo(cfg.User, cfg.Password),
		nats.CustomInboxPrefix("_INBOX." + cfg.User), nats.SetCustomDialer(d),
		// Whoever sends to a node that takes nothing waits no longer than for an answer.
		nats.FlusherTimeout(cfg.Within),
		nats.Timeout(cfg.Within), nats.NoReconnect(), nats.ReconnectBufSize(-1),
		nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2), nats.NoCallbacksAfterClientClose(),
		nats.ClosedHandler(func(*nats.Conn) { close(c.Gone) }),
		// Without one the library writes to standard error.
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			cfg.Logger.Debug("the connection to the "+cfg.To+" reports an error", "cause", err)
		}),
	}
	if cfg.TLS != nil {
		// nats.Secure would turn down a broker without TLS, which only the URL's
		// scheme is to do.
		opts = append(opts, func(o *nats.Options) error { o.TLSConfig = cfg.TLS; return nil })
	}
	nc, err := nats.Connect(cfg.URL, opts...)
	if err != nil {
		if d.err != nil {
			err = &Unreachable{d.err}
		} else if errors.Is(err, nats.ErrTimeout) || errors.Is(err, os.ErrDeadlineExceeded) {
			err = &Unreachable{err} // the host takes connections; the broker says nothing
		}
		return nil, refused(err)
	}
	d.release()
	c.Carrier, c.Local, c.Host = nc, d.addr, d.host
	if c.Seen, err = nc.GetClientIP(); err != nil {
		if tcp, ok := c.Local.(*net.TCPAddr); ok { // a broker that does not say
			c.Seen = tcp.IP
		}
	}
	return c, nil
}

// Await waits for the next message of a subscription, at most for silence.
func (c *Conn) Await(ctx context.Context, msgs <-chan *nats.Msg, silence time.Duration) (*nats.Msg, error) {
	t := time.NewTimer(silence)
	defer t.Stop()
	select {
	case m := <-msgs:
		if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
			return nil, fault.With(fault.Retryable, fmt.Errorf("nobody answers at the %s: %w", c.To, nats.ErrNoResponders))
		}
		return m, Failed(m, c.To)
	case <-t.C:
		return nil, fault.With(fault.Retryable, fmt.Errorf("%w for %s", ErrSilent, silence))
	case <-c.Gone:
		return nil, fault.With(fault.Retryable, errors.Join(errors.New("the connection is lost"), c.LastError()))
	case <-ctx.Done():
		return nil, fault.With(fault.Retryable, ctx.Err())
	}
}

// Ask sends a request and returns a channel with its answers, to be let go with
// done.
func (c *Conn) Ask(subject string, q any, room int) (msgs <-chan *nats.Msg, done func(), err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, nil, err
	}
	ch, inbox := make(chan *nats.Msg, room), c.NewInbox()
	sub, err := c.ChanSubscribe(inbox, ch)
	if err == nil {
		err = c.PublishRequest(subject, inbox, body)
	}
	if err != nil {
		return nil, nil, fault.With(fault.Retryable, fmt.Errorf("%s: %w", subject, err))
	}
	return ch, func() { _ = sub.Unsubscribe() }, nil // a connection that is gone has none
}

// Call sends a request and waits for the one answer.
func (c *Conn) Call(ctx context.Context, subject string, q any, within time.Duration) (*nats.Msg, error) {
	msgs, done, err := c.Ask(subject, q, 1)
	if err != nil {
		return nil, err
	}
	defer done()
	return c.Await(ctx, msgs, within)
}
