package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

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
)

// Broker is the embedded server. Enable, Disable and SetSyncAlways are for one
// goroutine at a time; the rest may run beside them.
type Broker struct {
	srv  *server.Server
	opts *server.Options
	tls  bool // is asked of clients from outside
	log  *brokerLog

	store blocks.Store
	guard Guard
	nc    *nats.Conn // for requests about the stream

	secrets map[string]string // of the users that exist within the process only
}

// Start starts the server, without the stream.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	const op = "start broker"
	if err := cfg.Validate(); err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	store := blocks.NewStore(cfg.Dir)
	b := &Broker{
		store: store, guard: NewGuard(cfg.Dir, store), log: newBrokerLog(cfg.Log),
		tls: cfg.TLS != nil, secrets: make(map[string]string),
	}
	opts, err := b.options(&cfg)
	if err != nil {
		return nil, err
	}
	b.opts = opts
	if b.srv, err = server.NewServer(opts); err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	b.srv.SetLoggerV2(b.log, false, false, false)
	if err := b.start(ctx); err != nil {
		b.Close()
		return nil, fault.As(fault.Operator, op, err)
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
	nc, err := b.Connect(journalUser, nats.CustomInboxPrefix("_INBOX.api"))
	if err != nil {
		return err
	}
	b.nc = nc
	return ctx.Err()
}

func (b *Broker) options(cfg *Config) (*server.Options, error) {
	o := &server.Options{
		ServerName: cfg.Name, NoSigs: true, DisableJetStreamBanner: true,
		Host: "127.0.0.1", Port: server.RANDOM_PORT, DontListen: true,
		MaxPayload: maxPayload, MaxPending: maxPending,
		JetStream: true, StoreDir: cfg.Dir,
		JetStreamMaxMemory: maxMemory, JetStreamMaxStore: maxStore,
		SyncAlways: cfg.SyncAlways, SyncInterval: cfg.SyncInterval,
		SystemAccount: systemAccount,
	}
	own, admin := server.NewAccount(blocks.Account), server.NewAccount(adminAccount)
	o.Accounts = []*server.Account{own, admin, server.NewAccount(systemAccount)}
	o.Users = b.users(cfg.Users, own, admin)
	if cfg.Listen == "" {
		return o, nil
	}
	o.DontListen = false
	if cfg.TLS != nil {
		o.TLSConfig = cfg.TLS.Clone()
		o.TLSVerify = cfg.TLS.ClientAuth == tls.RequireAndVerifyClientCert
		o.TLSTimeout = tlsTimeout.Seconds()
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

// Enable gives the journal's account its JetStream, which loads the stream, if
// there is one.
func (b *Broker) Enable() error {
	there, err := b.store.Exists()
	if err != nil || !there {
		return errors.Join(err, b.loadStreams())
	}
	if err := writable(b.store.Dir); err != nil {
		return err
	}
	if err := b.guard.Set(); err != nil {
		return err
	}
	err = b.loadStreams()
	return errors.Join(err, b.guard.Lift())
}

// loadStreams has the broker load what it has.
func (b *Broker) loadStreams() error {
	if !b.srv.JetStreamEnabled() {
		// The broker shuts JetStream down when it may not write. The config
		// must be a fresh one: the broker appends to its StoreDir.
		err := b.srv.EnableJetStream(&server.JetStreamConfig{
			StoreDir: b.opts.StoreDir, MaxMemory: b.opts.JetStreamMaxMemory,
			MaxStore: b.opts.JetStreamMaxStore, Strict: true,
			SyncAlways: b.opts.SyncAlways, SyncInterval: b.opts.SyncInterval,
		})
		if err != nil {
			return err
		}
	}
	acc, err := b.srv.LookupAccount(blocks.Account)
	if err != nil {
		return err
	}
	return acc.EnableJetStream(map[string]server.JetStreamAccountLimits{"": {
		MaxMemory: -1, MaxStore: -1,
		MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1,
		MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
	}}, nil)
}

// Disable takes the stream out of the broker. When it returns, nothing writes
// to the stream's files. cause is the write error that is known of.
func (b *Broker) Disable(ctx context.Context, cause string) error {
	if strings.Contains(cause, shutsDown) {
		// That goes on in the background, and would hit what we load next.
		if err := b.awaitDown(ctx); err != nil {
			return err
		}
	}
	acc, err := b.srv.LookupAccount(blocks.Account)
	if err != nil {
		return err
	}
	if !acc.JetStreamEnabled() {
		return nil
	}
	return acc.DisableJetStream()
}

// awaitDown waits for the broker to have shut JetStream down. It tells nobody,
// so there is only asking.
func (b *Broker) awaitDown(ctx context.Context) error {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for b.srv.JetStreamEnabled() {
		select {
		case <-t.C:
		case <-ctx.Done():
			return fmt.Errorf("the broker is shutting JetStream down: %w", ctx.Err())
		}
	}
	return nil
}

// SetSyncAlways changes whether the stream is synced with each message, from when it
// is loaded next.
func (b *Broker) SetSyncAlways(on bool) { b.opts.SyncAlways = on }

// Close stops the server.
func (b *Broker) Close() {
	if b.nc != nil {
		b.nc.Close()
	}
	b.srv.Shutdown()
	b.srv.WaitForShutdown()
	b.log.rare.Close()
}
