// Package peer is how the shards of one cluster speak with each other. The node that leads a
// shard keeps one connection to each other shard, by which the two tell each other of the
// cluster's nodes, and by which moves of slots ask what they need. PROTOCOL.md has the
// messages.
package peer

import (
	"encoding/json"
	"errors"
	"log/slog"
	"sync"

	"github.com/nats-io/nats.go"

	"ledge/journal/fault"
	"ledge/replay/wire"
)

// subjectView is where views are exchanged.
const subjectView = "ledge.cluster.view"

// mostAnswers is how many requests on one subject are answered at a time: one that many ask
// on does not keep the others from being answered.
const mostAnswers = 64

// Broker is a connection to the node's own broker that may publish into peers' inboxes.
type Broker interface {
	Subscribe(subject string, answer nats.MsgHandler) (*nats.Subscription, error)
	PublishMsg(m *nats.Msg) error
}

// Answer answers a request. It takes what it likes of the time that the peer waits.
type Answer = func(*nats.Msg) (reply *nats.Msg, err error)

// ServerConfig is what a Server needs.
type ServerConfig struct {
	Views  wire.Views   // what the node knows of its cluster
	Ready  func() error // why the node can't say yet what it knows, or nil
	Logger *slog.Logger
}

// Server answers nodes of other shards.
type Server struct {
	cfg     ServerConfig
	answers map[string]Answer
}

// NewServer returns a Server that tells what the node knows of its cluster.
func NewServer(cfg ServerConfig) *Server {
	s := &Server{cfg: cfg, answers: make(map[string]Answer)}
	s.Serve(subjectView, s.view)
	return s
}

// Serve has requests on a subject answered, each on a goroutine of its own. It is called
// before Open.
func (s *Server) Serve(subject string, answer Answer) { s.answers[subject] = answer }

// Open begins to answer on a connection. What it returns ends that, and waits for the
// answers under way.
func (s *Server) Open(on Broker) (end func() error, err error) {
	var subs []*nats.Subscription
	var busy sync.WaitGroup
	end = func() error {
		var errs []error
		for _, sub := range subs {
			if err := sub.Unsubscribe(); !errors.Is(err, nats.ErrConnectionClosed) {
				errs = append(errs, err)
			}
		}
		subs = nil
		busy.Wait()
		return errors.Join(errs...)
	}
	for subject, answer := range s.answers {
		slots := make(chan struct{}, mostAnswers)
		sub, err := on.Subscribe(subject, func(m *nats.Msg) {
			select {
			case slots <- struct{}{}:
			default:
				s.reply(on, m, wire.Failure(errCrowded))
				return
			}
			busy.Go(func() {
				defer func() { <-slots }()
				reply, err := answer(m)
				if err != nil {
					reply = wire.Failure(err)
				}
				s.reply(on, m, reply)
			})
		})
		if err != nil {
			return nil, errors.Join(fault.As(fault.Operator, "answer peers", err), end())
		}
		subs = append(subs, sub)
	}
	return end, nil
}

// errCrowded refuses what there is no slot for.
var errCrowded = fault.With(fault.Retryable, errors.New("too many requests of peers at once"))

// reply sends an answer. What can't be sent is missed by the peer, which asks again.
func (s *Server) reply(on Broker, m, with *nats.Msg) {
	if m.Reply == "" || with == nil {
		return
	}
	with.Subject = m.Reply
	if err := on.PublishMsg(with); err != nil {
		s.cfg.Logger.Debug("a peer could not be answered", "subject", m.Subject, "cause", err)
	}
}

// view answers a peer's part of an exchange. One that is in no cluster only looks.
func (s *Server) view(m *nats.Msg) (*nats.Msg, error) {
	if err := s.cfg.Ready(); err != nil {
		return nil, err
	}
	var q wire.View
	if err := wire.DecodeUpTo(m, &q, wire.MaxViewJSON); err != nil {
		return nil, err
	}
	switch {
	case s.cfg.Views.Cluster() == "":
		return nil, fault.With(fault.Operator, errors.New("the node is in no cluster"))
	case q.Cluster != "":
		if err := q.Merge(s.cfg.Views, ""); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(wire.ViewOf(s.cfg.Views, q.Stamps()))
	return &nats.Msg{Data: b}, err
}
