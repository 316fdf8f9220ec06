package wire

import (
	"errors"
	"fmt"
	"math"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
)

// Nodes that are in a cluster tell each other, each second, what they have heard of its nodes:
// each says what the other lacked the last time.

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

// Bounds of what is said about a cluster.
const (
	MaxViewJSON = 768 << 10
	maxOwned    = 24 * (journal.MaxSlot + 1) // of a record's ranges as text
)

// NodeRecord is what a node says of itself, or another one of it that it has left. Without a host it is where it was reached.
type NodeRecord struct {
	ID      NodeID      `json:"id"`
	Name    Name        `json:"name,omitempty"` // what its operators call it; an older program says none
	Shard   NodeID      `json:"shard"`
	Host    Host        `json:"host,omitempty"`
	Port    uint16      `json:"port"`
	TLS     uint16      `json:"tls,omitempty"`
	Bus     uint16      `json:"bus,omitempty"`
	NATS    Text        `json:"nats,omitempty"`
	Leads   bool        `json:"leads,omitempty"`
	Loading bool        `json:"loading,omitempty"`
	Number  journal.Seq `json:"number"`
	Term    uint64      `json:"term"`
	Led     uint64      `json:"led,omitempty"`
	Stamp   uint64      `json:"stamp"`
	Run     Name        `json:"run,omitempty"`
	Beside  Name        `json:"beside,omitempty"`
	Owned   OwnedText   `json:"owned,omitempty"`
	Left    bool        `json:"left,omitempty"`  // the node is none of the cluster's any more
	Given   Name        `json:"given,omitempty"` // what a controller calls the node
}

func (r *NodeRecord) Check() error {
	if r.ID == "" || r.Shard == "" || r.Port == 0 || r.Stamp == 0 {
		return errors.New("id, shard, port or stamp is missing")
	}
	if r.Stamp > cluster.MaxStamp {
		return fmt.Errorf("stamp %d; want at most %d", r.Stamp, uint64(cluster.MaxStamp))
	}
	if r.NATS == "" {
		return nil
	}
	return CheckURL(string(r.NATS))
}

// View is one side's part of an exchange.
type View struct {
	ID      Name              `json:"id,omitempty"` // of the replica's run, from the replica
	Node    NodeID            `json:"node"`         // who says it
	Cluster NodeID            `json:"cluster,omitempty"`
	Have    map[NodeID]uint64 `json:"have"`
	Silent  map[NodeID]uint32 `json:"silent,omitempty"` // for how many milliseconds nodes have been
	Records []NodeRecord      `json:"records,omitempty"`
}

func (v *View) Check() error {
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
		if err := v.Records[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// Stamps returns the stamps with plain ids.
func (v *View) Stamps() map[string]uint64 {
	have := make(map[string]uint64, len(v.Have))
	for id, stamp := range v.Have {
		have[string(id)] = stamp
	}
	return have
}

// ViewOf makes one side's part: all that somebody lacks who has those of lacking.
func ViewOf(vs Views, lacking map[string]uint64) View {
	v := View{Node: NodeID(vs.Self()), Cluster: NodeID(vs.Cluster()), Have: make(map[NodeID]uint64)}
	for id, stamp := range vs.Have() {
		v.Have[NodeID(id)] = stamp
	}
	v.Silent = make(map[NodeID]uint32)
	for id, ago := range vs.Silences() {
		v.Silent[NodeID(id)] = silence(ago)
	}
	if lacking == nil {
		return v
	}
	for _, r := range vs.Newer(lacking) {
		v.Records = append(v.Records, RecordOf(r))
	}
	return v
}

// RecordOf returns a record as it is told.
func RecordOf(r cluster.Record) NodeRecord {
	return NodeRecord{ID: NodeID(r.ID), Name: Name(r.Name), Shard: NodeID(r.Shard), Host: Host(r.Host), Port: uint16(r.Port), TLS: uint16(r.TLSPort),
		Bus: uint16(r.BusPort), NATS: Text(r.NATS), Leads: r.Leads, Loading: r.Loading, Number: r.Number,
		Term: r.Term, Led: r.Led, Stamp: r.Stamp, Run: Name(r.Run), Beside: Name(r.Beside), Owned: OwnedText(r.Owned), Left: r.Left, Given: Name(r.Given)}
}

// silence returns a time in milliseconds. It is rounded up: nodes that tell each other of
// a third one must not make its silence shorter each time.
func silence(ago time.Duration) uint32 {
	return uint32(min((ago+time.Millisecond-1)/time.Millisecond, math.MaxUint32))
}

// Merge takes what the other side has said. A record without a host is of the other side
// itself, which was reached at one.
func (v *View) Merge(vs Views, reached string) error {
	if v.Cluster != "" && vs.Cluster() != "" && string(v.Cluster) != vs.Cluster() {
		return fault.With(fault.Operator, fmt.Errorf("the other node is in cluster %s, this one in %s", v.Cluster, vs.Cluster()))
	}
	vs.Heard(string(v.Node), 0)
	for id, ms := range v.Silent {
		vs.Heard(string(id), time.Duration(ms)*time.Millisecond)
	}
	return fault.With(fault.Refused, vs.Merge(v.All(reached)))
}

// All returns the records. One without a host is of a node that was reached at that one.
func (v *View) All(reached string) []cluster.Record {
	list := make([]cluster.Record, len(v.Records))
	for i, r := range v.Records {
		if r.Host == "" {
			r.Host = Host(reached)
		}
		list[i] = cluster.Record{Shard: string(r.Shard), NATS: string(r.NATS), Term: r.Term, Led: r.Led, Stamp: r.Stamp, Run: string(r.Run), Beside: string(r.Beside), Owned: r.Owned, Left: r.Left, Given: string(r.Given),
			Node: cluster.Node{ID: string(r.ID), Name: string(r.Name), Host: string(r.Host), Port: int(r.Port), TLSPort: int(r.TLS), BusPort: int(r.Bus), Leads: r.Leads,
				Loading: r.Loading, Number: r.Number}}
	}
	return list
}
