package appliance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"ledge/journal/fault"
	"ledge/respd/command"
)

// redisOrders is what Redis's own tool for clusters has a node do. It is for a node that is
// none of a cluster's, too.
type redisOrders struct{ *membership }

var _ command.ClusterOrders = redisOrders{}

// moveWait bounds how long a client waits for a slot to move.
const moveWait = time.Minute

// MoveSlot moves a slot of the node's shard to the shard of another node. Redis's tool moves
// one slot after the other, so a move that has to wait for those before it is begun again.
func (r redisOrders) MoveSlot(ctx context.Context, slot uint16, node string) error {
	switch {
	case r.membership == nil:
		return errNoCluster
	case r.n.cfg.External():
		return errExternal
	}
	ctx, cancel := context.WithTimeout(ctx, moveWait)
	defer cancel()
	m := orders(r)
	began, err := m.move(ctx, strconv.Itoa(int(slot)), node)
	for fault.Of(err) == fault.Retryable && pause(ctx) {
		began, err = m.move(ctx, strconv.Itoa(int(slot)), node)
	}
	for err == nil && !r.gone(slot) {
		if !pause(ctx) {
			return fmt.Errorf("the move of slot %d goes on, as ledge cluster moves shows: %w", slot, ctx.Err())
		}
		for _, mv := range m.moves() {
			if mv.ID == began.ID && mv.Phase == "ended" && mv.Cause != "" {
				return errors.New(mv.Cause)
			}
		}
	}
	return err
}

// pause waits for a moment, and reports whether ctx goes on.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(5 * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}

// gone reports whether another shard is known to have a slot, and nobody waits for it, whatever
// becomes of others.
func (r redisOrders) gone(slot uint16) bool {
	drawn := r.Map()
	return !drawn.Here(slot) && drawn.Owner(slot) != nil
}

// Meet makes the node's shard one of the cluster of another node.
func (r redisOrders) Meet(ctx context.Context, host string, port int) error {
	if r.membership == nil {
		return errNoCluster
	}
	url := r.natsURLOf(host, port)
	if r.n.cfg.External() {
		return externalPeers{externalPart(r)}.introduce(ctx, url)
	}
	if _, err := orders(r).join(ctx, url); err != nil {
		return err
	}
	return r.fetchWish(ctx)
}

// natsURLOf returns the URL of the NATS listener of another node, which has TLS if this one has.
func (m *membership) natsURLOf(host string, port int) string {
	scheme := "nats://"
	if m.n.secure.nats != nil {
		scheme = "tls://"
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(port))
}

// Forget has a node that is gone for good be none of the cluster's any more.
func (r redisOrders) Forget(_ context.Context, node string) error {
	switch {
	case r.membership == nil:
		return fault.With(fault.Refused, errNoCluster)
	case r.n.cfg.External():
		return errExternal
	}
	_, err := orders(r).forget(node)
	return err
}
