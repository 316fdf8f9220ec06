package admin

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"ledge/journal/fault"
)

// ErrUnreachable is wrapped by errors that say that no node has answered. What
// was asked may have been done all the same, if the answer alone is missing.
var ErrUnreachable = errors.New("unreachable")

// ErrForeign is wrapped, beside ErrUnreachable, by errors that say that what answers is no
// NATS server.
var ErrForeign = errors.New("no NATS server")

// foreign is what has answered in place of one.
type foreign struct{ found string }

func (f *foreign) Error() string        { return "it " + f.found }
func (f *foreign) Is(target error) bool { return target == ErrForeign }

// Error is a node's answer that it couldn't do what it was asked, or the
// broker's that this user may not ask.
type Error struct {
	Code  int
	Class fault.Class // 0 if it isn't known what has happened
	Text  string
	Body  []byte // what the answer has beside the text, if anything
}

// Error returns the node's text.
func (e *Error) Error() string { return e.Text }

// ClientConfig says where Dial goes and as whom.
type ClientConfig struct {
	Server         string // URL, nats://127.0.0.1:4222
	User, Password string
	// TLS, if it isn't nil, makes a node without TLS be turned down. Without it
	// the system's roots are trusted where the URL or the node asks for TLS.
	TLS *tls.Config
	// ConnectTimeout is 2 s if it is 0.
	ConnectTimeout time.Duration
}

// address is where the server is as errors name it: without a password.
func (c *ClientConfig) address() string {
	u, err := url.Parse(c.Server)
	if err != nil {
		return "the server"
	}
	return u.Redacted()
}

const (
	defaultConnectTimeout = 2 * time.Second
	// answerSlack is how much longer than the node a client waits, so that
	// it hears why.
	answerSlack = 5 * time.Second
)

// Conn is a connection to the broker of a node. Its methods may be called from
// any goroutine. A context without a deadline is given the verb's usual one.
type Conn struct {
	cfg ClientConfig
	nc  *nats.Conn

	mu    sync.Mutex
	calls map[*asked]struct{}
}

// asked is a request that waits for its answer.
type asked struct {
	subject string
	fail    context.CancelCauseFunc
}

// Dial connects. The connection doesn't come back when it is lost.
func Dial(ctx context.Context, cfg ClientConfig) (*Conn, error) {
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = defaultConnectTimeout
	}
	if by, ok := ctx.Deadline(); ok {
		cfg.ConnectTimeout = max(1, min(cfg.ConnectTimeout, time.Until(by)))
	}
	c := &Conn{cfg: cfg, calls: make(map[*asked]struct{})}
	d := &dialer{ctx: ctx, timeout: cfg.ConnectTimeout}
	secure := func(*nats.Options) error { return nil }
	if cfg.TLS != nil {
		secure = nats.Secure(cfg.TLS)
	}
	nc, err := nats.Connect(cfg.Server, nats.UserInfo(cfg.User, cfg.Password), secure,
		nats.Name("ledge admin"), nats.CustomInboxPrefix(inboxes+cfg.User),
		nats.Timeout(cfg.ConnectTimeout), nats.NoReconnect(),
		nats.SetCustomDialer(d), nats.PermissionErrOnSubscribe(true), nats.ErrorHandler(c.asyncError))
	found := d.end()
	switch {
	case err == nil:
		c.nc = nc
		return c, nil
	case found != "":
		err = &foreign{found}
	case errors.Is(err, nats.ErrAuthorization):
		return nil, &Error{Code: CodeNotLetIn, Class: fault.Refused,
			Text: fmt.Sprintf("%s does not let user %q in: wrong user or password", cfg.address(), cfg.User)}
	case d.err != nil:
		err = d.err
	}
	return nil, c.unreachable(err)
}

// Close ends the connection, and with it all that waits for an answer.
func (c *Conn) Close() { c.nc.Close() }

func (c *Conn) unreachable(err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnreachable, c.cfg.address(), err)
}

