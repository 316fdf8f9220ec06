package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/fault"
)

// Accounts beside the journal's.
const (
	adminAccount  = "ADMIN"
	systemAccount = "SYS"
)

// Bounds of the broker.
const (
	maxPayload = journal.MaxFrame + 64<<10
	maxPending = 64 << 20
	maxMemory  = 16 << 20 // consumers of tools; the journal is on disk
	// maxStore is set so that the broker doesn't take a share of the free disk
	// at boot, and out of reach: the stream's own limit is the one that counts,
	// and each reload of the stream reserves that much again.
	maxStore     = 1 << 62
	startTimeout = 10 * time.Second
	tlsTimeout   = 10 * time.Second // for a client's handshake
	loginTimeout = 5 * time.Second  // for its credentials after that: links and nodes may be slow
)

// Broker is the embedded server. It knows nothing of how the journal is kept in it:
// whoever keeps it there opens a Stream. All methods may run beside each other.
type Broker struct {
	srv  *server.Server
	opts *server.Options
	tls  bool // is asked of clients from outside
	log  *brokerLog

	secrets map[string]string // of the users that exist within the process only
	logins  *logins

	closing sync.Once
	closed  error
}

// Start starts the server, without any stream. Whoever starts it closes it, after
// all that has been opened on it.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	const op = "start broker"
	if err := cfg.Validate(); err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	b := &Broker{log: newBrokerLog(cfg.Log), tls: cfg.TLS != nil, secrets: make(map[string]string)}
	opts, err := b.options(&cfg)
	if err != nil {
		return nil, err
	}
	b.opts = opts
	if b.srv, err = server.NewServer(opts); err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	b.srv.SetLoggerV2(b.log, false, false, false)
	if err := errors.Join(b.logins.serve(b.srv), b.start(ctx)); err != nil {
		return nil, fault.As(fault.Operator, op, errors.Join(err, b.Close()))
	}
	return b, nil
}

func (b *Broker) start(ctx context.Context) error {
	b.srv.Start()
	ready := b.srv.ReadyForConnections(startTimeout)
	if s := b.log.fatalText(); s != "" {
		return errors.New(s)
	}
	if !ready || !b.srv.JetStreamEnabled() {
		return fmt.Errorf("not ready after %s; the last warning is %q", startTimeout, b.log.lastWarning())
	}
	return ctx.Err()
}

func (b *Broker) options(cfg *Config) (*server.Options, error) {
	o := &server.Options{
		ServerName: cmp.Or(cfg.Name, DefaultName), NoSigs: true, DisableJetStreamBanner: true,
		Host: "127.0.0.1", Port: server.RANDOM_PORT, DontListen: true,
		MaxPayload: maxPayload, MaxPending: maxPending,
		JetStream: true, StoreDir: cfg.Dir,
		JetStreamMaxMemory: maxMemory, JetStreamMaxStore: maxStore,
		SyncAlways: cfg.SyncAlways, SyncInterval: cfg.SyncInterval,
		SystemAccount: systemAccount,
	}
	o.Accounts = []*server.Account{server.NewAccount(blocks.Account), server.NewAccount(adminAccount),
		server.NewAccount(systemAccount)}
	b.logins = b.newLogins(cfg.Users)
	o.CustomClientAuthentication = b.logins
	o.AuthTimeout = loginTimeout.Seconds()
	if cfg.Listen == "" {
		return o, nil
	}
	o.DontListen = false
	if cfg.TLS != nil {
		o.TLSConfig = cfg.TLS.Clone()
		o.TLSVerify = cfg.TLS.ClientAuth == tls.RequireAndVerifyClientCert
		o.TLSTimeout = tlsTimeout.Seconds()
		o.AuthTimeout = (tlsTimeout + loginTimeout).Seconds()
	}
	return o, listenOn(o, cfg.Listen)
}

// listenOn sets the listen address, once it is seen to be free: the broker
// would say no more than that it is not ready.
func listenOn(o *server.Options, addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fault.As(fault.Operator, "start broker", fmt.Errorf("NATS address %s: %w", addr, err))
	}
	l.Close()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fault.As(fault.Operator, "start broker", err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	o.Host = host
	if o.Port, err = strconv.Atoi(port); err != nil {
		return fault.As(fault.Operator, "start broker", fmt.Errorf("NATS address %s: %w", addr, err))
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	return nil
}

// CloseLimit bounds how long Close takes.
const CloseLimit = 10 * time.Second

// Close stops the server. One that hangs with the disk for CloseLimit is left to
// itself, and that is the error.
func (b *Broker) Close() error {
	b.closing.Do(func() { b.closed = fault.As(fault.Operator, "stop broker", b.close()) })
	return b.closed
}

func (b *Broker) close() error {
	done := make(chan struct{})
	b.logins.close()
	go func() {
		defer close(done)
		b.srv.Shutdown()
		b.srv.WaitForShutdown()
		b.log.rare.Close()
	}()
	t := time.NewTimer(CloseLimit)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return fmt.Errorf("it hangs with the disk, and is left behind after %s", CloseLimit)
	}
}
