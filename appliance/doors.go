package appliance

import (
	"context"
	"sync"
)

// doors are what answers from a node's first moment on, while it still loads: the
// server, and the page with its probes and metrics. They are opened before there is any
// data, and closed by Run or, if the node was never run, by Close.
type doors struct {
	shut  context.CancelFunc
	busy  sync.WaitGroup
	ended chan struct{} // closed when the server has ended
	err   error         // why; for reading once it has
}

// openDoors begins to answer Redis clients, browsers, probes and Prometheus.
func openDoors(n *Node) *doors {
	ctx, cancel := context.WithCancel(context.Background()) // close ends it
	d := &doors{shut: cancel, ended: make(chan struct{})}
	d.busy.Go(func() {
		defer close(d.ended)
		d.err = n.server.Run(ctx)
	})
	d.busy.Go(func() { n.web.Run(ctx) })
	return d
}

// close answers the clients that are left, and waits for that. It is safe to call
// twice, and on none.
func (d *doors) close() error {
	if d == nil {
		return nil
	}
	d.shut()
	d.busy.Wait()
	return d.err
}