// asyncError takes what the broker says of a request that isn't allowed. The
// broker names the subject and nothing else.
func (c *Conn) asyncError(_ *nats.Conn, _ *nats.Subscription, err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for a := range c.calls {
		if strings.Contains(err.Error(), strconv.Quote(a.subject)) {
			a.fail(&Error{Code: CodeDenied, Class: fault.Refused,
				Text: fmt.Sprintf("user %q may not ask %s", c.cfg.User, a.subject)})
		}
	}
}

// begin notes a request, so that asyncError finds it.
func (c *Conn) begin(ctx context.Context, subject string, limit time.Duration) (
	context.Context, func()) {
	stop := func() {}
	if _, ok := ctx.Deadline(); !ok {
		ctx, stop = context.WithTimeout(ctx, limit)
	}
	ctx, fail := context.WithCancelCause(ctx)
	a := &asked{subject, fail}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[a] = struct{}{}
	return ctx, func() {
		c.mu.Lock()
		delete(c.calls, a)
		c.mu.Unlock()
		fail(nil)
		stop()
	}
}

// ask sends a request to a node and decodes its answer.
func ask[R any](ctx context.Context, c *Conn, node, name string, request any) (reply R, err error) {
	m, err := c.request(ctx, node, name, request)
	if err != nil {
		return reply, err
	}
	failed := answeredError(m)
	if failed == nil || len(m.Data) > 0 {
		err = json.Unmarshal(m.Data, &reply)
	}
	if failed != nil {
		return reply, failed
	}
	if err != nil {
		return reply, fmt.Errorf("answer of %s: %w", subject(node, name), err)
	}
	return reply, nil
}

// askRaw sends a request whose answer is bytes.
func askRaw(ctx context.Context, c *Conn, node, name string, request any) (Raw, error) {
	m, err := c.request(ctx, node, name, request)
	if err != nil {
		return nil, err
	}
	if err := answeredError(m); err != nil {
		return nil, err
	}
	return rawOf(m)
}

// request sends a request to a node and returns its answer.
func (c *Conn) request(ctx context.Context, node, name string, request any) (m *nats.Msg, err error) {
	if err := checkNode(node); err != nil {
		return nil, err
	}
	var body []byte
	if request != nil {
		if body, err = json.Marshal(request); err != nil {
			return nil, err
		}
	}
	limit := defaultTimeout
	if verbNamed(name).long {
		limit = defaultLongTimeout
	}
	s := subject(node, name)
	ctx, end := c.begin(ctx, s, limit+answerSlack)
	defer end()
	if m, err = c.nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: s, Data: body}); err != nil {
		return nil, c.unanswered(ctx, node, err)
	}
	return m, nil
}

// answeredError returns the error that an answer says, or nil.
func answeredError(m *nats.Msg) error {
	code := m.Header.Get(micro.ErrorCodeHeader)
	if code == "" {
		return nil
	}
	e := &Error{Text: m.Header.Get(micro.ErrorHeader), Body: m.Data}
	e.Code, _ = strconv.Atoi(code) // 0 is a code as good as any
	for _, class := range []fault.Class{fault.Refused, fault.Retryable, fault.Operator, fault.Fatal} {
		if m.Header.Get(ClassHeader) == class.String() {
			e.Class = class
		}
	}
	return e
}

// unanswered says why there is no answer.
func (c *Conn) unanswered(ctx context.Context, node string, err error) error {
	var denied *Error
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &denied):
		return denied
	case errors.Is(err, nats.ErrNoResponders):
		return c.unreachable(fmt.Errorf("there is no node %q", node))
	case errors.Is(err, context.DeadlineExceeded):
		return c.unreachable(fmt.Errorf("node %q has not answered in time", node))
	case errors.Is(err, context.Canceled):
		return err
	}
	return c.unreachable(err)
}

// Status asks what a node is and how it is.
func (c *Conn) Status(ctx context.Context, node string) (Status, error) {
	return ask[Status](ctx, c, node, "status", nil)
}

// Health asks whether a node takes writes.
func (c *Conn) Health(ctx context.Context, node string) (Health, error) {
	return ask[Health](ctx, c, node, "health", nil)
}

// Resume has a node try to take writes again. What it has tried is returned
// even if that didn't work.
func (c *Conn) Resume(ctx context.Context, node string) (Resumed, error) {
	return ask[Resumed](ctx, c, node, "resume", nil)
}

