package remote

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
)

// checksum is what a chunk carries.
func checksum(b []byte) string {
	return fmt.Sprintf("%08x", journal.Checksum(b))
}

// summed reports what is wrong with a chunk, going by the checksum it carries.
func summed(m *nats.Msg) error {
	said := m.Header.Get(headerSum)
	if _, err := strconv.ParseUint(said, 16, 32); err != nil || len(said) != 8 {
		return fmt.Errorf("%q is no checksum", clip(said, maxName))
	}
	if got := checksum(m.Data); got != strings.ToLower(said) {
		return fmt.Errorf("its checksum is %s; the leader says %s", got, said)
	}
	return nil
}

// errSilent says that the leader has sent nothing for too long.
var errSilent = errors.New("nothing was heard")

// carrier is what a replica needs of a connection to a broker.
type carrier interface {
	NewInbox() string
	ChanSubscribe(subject string, to chan *nats.Msg) (*nats.Subscription, error)
	PublishRequest(subject, reply string, body []byte) error
	Publish(subject string, body []byte) error
	LastError() error // why it has failed
	Close()
}

// conn is a replica's connection to its leader. It is not mended: when it fails
// the next attempt makes another, so that nothing that was sent before can land
// later. Every wait ends at once with its context.
type conn struct {
	nc   carrier
	gone chan struct{} // closed when the connection has failed
	id   name
	addr net.Addr // of this end
	host string   // of the other end
	seen net.IP   // the address of this end as the leader sees it
	said string   // the password
}

// dial connects. The broker's library takes no context, so the socket is closed
// under it when ctx ends.
func dial(ctx context.Context, cfg *FollowerConfig) (*conn, error) {
	password, err := cfg.Password()
	if err != nil {
		return nil, fault.As(fault.Operator, "connect", err)
	}
	d := &dialer{ctx: ctx, within: cfg.ConnectTimeout}
	c := &conn{gone: make(chan struct{}), id: name(cfg.ID), said: password}
	opts := []nats.Option{
		nats.Name("ledge replica " + cfg.Node), nats.UserInfo(cfg.User, password),
		nats.CustomInboxPrefix("_INBOX." + cfg.User), nats.SetCustomDialer(d),
		nats.Timeout(cfg.ConnectTimeout), nats.NoReconnect(), nats.ReconnectBufSize(-1),
		nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2), nats.NoCallbacksAfterClientClose(),
		nats.ClosedHandler(func(*nats.Conn) { close(c.gone) }),
		// Without one the library writes to standard error.
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			cfg.Logger.Debug("the connection to the leader reports an error", "cause", err)
		}),
	}
	if secure := cfg.secure(); secure != nil {
		// nats.Secure would turn down a leader without TLS, which only the URL's
		// scheme is to do.
		opts = append(opts, func(o *nats.Options) error { o.TLSConfig = secure; return nil })
	}
	nc, err := nats.Connect(cfg.Leader, opts...)
	if err != nil {
		if d.err != nil {
			err = &unreachable{d.err}
		} else if errors.Is(err, nats.ErrTimeout) || errors.Is(err, os.ErrDeadlineExceeded) {
			err = &unreachable{err} // the host takes connections; the leader says nothing
		}
		return nil, refused(err)
	}
	d.release()
	c.nc, c.addr, c.host = nc, d.addr, d.host
	if c.seen, err = nc.GetClientIP(); err != nil {
		if tcp, ok := c.addr.(*net.TCPAddr); ok { // a broker that does not say
			c.seen = tcp.IP
		}
	}
	return c, nil
}

// unreachable says that there was nobody at the other end.
type unreachable struct{ error }

func (u *unreachable) Unwrap() error { return u.error }

// knock reports whether somebody is there: a broker speaks first. That its host
// takes connections says nothing of a process that is stopped.
func knock(ctx context.Context, leader string, within time.Duration) bool {
	u, err := url.Parse(leader)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_, err = c.Read(make([]byte, 1))
	return err == nil
}

// alertOp is what crypto/tls has an error do that the other side has sent: it
// wants a certificate from us, or another one.
const alertOp = "remote error"

// refused classes why there is no connection.
func refused(err error) error {
	var badCert *tls.CertificateVerificationError
	var op *net.OpError
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) ||
		errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted) ||
		errors.As(err, &badCert) || errors.As(err, &op) && op.Op == alertOp {
		return fault.As(fault.Operator, "connect", err)
	}
	return fault.As(fault.Retryable, "connect", err)
}

// dialer makes a connection that is closed when the context ends before the
// handshake is over.
type dialer struct {
	ctx    context.Context
	within time.Duration
	stop   func() bool // nil until there is a connection
	err    error       // why there is none; the library says only that
	addr   net.Addr    // of this end
	host   string      // of the other one, as an IP address
}

// Dial is what the library calls.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(d.ctx, d.within)
	defer cancel()
	var nd net.Dialer
	c, err := nd.DialContext(ctx, network, address)
	if d.err = err; err == nil {
		d.release()
		d.stop, d.addr = context.AfterFunc(d.ctx, func() { c.Close() }), c.LocalAddr()
		d.host, _, _ = net.SplitHostPort(c.RemoteAddr().String())
		c = &guarded{Conn: c}
	}
	return c, err
}

// release leaves the connection to the library.
func (d *dialer) release() {
	if d.stop != nil {
		d.stop()
	}
}

