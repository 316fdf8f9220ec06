package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"ledge/journal/fault"
	"ledge/journal/progress"
)

// Config says what Open serves. Zero fields mean the defaults.
type Config struct {
	// Conn is where requests come from and replies go. The caller closes it,
	// after the service.
	Conn *nats.Conn
	// Events is where events go. None means Conn. A user who answers requests
	// publishes wherever a request says, so events are safe from being forged
	// only if another user publishes them.
	Events  *nats.Conn
	Backend Backend
	// Node is the node's name: a token of the subjects.
	Node    string
	Version string // a semantic one

	// Ready returns nil once the node has all of its data, and before that the error
	// that requests get which need data. nil is that it has.
	Ready func() error

	// Timeout bounds a request; 0 means 30 s.
	Timeout time.Duration
	// LongTimeout bounds snapshot, compact and verify; 0 means 10 min.
	LongTimeout time.Duration

	Clock  func() time.Time
	Logger *slog.Logger
}

// Validate reports every fault at once.
func (c Config) Validate() error {
	var errs []error
	if c.Conn == nil {
		errs = append(errs, errors.New("no connection"))
	}
	if c.Backend == nil {
		errs = append(errs, errors.New("no backend"))
	}
	if c.Timeout < 0 || c.LongTimeout < 0 {
		errs = append(errs, fmt.Errorf("timeouts %s and %s", c.Timeout, c.LongTimeout))
	}
	return errors.Join(append(errs, checkNode(c.Node))...)
}

func (c *Config) setDefaults() {
	if c.Events == nil {
		c.Events = c.Conn
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.LongTimeout == 0 {
		c.LongTimeout = defaultLongTimeout
	}
	if c.Ready == nil {
		c.Ready = func() error { return nil }
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Bounds of the service.
const (
	maxUnderWay = 64
	// lateGrace is how long a backend that was told to stop has to say why,
	// before the client is answered without it.
	lateGrace    = time.Second
	closeTimeout = 10 * time.Second
	// flushTimeout is for a broker in the same process, whose disk may stall.
	flushTimeout = 10 * time.Second
)

// stopping is what a request hears that comes or goes on while Close runs.
const stopping = "the node is stopping"

// Service answers requests. Micro calls for one request after the other, so
// each runs on a goroutine of its own: a verify that takes minutes must not
// keep anybody from asking how the node is.
type Service struct {
	cfg    Config
	micro  micro.Service
	cancel context.CancelFunc // of all requests
	slots  chan struct{}      // has a token for each request under way
	meters map[string]*meter  // by endpoint; not changed after Open
	events *events

	// mu makes sure that nothing is added to running once Close waits for it.
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
	work    map[*call]*progress.Meter // mu; the requests under way that may take long

	closing  sync.Once
	closeErr error
}

// Open begins to answer requests.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	const op = "open admin"
	if err := cfg.Validate(); err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	cfg.setDefaults()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // Close ends it
	s := &Service{cfg: cfg, cancel: cancel, slots: make(chan struct{}, maxUnderWay),
		meters: make(map[string]*meter), work: make(map[*call]*progress.Meter), events: newEvents(cfg.Events, cfg.Logger)}
	if err := s.serve(ctx); err != nil {
		return nil, fault.As(fault.Operator, op, errors.Join(err, s.Close()))
	}
	return s, nil
}

func (s *Service) serve(ctx context.Context) (err error) {
	for i := range verbs {
		s.meters[verbs[i].endpoint()] = &meter{}
	}
	s.micro, err = micro.AddService(s.cfg.Conn, micro.Config{
		Name: ServiceName, Version: s.cfg.Version,
		Description:        "an event-sourced key-value appliance",
		Metadata:           map[string]string{"node": s.cfg.Node},
		QueueGroupDisabled: true, // a request is for one node, by its name
		StatsHandler:       s.stats,
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) {
			s.cfg.Logger.Warn("admin requests were lost", "subject", err.Subject, "cause", err.Description)
		},
	})
	if err != nil {
		return err
	}
	for i := range verbs {
		v := &verbs[i]
		err := s.micro.AddEndpoint(v.endpoint(),
			micro.HandlerFunc(func(r micro.Request) { s.accept(ctx, v, r) }),
			micro.WithEndpointSubject(subject(s.cfg.Node, v.name)),
			micro.WithEndpointMetadata(map[string]string{"description": v.what}))
		if err != nil {
			return err
		}
	}
	return s.cfg.Conn.FlushTimeout(flushTimeout) // from here on it can be found
}

// accept starts a request, or turns it away if there are too many.
func (s *Service) accept(ctx context.Context, v *verb, r micro.Request) {
	m := s.meters[v.endpoint()]
	c := &call{s: s, verb: v, meter: m, request: r.Data(), to: r.Reply(), began: time.Now()}
	m.requests.Add(1)
	if refusal := s.start(func() { c.run(ctx) }); refusal != "" {
		c.fail(CodeRetryable, fault.Retryable, refusal, nil)
	}
}

// start runs a request beside the others, or says why not.
func (s *Service) start(run func()) (refusal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return stopping
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return fmt.Sprintf("busy: %d requests are under way", maxUnderWay)
	}
	s.running.Go(func() {
		defer func() { <-s.slots }()
		run()
	})
	return ""
}

// timeout returns how long a verb may take.
func (s *Service) timeout(v *verb) time.Duration {
	if v.long {
		return s.cfg.LongTimeout
	}
	return s.cfg.Timeout
}

// Close stops answering, ends what is under way and waits for it, and sends
// the events that are queued. It does not wait for a backend that doesn't end.
func (s *Service) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Service) close() error {
	var errs []error
	if s.micro != nil {
		errs = append(errs, s.micro.Stop())
	}
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	limit := time.NewTimer(closeTimeout)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
		errs = append(errs, fmt.Errorf("%d admin requests go on %s after they were told to end",
			len(s.slots), closeTimeout))
	}
	errs = append(errs, s.events.close(), flush(s.cfg.Conn))
	return errors.Join(errs...)
}

// flush sees to it that the broker has what was sent, unless it has gone.
func flush(nc *nats.Conn) error {
	if !nc.IsConnected() {
		return nil
	}
	if err := nc.FlushTimeout(flushTimeout); !errors.Is(err, nats.ErrConnectionClosed) {
		return err
	}
	return nil
}
