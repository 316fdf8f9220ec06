package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal/fault"
)

// Unreachable says that there was nobody at the other end.
type Unreachable struct{ Err error }

func (u *Unreachable) Error() string { return u.Err.Error() }

// Unwrap returns why.
func (u *Unreachable) Unwrap() error { return u.Err }

// Knock reports whether somebody is there: a broker speaks first. That its host
// takes connections says nothing of a process that is stopped.
func Knock(ctx context.Context, at string, within time.Duration) bool {
	u, err := url.Parse(at)
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
