package remote

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
)

// A replica and its leader that are in a cluster tell each other, each second, what they
// have heard of its nodes: the replica sends what the leader lacked the last time, and
// gets what it lacks itself.

// Views is what a node knows of its cluster's nodes. Its methods may be called from any
// goroutine.
type Views interface {
	// Cluster returns the cluster's id; "" is that the node is in none.
	Cluster() string
	// Self returns what the node is called in a cluster.
	Self() string
	// Leaderless reports whether it isn't known who leads the node's own shard.
	Leaderless() bool
	// Heard is told of a node that was heard of so long ago, here or by another node.
	Heard(id string, ago time.Duration)
	// Silences returns how long ago the other nodes were heard of.
	Silences() map[string]time.Duration
	// Have returns the stamps of the records that there are, by the nodes' ids.
	Have() map[string]uint64
	// Newer returns records that somebody lacks who has those of have.
	Newer(have map[string]uint64) []cluster.Record
	// Merge takes what another node has said.
	Merge(records []cluster.Record) error
}

// sameMode refuses a replica that would serve what its leader's cluster gives to others,
// and one that would send its clients away though its leader serves all slots.
func sameMode(leader, replica bool) error {
	switch {
	case leader == replica:
		return nil
	case leader:
		return fault.With(fault.Operator, errors.New("the leader is one of a cluster: start the replica with --cluster yes"))
	}
	return fault.With(fault.Operator, errors.New("the leader is in no cluster: start the replica without --cluster yes"))
}

// Bounds of what is said about a cluster.
const (
	maxViewJSON = 768 << 10
	maxOwned    = 24 * (journal.MaxSlot + 1) // of a record's ranges as text
	// A node goes on from the stamp that it hears of itself: it must not come to the end.
	maxStamp = 1 << 62
)

// nodeID is what a node is called in its cluster, and a shard by its journal's lineage.
type nodeID string

func (n *nodeID) UnmarshalText(b []byte) error {
	if len(b) != 40 || strings.Trim(string(b), "0123456789abcdef") != "" {
		return fmt.Errorf("%q is not 40 hexadecimal digits", clip(string(b), maxName))
	}
	*n = nodeID(b)
	return nil
}

// host is where a node's clients go: an IP address or a name. "" is where the node was
// reached.
type host string

func (h *host) UnmarshalText(b []byte) error {
	if len(b) > 0 {
		if err := CheckHost(string(b)); err != nil {
			return err
		}
	}
	*h = host(b)
	return nil
}

// ownedText is ranges of slots with their epochs: 0-99@1 100@3.
type ownedText []journal.OwnedRange

func (o ownedText) MarshalText() ([]byte, error) {
	var b []byte
	for i, r := range o {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendUint(b, uint64(r.First), 10)
		if r.Last > r.First {
			b = strconv.AppendUint(append(b, '-'), uint64(r.Last), 10)
		}
		b = strconv.AppendUint(append(b, '@'), r.Epoch, 10)
	}
	return b, nil
}

func (o *ownedText) UnmarshalText(b []byte) error {
	if len(b) > maxOwned {
		return fmt.Errorf("slots in %d characters; want at most %d", len(b), maxOwned)
	}
	*o = nil
	next := 0 // the first slot that may be
	for _, word := range strings.Fields(string(b)) {
		span, epoch, ok := strings.Cut(word, "@")
		first, last, isSpan := strings.Cut(span, "-")
		if !isSpan {
			last = first
		}
		f, err1 := strconv.ParseUint(first, 10, 16)
		l, err2 := strconv.ParseUint(last, 10, 16)
		e, err3 := strconv.ParseUint(epoch, 10, 64)
		if errors.Join(err1, err2, err3) != nil || !ok || f < uint64(next) || l < f || l > journal.MaxSlot || e == 0 {
			return fmt.Errorf("%q is no range of slots from %d on with its epoch", clip(word, maxName), next)
		}
		next = int(l) + 1
		*o = append(*o, journal.OwnedRange{Epoch: e, SlotRange: journal.SlotRange{First: uint16(f), Last: uint16(l)}})
	}
	return nil
}

// nodeRecord is what a node says of itself. Without a host it is where it was reached.
type nodeRecord struct {
	ID      nodeID      `json:"id"`
	Shard   nodeID      `json:"shard"`
	Host    host        `json:"host,omitempty"`
	Port    uint16      `json:"port"`
	TLS     uint16      `json:"tls,omitempty"`
	Bus     uint16      `json:"bus,omitempty"`
	NATS    text        `json:"nats,omitempty"`
	Leads   bool        `json:"leads,omitempty"`
	Loading bool        `json:"loading,omitempty"`
	Number  journal.Seq `json:"number"`
	Term    uint64      `json:"term"`
	Stamp   uint64      `json:"stamp"`
	Owned   ownedText   `json:"owned,omitempty"`
}

func (r *nodeRecord) check() error {
	if r.ID == "" || r.Shard == "" || r.Port == 0 || r.Stamp == 0 {
		return errors.New("id, shard, port or stamp is missing")
	}
	if r.Stamp > maxStamp {
		return fmt.Errorf("stamp %d; want at most %d", r.Stamp, uint64(maxStamp))
	}
	if r.NATS == "" {
		return nil
	}
	return checkURL(string(r.NATS))
}

// view is one side's part of an exchange.
type view struct {
	ID      name              `json:"id,omitempty"` // of the replica's run, from the replica
	Node    nodeID            `json:"node"`         // who says it
	Cluster nodeID            `json:"cluster,omitempty"`
	Have    map[nodeID]uint64 `json:"have"`
	Silent  map[nodeID]uint32 `json:"silent,omitempty"` // for how many milliseconds nodes have been
	Records []nodeRecord      `json:"records,omitempty"`
}

