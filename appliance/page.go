package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"ledge/admin"
	"ledge/appliance/report"
	"ledge/appliance/store"
	"ledge/appliance/web"
)

// seen is the node as browsers, probes and Prometheus see it.
type seen struct {
	n       *Node
	history *report.History
}

// openWeb listens for browsers, probes and Prometheus; nil is that nobody asks for it.
func openWeb(ctx context.Context, n *Node) (*web.Server, error) {
	addr, option := n.cfg.HTTPAddress()
	if addr == "" {
		return nil, nil
	}
	s, err := web.Open(ctx, web.Config{
		Listen: addr, Local: n.cfg.HTTPLocal(), Node: n.seen, Metrics: n.report.Metrics,
		Password: func() (string, error) { return (&Config{HTTPPasswordFile: *n.pageFile.Load()}).HTTPPassword() }, Admin: func() (string, error) { return ReadOwnPassword(n.dir.adminPath()) },
		LetsIn: func(said string) bool { return n.words.letsIn(admin.AdminUser, said) },
		Open:   func() bool { return param(n, "requirepass") == "" }, Clock: n.cfg.Clock, Logger: n.cfg.Logger,
	})
	if err != nil {
		return nil, addressFault(option, addr, err)
	}
	return s, nil
}

// param returns a parameter of CONFIG, "" if there is none of that name.
func param(n *Node, name string) string {
	for _, p := range n.server.Config().Match(func(other string) bool { return other == name }) {
		return p.Get()
	}
	return ""
}

// MetricsAddr returns the address that browsers, probes and Prometheus come to, or nil.
func (n *Node) MetricsAddr() net.Addr { return n.web.Addr() }

// errStopping is why a node that stops is not ready.
var errStopping = errors.New("the node is stopping")

// Ready returns why the node does not serve reads, or does not take writes.
func (s *seen) Ready(writes bool) error {
	n := s.n
	select {
	case <-n.stop:
		return errStopping
	default:
	}
	if err := n.loading.ready(); err != nil {
		return err
	}
	switch h := healthFacts(n); {
	case h.Reads != nil:
		return fmt.Errorf("reads are refused: %w", h.Reads)
	case writes && h.Writes != nil:
		return fmt.Errorf("writes are refused: %w", h.Writes)
	}
	return nil
}

// Facts returns what the page shows.
func (s *seen) Facts(trusted bool) any {
	p, b := s.n.report.Page(), backendOf(s.n)
	p.NotReady, p.WritesRefused = report.Line(s.Ready(false)), report.Line(s.Ready(true))
	if s.n.member != nil {
		c := orders{s.n.member}.status()
		c.Shards = c.Shards[:min(len(c.Shards), report.PageRows)]
		p.Cluster = &c
	}
	p.Events = s.n.events.latest(report.PageEvents)
	p.Slow, _ = b.Slowlog(context.Background(), report.PageRows) // it can't fail
	if p.Hidden = !trusted; p.Hidden {
		p.Clients = []admin.Client{}
		for i := range p.Slow {
			p.Slow[i].Args = p.Slow[i].Args[:min(1, len(p.Slow[i].Args))]
			p.Slow[i].Client, p.Slow[i].Name = "", ""
		}
		return p
	}
	p.Clients, _ = b.Clients(context.Background())
	p.Clients = p.Clients[:min(len(p.Clients), report.PageRows)]
	return p
}

// History returns the samples of the last hour.
func (s *seen) History() any { return s.history.Samples() }

// Resume tries to resume.
func (s *seen) Resume(ctx context.Context) (admin.Resumed, error) {
	if err := s.n.loading.ready(); err != nil {
		return admin.Resumed{}, err
	}
	return backendOf(s.n).Resume(ctx)
}

// kept is the node's own store as the history sees it: a row for each sample, under
// its time.
type kept struct{ own *store.Store }

const sampleTable = "samples"

// Kept returns the samples that an earlier run has kept.
func (k kept) Kept() (list []report.Sample) {
	for _, r := range k.own.Range(sampleTable, "", "") {
		var s report.Sample
		if json.Unmarshal(r.Val, &s) == nil {
			list = append(list, s)
		}
	}
	return list
}

// Keep keeps a sample. That one is missing costs a gap in a chart, so the store alone
// says what is wrong with the disk.
func (k kept) Keep(s report.Sample) {
	b, err := json.Marshal(s)
	if err != nil {
		return
	}
	if k.own.Put(sampleTable, fmt.Sprintf("%016x", s.At), b) == nil {
		_ = k.own.Trim(sampleTable, report.Samples) // it can only be closed
	}
}
