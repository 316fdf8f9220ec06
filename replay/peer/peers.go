package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal/fault"
	"ledge/journal/rare"
	"ledge/replay/cluster"
	"ledge/replay/wire"
)

// Shard is another shard of the cluster, as far as the node has heard of it.
type Shard struct {
	ID    string
	Nodes []Node // the one that leads first, if any is known to
}

// Node is a node of another shard.
type Node struct {
	ID, URL string // URL is where it is asked
	Leads   bool
}

// Config is what Peers needs.
type Config struct {
	Node  string     // what the node is called by its operators
	User  string     // whom it comes in as
	Views wire.Views // what the node knows of its cluster
	// Others returns the other shards, as long as the node leads its own; else none.
	Others func() []Shard
	// Secrets returns the cluster's secret, and what else may be said where that is not
	// taken; none is that there is no secret.
	Secrets func() []string
	// TLS is asked before each connection; see wire.Config.
	TLS func() *tls.Config
	// Told, if there is one, is called after each exchange of views by a connection that
	// stays. It must not wait.
	Told   func()
	Clock  func() time.Time
	Logger *slog.Logger
	// Connect and Word bound a connection and an answer; 0 is 3 s. Every is how often views
	// are exchanged at least; 0 is 1 s.
	Connect, Word, Every time.Duration
}

// Defaults of Config.
const (
	defaultWait  = 3 * time.Second
	defaultEvery = time.Second
)

// Peers are the other shards of the cluster: each has one goroutine, which waits for nobody
// but that shard, while the node leads.
type Peers struct {
	cfg  Config
	wake chan struct{} // has a token once there is something to tell

	mu    sync.Mutex
	links map[string]*link // by the shards' ids; mu

	dropped atomic.Int64 // messages that were not told to a shard
	rare    *rare.Log    // of those
}

// New returns the other shards; Run makes them work.
func New(cfg Config) *Peers {
	for _, d := range []*time.Duration{&cfg.Connect, &cfg.Word} {
		if *d == 0 {
			*d = defaultWait
		}
	}
	if cfg.Every == 0 {
		cfg.Every = defaultEvery
	}
	return &Peers{cfg: cfg, wake: make(chan struct{}, 1), links: make(map[string]*link), rare: rare.New(cfg.Logger)}
}

// Wake has the other shards told at once of what has changed. It does not wait.
func (p *Peers) Wake() { poke(p.wake) }

// Heard is told that a node has spoken: if its shard is not connected, that is tried at once.
func (p *Peers) Heard(node string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		if slices.ContainsFunc(l.candidates(), func(n Node) bool { return n.ID == node }) {
			poke(l.spoke)
		}
	}
}

// poke leaves a token.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run keeps a connection to each other shard until ctx ends.
func (p *Peers) Run(ctx context.Context) {
	defer p.rare.Close()
	var busy sync.WaitGroup
	defer busy.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tick := time.NewTicker(p.cfg.Every)
	defer tick.Stop()
	for {
		for _, l := range p.follow(p.cfg.Others()) {
			running, end := context.WithCancel(ctx)
			l.end = end
			busy.Go(func() { l.run(running) })
			busy.Go(func() { l.tell(running) })
		}
		select {
		case <-tick.C:
		case <-p.wake:
			p.mu.Lock()
			for _, l := range p.links {
				poke(l.wake)
			}
			p.mu.Unlock()
		case <-ctx.Done():
			p.follow(nil)
			return
		}
	}
}

// follow has a link for each of the shards and for no other, and returns those that are new.
func (p *Peers) follow(shards []Shard) (fresh []*link) {
	shards = shards[:min(len(shards), cluster.MostNodes)]
	p.mu.Lock()
	defer p.mu.Unlock()
	known := make(map[string]bool, len(shards))
	for _, s := range shards {
		known[s.ID] = true
		l := p.links[s.ID]
		if l == nil {
			l = newLink(p, s.ID)
			p.links[s.ID], fresh = l, append(fresh, l)
		}
		l.setNodes(s.Nodes)
	}
	for id, l := range p.links {
		if !known[id] {
			l.end()
			delete(p.links, id)
		}
	}
	return fresh
}

// Link is how the node stands with another shard.
type Link struct {
	Shard string
	Node  string    // to which the connection is, or was
	Up    bool      // there is a connection, and views are exchanged by it
	Since time.Time // when Up became what it is
	Heard time.Time // when the shard was heard of last by the connection
	Cause string    // why there is none
}

// Links returns how the node stands with the other shards, by their ids.
func (p *Peers) Links() []Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Link, 0, len(p.links))
	for _, l := range p.links {
		list = append(list, l.state())
	}
	slices.SortFunc(list, func(a, b Link) int { return strings.Compare(a.Shard, b.Shard) })
	return list
}

