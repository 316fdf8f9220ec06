// Package web answers browsers, probes and Prometheus: the page on which a node is to
// be seen, whether the process lives and serves, and the metrics.
//
// It knows no more of a node than what Node gives it. Probes and Prometheus need no
// password. The page has names of clients and commands of theirs in it: who sees it is
// decided in access.go.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"ledge/admin"
	"ledge/journal/rare"
)

// Node is the node as whoever asks here sees it. Its methods may be called from any
// goroutine, and none but Resume waits.
type Node interface {
	// Ready returns why the node does not serve reads, or writes if that is what is
	// asked for; nil is that it does.
	Ready(writes bool) error
	// Facts returns what the page shows, to be written as JSON. What only somebody
	// who is trusted may see is left out unless trusted says so.
	Facts(trusted bool) any
	// History returns the samples of the last hour, to be written as JSON.
	History() any
	// Resume tries to resume and returns what was tried, and why it did not work.
	Resume(ctx context.Context) (admin.Resumed, error)
}

// Config is what a Server needs.
type Config struct {
	Listen string // HOST:PORT
	Node   Node
	// Metrics returns the metrics in Prometheus's text format.
	Metrics func() string
	// Local says that only this machine reaches the address.
	Local bool
	// Password returns the password that the page asks for, "" for none, and Admin
	// the one that resuming asks for. Both are asked anew for each login, and may take
	// as long as a disk does. When Password fails, what it returned last holds.
	Password, Admin func() (string, error)
	// LetsIn reports whether resuming takes a password beside Admin's: one that was
	// changed and has not ended. It does not wait; nil is that there is none.
	LetsIn func(said string) bool
	// Open reports whether whoever reaches the page may see all of it, even without
	// a password.
	Open func() bool
	// Clock returns the time; nil is time.Now.
	Clock func() time.Time
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

// The bounds of what somebody may ask for, and take for it.
const (
	patience       = 10 * time.Second
	idle           = 20 * time.Second
	maxHeader      = 16 << 10
	maxConnections = 64
	maxAtATime     = 8 // requests whose answers cost something
	resumeWait     = time.Minute
)

// Server is a listener and who answers on it.
type Server struct {
	cfg   Config
	ln    net.Listener
	srv   *http.Server
	page  page
	login logins
	rare  *rare.Log

	password, admin password

	places   chan struct{} // one for each answer under way that costs something
	resuming chan struct{} // one for the attempt to resume that is under way
	closed   sync.Once
}

// Open listens. The error is the network's.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, page: newPage(), rare: rare.New(cfg.Logger),
		places: make(chan struct{}, maxAtATime), resuming: make(chan struct{}, 1)}
	s.login = newLogins(cfg.Clock)
	s.password.read, s.admin.read = cfg.Password, cfg.Admin
	_, _ = s.password.get() // so that there is one if the file becomes bad; whoever logs in hears of an error
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, err
	}
	s.ln = newBounded(ln, maxConnections)
	s.srv = &http.Server{
		Handler: answering(s.routes()), ConnContext: withConn, ReadHeaderTimeout: patience, ReadTimeout: patience, WriteTimeout: patience,
		IdleTimeout: idle, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr returns the address that is listened on; nil is none. s may be nil, which is a
// server that does nothing.
func (s *Server) Addr() net.Addr {
	if s == nil {
		return nil
	}
	return s.ln.Addr()
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) {
	if s == nil {
		return
	}
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	if err := s.srv.Serve(s.ln); err != nil && !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		s.cfg.Logger.Error("the page and the metrics are not served any more", "cause", err)
	}
}

// Close ends all connections. It is safe to call twice.
func (s *Server) Close() (err error) {
	if s == nil {
		return nil
	}
	s.closed.Do(func() {
		err = s.srv.Close()
		if lerr := s.ln.Close(); err == nil && !errors.Is(lerr, net.ErrClosed) { // it may never have served
			err = lerr
		}
		s.rare.Close()
	})
	if err != nil {
		return fmt.Errorf("close http: %w", err)
	}
	return nil
}