// close gives the connection up at once.
func (c *conn) close() { c.nc.Close() }

// await waits for the next message of a subscription, at most for silence.
func (c *conn) await(ctx context.Context, msgs <-chan *nats.Msg, silence time.Duration) (*nats.Msg, error) {
	t := time.NewTimer(silence)
	defer t.Stop()
	select {
	case m := <-msgs:
		if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
			return nil, fault.With(fault.Retryable, fmt.Errorf("nobody answers at the leader: %w", nats.ErrNoResponders))
		}
		return m, failed(m)
	case <-t.C:
		return nil, fault.With(fault.Retryable, fmt.Errorf("%w for %s", errSilent, silence))
	case <-c.gone:
		return nil, fault.With(fault.Retryable, errors.Join(errors.New("the connection is lost"), c.nc.LastError()))
	case <-ctx.Done():
		return nil, fault.With(fault.Retryable, ctx.Err())
	}
}

// ask sends a request and returns a channel with its answers, to be let go with
// done.
func (c *conn) ask(subject string, q any, room int) (msgs <-chan *nats.Msg, done func(), err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, nil, err
	}
	ch, inbox := make(chan *nats.Msg, room), c.nc.NewInbox()
	sub, err := c.nc.ChanSubscribe(inbox, ch)
	if err == nil {
		err = c.nc.PublishRequest(subject, inbox, body)
	}
	if err != nil {
		return nil, nil, fault.With(fault.Retryable, fmt.Errorf("%s: %w", subject, err))
	}
	return ch, func() { _ = sub.Unsubscribe() }, nil // a connection that is gone has none
}

// call sends a request and waits for the one answer.
func (c *conn) call(ctx context.Context, subject string, q any, within time.Duration) (*nats.Msg, error) {
	msgs, done, err := c.ask(subject, q, 1)
	if err != nil {
		return nil, err
	}
	defer done()
	return c.await(ctx, msgs, within)
}

// offered is an offer of the lead, with which a fetch has ended.
type offered struct{ m *nats.Msg }

func (offered) Error() string { return "the leader offers its lead" }

// fetchRoom is for how many messages of a fetch there is room at a time: with
// heartbeats more than one fetch is answered with.
const fetchRoom = fetchBytes/messageBytes*2 + 256

// takeMost is how much of what has come is handed over at a time.
const takeMost = 8 << 20

// fetch asks for what comes after from, and hands over what has come, many frames
// at a time. A fetch that has brought frames is followed by the next, for which
// the leader need not wait until they are stored. It returns when one has brought
// none. heard is told of each message.
func (c *conn) fetch(ctx context.Context, from journal.Seq, silence time.Duration,
	heard func(last journal.Seq) error, take func([]journal.Frame) error,
) error {
	next := from
	ask := func() (<-chan *nats.Msg, func(), error) {
		return c.ask(subjectFetch, fetchRequest{ID: c.id, From: next}, fetchRoom)
	}
	msgs, done, err := ask()
	if err != nil {
		return err
	}
	defer func() { done() }()
	var come []journal.Frame
	size, brought := 0, false
	give := func() error {
		if len(come) == 0 {
			return nil
		}
		err := take(come)
		clear(come)
		come, size = come[:0], 0
		return err
	}
	for {
		is, m, err := c.next(ctx, msgs, silence, heard)
		if had := len(come); err == nil && is.kind == kindFrames {
			if come, err = appendFrames(come, m.Data, next); err != nil {
				come = come[:had]
			}
		}
		if err != nil { // what came before that is good
			return cmp.Or(give(), err)
		}
		if is.kind == kindFrames {
			next, size, brought = come[len(come)-1].Seq+1, size+len(m.Data), true
			if len(msgs) > 0 && size < takeMost {
				continue
			}
		}
		again := is.kind == kindEnd && brought
		if again {
			done()
			if msgs, done, err = ask(); err != nil {
				done = func() {}
				return err
			}
			brought = false
		}
		if err := give(); err != nil {
			return err
		}
		switch {
		case is.kind == kindEnd && !again:
			return nil
		case is.kind == kindOffer:
			return offered{m}
		}
	}
}

// next waits for the next message of a fetch, and has heard told of it.
func (c *conn) next(ctx context.Context, msgs <-chan *nats.Msg, silence time.Duration,
	heard func(last journal.Seq) error,
) (is fetched, m *nats.Msg, err error) {
	if m, err = c.await(ctx, msgs, silence); err == nil {
		is, err = readFetched(m)
	}
	if err == nil {
		err = heard(is.last)
	}
	return is, m, err
}

// appendFrames appends the frames of a message, of which the first must have a number.
func appendFrames(to []journal.Frame, message []byte, next journal.Seq) ([]journal.Frame, error) {
	had := len(to)
	to, err := splitFrames(to, message)
	if err == nil && len(to) == had {
		err = errors.New("a message without frames")
	}
	if err != nil {
		return to, fault.With(fault.Retryable, err)
	}
	for i, f := range to[had:] {
		if f.Seq != next+journal.Seq(i) {
			return to, fault.With(fault.Retryable, fmt.Errorf("number %d came in place of %d", f.Seq, next+journal.Seq(i)))
		}
	}
	return to, nil
}

// secure returns how to speak TLS to the leader.
func (cfg *FollowerConfig) secure() *tls.Config {
	if cfg.TLS == nil {
		return nil
	}
	return cfg.TLS()
}