// Call asks another shard, by the connection that there is. Without one it fails at once.
func (p *Peers) Call(ctx context.Context, shard, subject string, q any) (*nats.Msg, error) {
	p.mu.Lock()
	l := p.links[shard]
	p.mu.Unlock()
	if l == nil {
		return nil, fault.With(fault.Retryable, fmt.Errorf("shard %s is not connected: the node has not heard of it, or does not lead", shard))
	}
	c, cause := l.connection()
	if c == nil {
		return nil, fault.With(fault.Retryable, fmt.Errorf("shard %s is not connected: %s", shard, cause))
	}
	return c.Call(ctx, subject, q, p.cfg.Word)
}

// Farewell tells all shards to which there is a connection of nodes that have left, and
// returns how many have not heard it.
func (p *Peers) Farewell(ctx context.Context, records []cluster.Record) (missed int) {
	q := wire.View{Node: wire.NodeID(p.cfg.Views.Self()), Cluster: wire.NodeID(p.cfg.Views.Cluster()), Have: map[wire.NodeID]uint64{}}
	for _, r := range records {
		q.Records = append(q.Records, wire.RecordOf(r))
	}
	p.mu.Lock()
	shards := make([]string, 0, len(p.links))
	for id := range p.links {
		shards = append(shards, id)
	}
	p.mu.Unlock()
	heard := make([]bool, len(shards))
	var busy sync.WaitGroup
	for i, id := range shards {
		busy.Go(func() {
			_, err := p.Call(ctx, id, subjectView, q)
			heard[i] = err == nil
		})
	}
	busy.Wait()
	for _, h := range heard {
		if !h {
			missed++
		}
	}
	return missed
}

// ErrNoSecret says that the node has no secret to say to others.
var ErrNoSecret = fault.With(fault.Operator, errors.New("the node has no cluster secret: set one by ledge passwd peer, or name a file that has it with --cluster-secret-file, or write it to auth/peer; it is the same on all nodes of the cluster"))

// dial connects to a node of the cluster.
func dial(ctx context.Context, cfg *Config, url string) (c *wire.Conn, err error) {
	err = ErrNoSecret
	for _, secret := range cfg.Secrets() {
		c, err = wire.Dial(ctx, wire.Config{URL: url, Name: "ledge peer " + cfg.Node, User: cfg.User, Password: secret,
			TLS: cfg.TLS(), Within: cfg.Connect, To: "peer", Logger: cfg.Logger})
		if !errors.Is(err, nats.ErrAuthorization) {
			return c, err
		}
		err = fault.With(fault.Operator, fmt.Errorf("%s does not take the cluster's secret: give both nodes the same one, by ledge passwd peer, which needs no restart, or by --cluster-secret-file or auth/peer; and both have to run with --cluster yes", url))
	}
	return nil, err
}

// exchange tells a node what it lacks of the cluster's nodes, and learns what we lack. It
// returns what the other node has then.
func exchange(ctx context.Context, cfg *Config, c *wire.Conn, lacking map[string]uint64) (map[string]uint64, error) {
	q := wire.ViewOf(cfg.Views, lacking)
	for i := range q.Records {
		if r := &q.Records[i]; r.Host == "" && r.ID == q.Node { // the other side does not see where we are
			r.Host = wire.Host(c.Seen.String())
		}
	}
	r, err := ask(ctx, cfg, c, &q)
	if err != nil {
		return nil, err
	}
	return r.Stamps(), r.Merge(cfg.Views, c.Host)
}

// ask sends one side's part of an exchange, and returns the other's.
func ask(ctx context.Context, cfg *Config, c *wire.Conn, q *wire.View) (r *wire.View, err error) {
	m, err := c.Call(ctx, subjectView, q, cfg.Word)
	if err != nil {
		return nil, fmt.Errorf("exchange views: %w", err)
	}
	r = new(wire.View)
	return r, wire.DecodeUpTo(m, r, wire.MaxViewJSON)
}

// Ask exchanges views with a node, once, of whichever shard it is.
func (p *Peers) Ask(ctx context.Context, url string) error {
	c, err := dial(ctx, &p.cfg, url)
	if err != nil {
		return err
	}
	defer c.Close()
	has, err := exchange(ctx, &p.cfg, c, nil)
	if err == nil { // it is known what the node lacks
		_, err = exchange(ctx, &p.cfg, c, has)
	}
	return err
}

// Look asks a node, once, which cluster it is in and what it knows of that, and returns the
// answer. Whoever asks is in no cluster.
func (p *Peers) Look(ctx context.Context, url string) (r *wire.View, reached string, err error) {
	c, err := dial(ctx, &p.cfg, url)
	if err != nil {
		return nil, "", err
	}
	defer c.Close()
	q := wire.View{Node: wire.NodeID(p.cfg.Views.Self()), Have: map[wire.NodeID]uint64{}}
	r, err = ask(ctx, &p.cfg, c, &q)
	return r, c.Host, err
}
