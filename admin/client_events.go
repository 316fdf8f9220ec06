package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go"
)

// Events yields what happens to a node, or to all if node is empty, from when
// Events returns until ctx ends. An error is the last thing that it yields:
// the connection was lost, or events came faster than they were taken.
func (c *Conn) Events(ctx context.Context, node string) (iter.Seq2[Event, error], error) {
	if node == "" {
		node = "*"
	} else if err := checkNode(node); err != nil {
		return nil, err
	}
	sub, err := c.nc.SubscribeSync(eventSubject(node, ">"))
	if err == nil {
		err = c.nc.FlushTimeout(c.cfg.ConnectTimeout) // until then the broker may not know
	}
	if err != nil {
		return nil, c.unreachable(err)
	}
	context.AfterFunc(ctx, func() { _ = sub.Unsubscribe() })
	return func(yield func(Event, error) bool) {
		defer func() { _ = sub.Unsubscribe() }()
		for {
			e, err := c.nextEvent(ctx, sub)
			if ctx.Err() != nil || !yield(e, err) || err != nil {
				return
			}
		}
	}, nil
}

func (c *Conn) nextEvent(ctx context.Context, sub *nats.Subscription) (e Event, err error) {
	m, err := sub.NextMsgWithContext(ctx)
	switch {
	case errors.Is(err, nats.ErrSlowConsumer):
		return e, fmt.Errorf("events came faster than they were taken: %w", err)
	case err != nil:
		return e, c.unreachable(err)
	}
	if err := json.Unmarshal(m.Data, &e); err != nil {
		return e, fmt.Errorf("event on %s: %w", m.Subject, err)
	}
	return e, nil
}
