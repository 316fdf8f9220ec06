package jet

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
)

// Names within the broker. The first three are part of the stored format.
const (
	accountName = "JOURNAL"
	streamName  = "J"
	subject     = "j"

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
	maxStore       = 1 << 62
	startTimeout   = 10 * time.Second
	apiTimeout     = 5 * time.Second  // until a question is asked again, at first
	apiTimeoutMost = time.Minute      // and later
	tlsTimeout     = 10 * time.Second // for a client's handshake
)

// broker is the embedded server with the account that the stream is in. Only
// the in-process journal user can enter that account.
type broker struct {
	srv  *server.Server
	opts *server.Options
	log  *brokerLog

	guard guard
	nc    *nats.Conn // for requests; appends have a wire of their own

	secret  string // of the journal's user
	service string // of the users that serve account ADMIN
}

// startBroker starts the server and recovers the streams it has.
func startBroker(ctx context.Context, cfg *Config) (*broker, error) {
	b := &broker{
		guard: newGuard(cfg.Dir, newStore(cfg.Dir)), log: newBrokerLog(cfg.Log),
		secret: rand.Text(), service: rand.Text(),
	}
	opts, err := b.options(cfg)
	if err != nil {
		return nil, err
	}
	b.opts = opts
	if b.srv, err = server.NewServer(opts); err != nil {
		return nil, fault.As(fault.Operator, "start broker", err)
	}
	b.srv.SetLoggerV2(b.log, false, false, false)
	if err := b.start(ctx); err != nil {
		b.close()
		return nil, fault.As(fault.Operator, "start broker", err)
	}
	return b, nil
}

func (b *broker) start(ctx context.Context) error {
	b.srv.Start()
	ready := b.srv.ReadyForConnections(startTimeout)
	if s := b.log.fatalText(); s != "" {
		return errors.New(s)
	}
	if !ready || !b.srv.JetStreamEnabled() {
		return fmt.Errorf("not ready after %s; the last warning is %q", startTimeout, b.log.lastWarning())
	}
	nc, err := b.connect(journalUser, b.secret, []nats.Option{nats.CustomInboxPrefix("_INBOX.api")})
	if err != nil {
		return err
	}
	b.nc = nc
	return ctx.Err()
}

func (b *broker) options(cfg *Config) (*server.Options, error) {
	o := &server.Options{
		ServerName: cfg.Name, NoSigs: true, DisableJetStreamBanner: true,
		Host: "127.0.0.1", Port: server.RANDOM_PORT, DontListen: true,
		MaxPayload: maxPayload, MaxPending: maxPending,
		JetStream: true, StoreDir: cfg.Dir,
		JetStreamMaxMemory: maxMemory, JetStreamMaxStore: maxStore,
		SyncAlways: cfg.Sync == SyncAlways, SyncInterval: cfg.syncInterval(),
		SystemAccount: systemAccount,
	}
	own, admin := server.NewAccount(accountName), server.NewAccount(adminAccount)
	o.Accounts = []*server.Account{own, admin, server.NewAccount(systemAccount)}
	o.Users = b.users(cfg, own, admin)
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

// enable gives the journal's account its JetStream, which loads the stream, if
// there is one.
func (b *broker) enable() error {
	there, err := b.guard.store.exists()
	if err != nil || !there {
		return errors.Join(err, b.loadStreams())
	}
	if err := b.guard.store.writable(); err != nil {
		return err
	}
	if err := b.guard.set(); err != nil {
		return err
	}
	err = b.loadStreams()
	return errors.Join(err, b.guard.lift())
}

// loadStreams has the broker load what it has.
func (b *broker) loadStreams() error {
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
	acc, err := b.srv.LookupAccount(accountName)
	if err != nil {
		return err
	}
	return acc.EnableJetStream(map[string]server.JetStreamAccountLimits{"": {
		MaxMemory: -1, MaxStore: -1,
		MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1,
		MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
	}}, nil)
}

// disable takes the stream out of the broker. When it returns, nothing writes
// to the stream's files. cause is the write error that is known of.
func (b *broker) disable(ctx context.Context, cause string) error {
	if strings.Contains(cause, shutsDown) {
		// That goes on in the background, and would hit what we load next.
		if err := b.awaitDown(ctx); err != nil {
			return err
		}
	}
	acc, err := b.srv.LookupAccount(accountName)
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
func (b *broker) awaitDown(ctx context.Context) error {
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

func (b *broker) close() {
	if b.nc != nil {
		b.nc.Close()
	}
	b.srv.Shutdown()
	b.srv.WaitForShutdown()
	b.log.rare.Close()
}

// request calls the JetStream API and decodes the answer into out. The API answers
// when the disk does, so it is waited for until ctx ends. The question is asked
// again now and then, which does no harm: an answer that is lost must not be waited
// for.
func (b *broker) request(ctx context.Context, verb string, in, out any) error {
	name := "$JS.API.STREAM." + verb + "." + streamName
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	for wait := apiTimeout; ; wait = min(2*wait, apiTimeoutMost) {
		err := b.try(ctx, wait, name, body, out)
		late := errors.Is(err, context.DeadlineExceeded)
		switch {
		case err == nil:
			return nil
		case late && ctx.Err() == nil && verb != "CREATE":
			continue
		}
		err = fmt.Errorf("%s: %w", name, err)
		if late {
			err = fault.As(fault.Retryable, "", err) // slow is not failed
		}
		return err
	}
}

// try asks once.
func (b *broker) try(ctx context.Context, wait time.Duration, name string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	msg, err := b.nc.RequestWithContext(ctx, name, body)
	if err != nil {
		return err
	}
	var failed server.ApiResponse
	if err := json.Unmarshal(msg.Data, &failed); err != nil {
		return err
	}
	if failed.Error != nil {
		return failed.Error
	}
	return json.Unmarshal(msg.Data, out)
}

// errNoStream is what the API says of a stream that isn't there.
const errNoStream = 10059

func (b *broker) info(ctx context.Context) (*server.StreamInfo, error) {
	var r server.JSApiStreamInfoResponse
	if err := b.request(ctx, "INFO", nil, &r); err != nil {
		return nil, err
	}
	if r.StreamInfo == nil {
		return nil, errors.New("stream info is empty")
	}
	return r.StreamInfo, nil
}