func (v *view) check() error {
	if v.Node == "" {
		return errors.New("node is missing")
	}
	if n := max(len(v.Have), len(v.Silent), len(v.Records)); n > cluster.MostNodes {
		return fmt.Errorf("%d nodes; want at most %d", n, cluster.MostNodes)
	}
	if len(v.Records) == 0 {
		v.Records = nil
	}
	for i := range v.Records {
		if err := v.Records[i].check(); err != nil {
			return err
		}
	}
	return nil
}

// have returns the stamps with plain ids.
func (v *view) have() map[string]uint64 {
	have := make(map[string]uint64, len(v.Have))
	for id, stamp := range v.Have {
		have[string(id)] = stamp
	}
	return have
}

// viewOf makes one side's part: all that somebody lacks who has those of lacking.
func viewOf(vs Views, lacking map[string]uint64) view {
	v := view{Node: nodeID(vs.Self()), Cluster: nodeID(vs.Cluster()), Have: make(map[nodeID]uint64)}
	for id, stamp := range vs.Have() {
		v.Have[nodeID(id)] = stamp
	}
	v.Silent = make(map[nodeID]uint32)
	for id, ago := range vs.Silences() {
		v.Silent[nodeID(id)] = silence(ago)
	}
	if lacking == nil {
		return v
	}
	for _, r := range vs.Newer(lacking) {
		v.Records = append(v.Records, nodeRecord{ID: nodeID(r.ID), Shard: nodeID(r.Shard), Host: host(r.Host), Port: uint16(r.Port), TLS: uint16(r.TLSPort),
			Bus: uint16(r.BusPort), NATS: text(r.NATS), Leads: r.Leads, Loading: r.Loading, Number: r.Number,
			Term: r.Term, Stamp: r.Stamp, Owned: ownedText(r.Owned)})
	}
	return v
}

// silence returns a time in milliseconds. It is rounded up: nodes that tell each other of
// a third one must not make its silence shorter each time.
func silence(ago time.Duration) uint32 {
	return uint32(min((ago+time.Millisecond-1)/time.Millisecond, math.MaxUint32))
}

// merge takes what the other side has said. A record without a host is of the other side
// itself, which was reached at one.
func (v *view) merge(vs Views, reached string) error {
	if v.Cluster != "" && vs.Cluster() != "" && string(v.Cluster) != vs.Cluster() {
		return fault.With(fault.Operator, fmt.Errorf("the other node is in cluster %s, this one in %s", v.Cluster, vs.Cluster()))
	}
	vs.Heard(string(v.Node), 0)
	for id, ms := range v.Silent {
		vs.Heard(string(id), time.Duration(ms)*time.Millisecond)
	}
	list := make([]cluster.Record, len(v.Records))
	for i, r := range v.Records {
		if r.Host == "" {
			r.Host = host(reached)
		}
		list[i] = cluster.Record{Shard: string(r.Shard), NATS: string(r.NATS), Term: r.Term, Stamp: r.Stamp, Owned: r.Owned,
			Node: cluster.Node{ID: string(r.ID), Host: string(r.Host), Port: int(r.Port), TLSPort: int(r.TLS), BusPort: int(r.Bus), Leads: r.Leads,
				Loading: r.Loading, Number: r.Number}}
	}
	return fault.With(fault.Refused, vs.Merge(list))
}

// view answers a replica's part of an exchange with the leader's.
func (l *Leader) view(m *nats.Msg) error {
	var q view
	if err := decodeUpTo(m, &q, maxViewJSON); err != nil {
		return err
	}
	vs := l.cfg.Views
	if vs == nil {
		return fault.With(fault.Operator, errors.New("the leader is in no cluster"))
	}
	reached := ""
	if err := l.with(q.ID, func(f *follower) error {
		reached, _, _ = net.SplitHostPort(f.Redis)
		return nil
	}); err != nil {
		return err
	}
	if err := q.merge(vs, reached); err != nil {
		return err
	}
	return l.replyJSON(m, viewOf(vs, q.have()))
}

// exchange tells the leader what it lacks of the cluster's nodes, and learns what we lack.
// It returns what the leader has then.
func (f *Follower) exchange(ctx context.Context, c *conn, lacking map[string]uint64) (map[string]uint64, error) {
	vs := f.cfg.Views
	q := viewOf(vs, lacking)
	q.ID = c.id
	m, err := c.call(ctx, subjectView, q, f.cfg.Timeouts().Fetch)
	if err != nil {
		return nil, fmt.Errorf("exchange views: %w", err)
	}
	var r view
	if err := decodeUpTo(m, &r, maxViewJSON); err != nil {
		return nil, err
	}
	if err := r.merge(vs, c.host); err != nil {
		return nil, err
	}
	return r.have(), nil
}

// askLeaderEvery is how often a replica asks while it doesn't know who leads its shard:
// clients wait for that.
const askLeaderEvery = 20 * time.Millisecond

// isClosed reports whether a channel is.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// keepExchanging has the two nodes tell each other what they have heard of the cluster's
// nodes, each second, until end is called.
func (f *Follower) keepExchanging(ctx context.Context, c *conn) (end func()) {
	if f.cfg.Views == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		var leader map[string]uint64 // what it has, nil before it has said so
		for {
			every := tellEvery
			if f.cfg.Views.Leaderless() {
				every = askLeaderEvery
			}
			tick := time.NewTimer(every)
			has, err := f.exchange(ctx, c, leader)
			if err != nil {
				f.cfg.Logger.Debug("what is known of the cluster is not exchanged", "cause", err)
			}
			leader = has
			select {
			case <-tick.C:
			case <-c.gone:
			case <-ctx.Done():
			}
			if tick.Stop(); ctx.Err() != nil || isClosed(c.gone) {
				return
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}
