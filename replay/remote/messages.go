package remote

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/standing"
	"ledge/replay/wire"
)

// What a leader and a replica say to each other, as types. Each message is checked
// as a whole when it has been read.

var errNameless = errors.New("it says no id")

// helloRequest is who a replica is and how far it has come.
type helloRequest struct {
	Version   int          `json:"version"`
	ID        wire.Name    `json:"id"` // of the replica's run
	Node      wire.Name    `json:"node"`
	Redis     wire.Address `json:"redis"`          // its address for Redis clients
	NATS      wire.Text    `json:"nats,omitempty"` // the URL at which it is asked; none is that nobody can, or an older version
	Databases int          `json:"databases"`
	Cluster   bool         `json:"cluster,omitempty"` // it was started as one of a cluster
	// Empty says that there is nothing in the replica to be lost.
	Empty   bool        `json:"empty"`
	Lineage wire.Hex    `json:"lineage"`
	Number  journal.Seq `json:"number"`
	Digest  wire.Hex    `json:"digest"`
	Epoch   uint64      `json:"epoch"`
}

func (q *helloRequest) Check() error {
	if q.ID == "" || q.Node == "" || q.Redis == "" {
		return errors.New("id, node or redis is missing")
	}
	if q.NATS == "" {
		return nil
	}
	return wire.CheckURL(string(q.NATS))
}

// helloReply is who the leader is and what it has.
type helloReply struct {
	ID        wire.Name   `json:"id,omitempty"` // of the leader's run; one of an older version has none
	Node      wire.Name   `json:"node"`
	Lineage   wire.Hex    `json:"lineage"`
	Databases int         `json:"databases"`
	Cluster   bool        `json:"cluster,omitempty"`
	First     journal.Seq `json:"first"`
	Last      journal.Seq `json:"last"`
	Epoch     uint64      `json:"epoch"`
	Start     start       `json:"start"`
}

func (r *helloReply) Check() error {
	switch {
	case r.Node == "" || r.Start == "":
		return errors.New("node or start is missing")
	case r.First > r.Last+1 || r.Last+1 == 0:
		return fmt.Errorf("a journal from number %d to %d", r.First, r.Last)
	case r.Start == startBegin && r.First > 1:
		return fmt.Errorf("begin with number 1 of a journal from number %d on", r.First)
	}
	return nil
}

// suits checks a leader's answer against what the replica has said of itself: it
// must not be told to give up what it has, and not to go on where it can't.
func (r *helloReply) suits(q *helloRequest) error {
	if err := sameMode(r.Cluster, q.Cluster); err != nil {
		return err
	}
	same := r.Lineage == q.Lineage
	switch {
	case r.Databases != q.Databases:
		return fault.With(fault.Operator, fmt.Errorf(
			"the leader has %d databases; this node has %d", r.Databases, q.Databases))
	case r.Start == startTail && (!same || q.Number > r.Last || q.Number+1 < r.First),
		r.Start == startBegin && !q.Empty,
		r.Start == startSnapshot && !q.Empty && (!same || q.Number > r.Last):
		return fault.With(fault.Operator, fmt.Errorf(
			"the leader, of lineage %016x from number %d to %d, says %s to a replica of lineage %016x at number %d",
			uint64(r.Lineage), r.First, r.Last, r.Start, uint64(q.Lineage), q.Number))
	}
	return nil
}

type fetchRequest struct {
	ID   wire.Name   `json:"id"`
	From journal.Seq `json:"from"`
	// Posts says that the replica takes messages that clients have published.
	Posts bool `json:"posts,omitempty"`
}

func (q *fetchRequest) Check() error {
	if q.ID == "" || q.From == 0 {
		return errors.New("id or from is missing")
	}
	return nil
}

// reportReply is the reply to a report.
type reportReply struct {
	Last journal.Seq `json:"last"`
}

func (p *reportReply) Check() error { return nil }

type metaRequest struct {
	ID wire.Name `json:"id"`
}

func (q *metaRequest) Check() error {
	if q.ID == "" {
		return errNameless
	}
	return nil
}

