package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"ledge/journal/fault"
)

// call is one request.
type call struct {
	s       *Service
	verb    *verb
	meter   *meter
	request []byte
	to      string // where the reply goes; empty if nobody wants it
	began   time.Time
	replied sync.Once
}

func (c *call) run(ctx context.Context) {
	c.meter.underWay.Add(1)
	defer c.meter.underWay.Add(-1)
	limit := c.s.timeout(c.verb)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	late := time.AfterFunc(limit+lateGrace, func() { c.fail(CodeTimeout, 0, c.overdue(limit), nil) })
	defer late.Stop()
	reply, err := c.ask(ctx)
	if err == nil {
		c.succeed(reply)
		return
	}
	code, class := codeOf(ctx, err)
	text := err.Error()
	switch {
	case code == CodeTimeout:
		text = c.overdue(limit)
	case code == CodeRetryable && class == 0:
		text = stopping
	}
	var body []byte
	if r, ok := reply.(Resumed); ok {
		body, _ = json.Marshal(r) // the text has all that matters
	}
	c.fail(code, class, text, body)
}

// ask has the backend answer. A panic there is a bug, and the request's alone.
func (c *call) ask(ctx context.Context) (reply any, err error) {
	defer func() {
		if p := recover(); p != nil {
			caught := fault.Caught(p)
			c.s.cfg.Logger.Error("an admin request panicked", "verb", c.verb.name, "cause", caught, "stack", string(caught.Stack))
			reply, err = nil, fault.As(fault.Operator, c.verb.name, errInternal)
		}
	}()
	if !c.verb.soon {
		if err := c.s.cfg.Ready(); err != nil {
			return nil, err
		}
	}
	ctx, done := c.shown(ctx)
	defer done()
	reply, err = c.verb.ask(ctx, c.s.cfg.Backend, c.request)
	if s, ok := reply.(Status); ok { // which the backend does not know of
		s.Work = append(s.Work, c.s.workUnderWay()...)
		slices.SortStableFunc(s.Work, func(a, b Work) int { return a.Began.Compare(b.Began) })
		reply = s
	}
	return reply, err
}

// errInternal answers a request that has panicked.
var errInternal = errors.New("internal error; the node's log says more")

func (c *call) overdue(limit time.Duration) string {
	return fmt.Sprintf("%s has not ended within %s; it may still have an effect", c.verb.name, limit)
}

func (c *call) succeed(reply any) {
	if raw, ok := reply.(Raw); ok {
		c.reply(raw.message(), "")
		return
	}
	body, err := json.Marshal(reply)
	if err == nil && int64(len(body)) > c.s.cfg.Conn.MaxPayload() {
		err = fmt.Errorf("the reply has %d bytes; the most is %d", len(body), c.s.cfg.Conn.MaxPayload())
	}
	if err != nil {
		c.fail(CodeFault, fault.Operator, c.verb.name+": "+err.Error(), nil)
		return
	}
	c.reply(&nats.Msg{Data: body}, "")
}

// fail answers with an error. A class of 0 is left out: it isn't known what
// has happened.
func (c *call) fail(code int, class fault.Class, text string, body []byte) {
	text = fault.Line(errors.New(text)) // a header has one line
	h := nats.Header{micro.ErrorCodeHeader: {strconv.Itoa(code)}, micro.ErrorHeader: {text}}
	if class != 0 {
		h.Set(ClassHeader, class.String())
	}
	c.reply(&nats.Msg{Header: h, Data: body}, text)
}

// reply sends the first reply, counts it and logs it. Others come too late.
func (c *call) reply(m *nats.Msg, failed string) {
	c.replied.Do(func() {
		took := time.Since(c.began)
		c.meter.done(took, failed)
		c.log(took, failed)
		if c.to == "" {
			return
		}
		m.Subject = c.to
		if err := c.s.cfg.Conn.PublishMsg(m); err != nil {
			c.s.cfg.Logger.Warn("an admin reply could not be sent", "verb", c.verb.name, "cause", err)
		}
	})
}

func (c *call) log(took time.Duration, failed string) {
	level, text, args := slog.LevelDebug, "admin request answered", []any{"verb", c.verb.name, "took", took}
	if c.verb.acts {
		level = slog.LevelInfo
	}
	if failed != "" {
		text, args = "admin request failed", append(args, "cause", failed)
	}
	c.s.cfg.Logger.Log(context.Background(), level, text, args...)
}
