package appliance

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// A controller's document says where Redis clients come, and not where nodes reach each
// other, which they do so that slots can move.

// busAbove is how far above its Redis port a node's NATS listener is looked for, as the port
// of the bus of Redis and Kvrocks.
const busAbove = 10000

// Other nodes of a document are looked for as often as that, and so many at a time.
const (
	lookEvery = 5 * time.Second
	lookWait  = 3 * time.Second
	mostLooks = 16
)

// externalPeers is a membership's part in getting to know the nodes of a document.
type externalPeers struct{ externalPart }

// run gets to know the other masters of the document until ctx ends.
func (e externalPeers) run(ctx context.Context) {
	if e.membership == nil || !e.n.cfg.External() {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	next := make(map[string]time.Time) // before which a URL is not tried again
	for {
		e.lookAround(ctx, next)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// introduce gets to know the nodes that the one at a URL knows, itself among them.
func (e externalPeers) introduce(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	seen, reached, err := e.peers.Look(ctx, url)
	if err != nil {
		return err
	}
	return seen.Merge(e.membership, reached)
}

// strangers returns the URLs of masters that the node does not know, while it leads.
func (e externalPeers) strangers() (urls []string) {
	custody := e.n.state.Custody()
	if custody.Topology == nil || !(movePart{e.membership}).serves() || e.n.dir.secret.current() == "" {
		return nil
	}
	e.Map() // so that there is a view
	e.mu.Lock()
	_, d := e.newestLocked(custody)
	records := e.view.Records()
	own := d.MasterOf(e.selfIn(d, e.given, e.role()))
	e.mu.Unlock()
	for i := range d.Nodes {
		n := &d.Nodes[i]
		if n.Master == "" && n.ID != own && recordOf(n, records) == nil && n.Port+busAbove < 1<<16 {
			urls = append(urls, e.natsURLOf(n.Host, n.Port+busAbove))
		}
	}
	return urls
}

// lookAround asks those of strangers whose time has come, some at a time.
func (e externalPeers) lookAround(ctx context.Context, next map[string]time.Time) {
	var busy sync.WaitGroup
	now, asked := e.n.cfg.Clock(), 0
	urls := e.strangers()
	maps.DeleteFunc(next, func(url string, _ time.Time) bool { return !slices.Contains(urls, url) })
	for _, url := range urls {
		if asked == mostLooks || now.Before(next[url]) {
			continue
		}
		asked++
		next[url] = now.Add(lookEvery)
		busy.Go(func() {
			if err := e.introduce(ctx, url); err != nil {
				e.n.cfg.Logger.Debug("a node of the controller's document is not reached for moves", "url", url, "cause", err)
			}
		})
	}
	busy.Wait()
}