// metaReply describes a snapshot that the leader holds open for a replica.
type metaReply struct {
	Number journal.Seq `json:"number"`
	Epoch  uint64      `json:"epoch"`
	Digest wire.Hex    `json:"digest"`
	Bytes  int64       `json:"bytes"`
	Chunk  int64       `json:"chunk"` // bytes of each but the last
	Chunks int         `json:"chunks"`
}

func (r *metaReply) Check() error {
	switch {
	case r.Number == 0 || r.Number+1 == 0:
		return fmt.Errorf("a snapshot at number %d", r.Number)
	case r.Bytes < 1 || r.Chunk < minChunk || r.Chunk > maxChunk || int64(r.Chunks) != (r.Bytes-1)/r.Chunk+1:
		return fmt.Errorf("%d bytes in %d chunks of %d; want chunks of %d to %d bytes that add up",
			r.Bytes, r.Chunks, r.Chunk, minChunk, maxChunk)
	}
	return nil
}

// pos is the position of the state that the snapshot has.
func (r *metaReply) pos() journal.Pos {
	return journal.Pos{Seq: r.Number, Digest: journal.Digest(r.Digest)}
}

type chunkRequest struct {
	ID     wire.Name   `json:"id"`
	Number journal.Seq `json:"number"` // of the snapshot
	Chunk  int         `json:"chunk"`
}

func (q *chunkRequest) Check() error {
	if q.ID == "" || q.Chunk < 0 {
		return fmt.Errorf("chunk %d of replica %q", q.Chunk, string(q.ID))
	}
	return nil
}

// report is how far a replica has come.
type report struct {
	ID      wire.Name   `json:"id"`
	State   linkState   `json:"state"`
	Applied journal.Seq `json:"applied"`
	Synced  journal.Seq `json:"synced"`
	// Redis is its address for Redis clients, which may have changed since hello;
	// most reports leave it out.
	Redis wire.Address `json:"redis,omitempty"`
}

func (q *report) Check() error {
	switch {
	case q.ID == "" || q.State.LinkState == standing.LinkNone:
		return errors.New("id or state is missing")
	case q.Synced > q.Applied:
		return fmt.Errorf("number %d is synced, and %d is the last", q.Synced, q.Applied)
	}
	return nil
}

// offer is what a leader that hands over says to the replica that is to lead.
type offer struct {
	Token  wire.Name   `json:"token"`
	Number journal.Seq `json:"number"` // the last there is
}

func (o *offer) Check() error {
	if o.Token == "" {
		return errors.New("it has no token")
	}
	return nil
}

// leadRequest is the replica's answer: it has everything, and will lead once the
// leader has agreed. The leader follows it at the URL with the password.
type leadRequest struct {
	ID       wire.Name   `json:"id"`
	Token    wire.Name   `json:"token"`
	Number   journal.Seq `json:"number"`
	Digest   wire.Hex    `json:"digest"`
	URL      wire.Text   `json:"url"`
	Password wire.Text   `json:"password"`
}

func (q *leadRequest) Check() error {
	switch {
	case q.ID == "" || q.Token == "" || q.URL == "" || q.Password == "":
		return errors.New("id, token, url or password is missing")
	case len(q.URL) > wire.MaxURL || len(q.Password) > wire.MaxPass:
		return errors.New("url or password is too long")
	}
	return nil
}

// fetched is a message of a fetch.
type fetched struct {
	kind string
	last journal.Seq // the leader's
}

// readFetched takes the headers of a message of a fetch apart.
func readFetched(m *nats.Msg) (f fetched, err error) {
	switch f.kind = m.Header.Get(headerKind); f.kind {
	case kindFrames, kindBeat, kindEnd, kindOffer, kindPosts:
	default:
		return f, fault.With(fault.Retryable, fmt.Errorf("a message of kind %q", wire.Clip(f.kind, wire.MaxName)))
	}
	last, err := strconv.ParseUint(m.Header.Get(headerLast), 10, 64)
	if err != nil || last+1 == 0 {
		return f, fault.With(fault.Retryable, fmt.Errorf("a message with %q for the last number",
			wire.Clip(m.Header.Get(headerLast), wire.MaxName)))
	}
	f.last = journal.Seq(last)
	return f, nil
}