// Snapshot has a node take a snapshot.
func (c *Conn) Snapshot(ctx context.Context, node string) (Snapshot, error) {
	return ask[Snapshot](ctx, c, node, "snapshot", nil)
}

// Snapshots lists a node's snapshots.
func (c *Conn) Snapshots(ctx context.Context, node string) (SnapshotList, error) {
	return ask[SnapshotList](ctx, c, node, "snapshots", nil)
}

// Compact has a node take a snapshot and truncate its journal.
func (c *Conn) Compact(ctx context.Context, node string) (Compacted, error) {
	return ask[Compacted](ctx, c, node, "compact", nil)
}

// Verify has a node read all it has.
func (c *Conn) Verify(ctx context.Context, node string) (Verified, error) {
	return ask[Verified](ctx, c, node, "verify", nil)
}

// ConfigGet returns the parameters that match a glob pattern.
func (c *Conn) ConfigGet(ctx context.Context, node, pattern string) (Parameters, error) {
	return ask[Parameters](ctx, c, node, "config.get", configGetRequest{Pattern: pattern})
}

// ConfigOrigins is ConfigGet that says where each value is from, too.
func (c *Conn) ConfigOrigins(ctx context.Context, node, pattern string) (Parameters, error) {
	return ask[Parameters](ctx, c, node, "config.get", configGetRequest{pattern, true})
}

// ConfigReset gives a parameter the value back that the configuration says.
func (c *Conn) ConfigReset(ctx context.Context, node, name string) error {
	_, err := ask[Done](ctx, c, node, "config.reset", configResetRequest{name})
	return err
}

// ConfigRewrite writes what was set at run time into the configuration files.
func (c *Conn) ConfigRewrite(ctx context.Context, node string) (Rewritten, error) {
	return ask[Rewritten](ctx, c, node, "config.rewrite", nil)
}

// ConfigSet changes all of the given parameters, or none.
func (c *Conn) ConfigSet(ctx context.Context, node string, values map[string]string) error {
	_, err := ask[Done](ctx, c, node, "config.set", configSetRequest{values})
	return err
}

// Clients lists a node's Redis clients.
func (c *Conn) Clients(ctx context.Context, node string) (ClientList, error) {
	return ask[ClientList](ctx, c, node, "clients", nil)
}

// Slowlog returns at most n slow commands, the newest first; all if n is 0.
func (c *Conn) Slowlog(ctx context.Context, node string, n int) (SlowList, error) {
	return ask[SlowList](ctx, c, node, "slowlog", slowlogRequest{n})
}

// PastEvents returns what has happened to a node since a time, the oldest first; the
// last MaxEventList at most.
func (c *Conn) PastEvents(ctx context.Context, node string, since time.Time) (EventList, error) {
	return ask[EventList](ctx, c, node, "events", eventsRequest{Since: since})
}

// Follow makes a node follow the leader with a NATS address.
func (c *Conn) Follow(ctx context.Context, node, leader string) (Link, error) {
	return ask[Link](ctx, c, node, "follow", followRequest{leader})
}

// Promote makes a node lead.
func (c *Conn) Promote(ctx context.Context, node string) (Promoted, error) {
	return ask[Promoted](ctx, c, node, "promote", nil)
}

// Switchover has a replica lead in a node's place, which follows it then.
func (c *Conn) Switchover(ctx context.Context, node, to string) (Switched, error) {
	return ask[Switched](ctx, c, node, "switchover", switchoverRequest{to})
}

// Passwd has a node give a user another password, "" for one that the node draws. The
// one before holds beside it for so long.
func (c *Conn) Passwd(ctx context.Context, node, user, password string, grace time.Duration) (PasswordChanged, error) {
	seconds := grace.Seconds()
	return ask[PasswordChanged](ctx, c, node, "passwd", passwdRequest{user, password, &seconds})
}

// Stop makes a node stop. It doesn't wait for that.
func (c *Conn) Stop(ctx context.Context, node string) error {
	_, err := ask[Done](ctx, c, node, "stop", nil)
	return err
}
