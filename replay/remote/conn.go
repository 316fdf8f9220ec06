package remote

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/wire"
)

// checksum is what a chunk carries.
func checksum(b []byte) string {
	return fmt.Sprintf("%08x", journal.Checksum(b))
}

// summed reports what is wrong with a chunk, going by the checksum it carries.
func summed(m *nats.Msg) error {
	said := m.Header.Get(headerSum)
	if _, err := strconv.ParseUint(said, 16, 32); err != nil || len(said) != 8 {
		return fmt.Errorf("%q is no checksum", wire.Clip(said, wire.MaxName))
	}
	if got := checksum(m.Data); got != strings.ToLower(said) {
		return fmt.Errorf("its checksum is %s; the leader says %s", got, said)
	}
	return nil
}

// conn is a replica's connection to its leader.
type conn struct {
	*wire.Conn
	id   wire.Name
	said string // the password
	// heard is given what clients have published, nil if nobody wants that.
	heard func([]wire.Post)
}

// dial connects a replica to its leader.
func dial(ctx context.Context, cfg *FollowerConfig) (*conn, error) {
	password, err := cfg.Password()
	if err != nil {
		return nil, fault.As(fault.Operator, "connect", err)
	}
	c, err := wire.Dial(ctx, wire.Config{URL: cfg.Leader, Name: "ledge replica " + cfg.Node, User: cfg.User, Password: password,
		TLS: cfg.secure(), Within: cfg.ConnectTimeout, To: "leader", Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	return &conn{c, wire.Name(cfg.ID), password, cfg.Heard}, nil
}

// await is Await, with the errors told apart on which a replica acts.
func (c *conn) await(ctx context.Context, msgs <-chan *nats.Msg, silence time.Duration) (*nats.Msg, error) {
	m, err := c.Await(ctx, msgs, silence)
	return m, meant(m, err)
}

// call is Call, with the errors told apart on which a replica acts.
func (c *conn) call(ctx context.Context, subject string, q any, within time.Duration) (*nats.Msg, error) {
	m, err := c.Call(ctx, subject, q, within)
	return m, meant(m, err)
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
		return c.Ask(subjectFetch, fetchRequest{ID: c.id, From: next, Posts: c.heard != nil}, fetchRoom)
	}
	msgs, done, err := ask()
	if err != nil {
		return err
	}
	defer func() { done() }()
	var come []journal.Frame
	size, brought := 0, false
	give := func() (err error) {
		if len(come) > 0 {
			err = take(come)
			clear(come)
			come, size = come[:0], 0
		}
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
		brought = brought || is.kind == kindPosts
		if err := give(); err != nil {
			return err
		}
		if err := c.heed(is, m); err != nil || is.kind == kindEnd && !again {
			return err
		}
	}
}

// heed does what a message asks for, once the frames before it have been handed over.
func (c *conn) heed(is fetched, m *nats.Msg) error {
	switch is.kind {
	case kindPosts:
		return c.take(m)
	case kindOffer:
		return offered{m}
	}
	return nil
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
