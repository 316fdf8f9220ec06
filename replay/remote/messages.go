package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/standing"
)

// What a leader and a replica say to each other, as types. Each message is checked
// as a whole when it has been read.

// message is what a JSON message is decoded into.
type message interface {
	// check reports what is missing, or does not add up.
	check() error
}

// decode reads a JSON message that should be of a kind.
func decode(m *nats.Msg, into message) error { return decodeUpTo(m, into, maxJSON) }

// decodeUpTo is decode of a message that may have so many bytes.
func decodeUpTo(m *nats.Msg, into message, most int) error {
	err := fmt.Errorf("%d bytes; want at most %d", len(m.Data), most)
	if len(m.Data) <= most {
		if err = json.Unmarshal(m.Data, into); err == nil {
			err = into.check()
		}
	}
	if err != nil {
		return fault.With(fault.Refused, fmt.Errorf("%T: not what it should be: %s", into, clip(err.Error(), maxText)))
	}
	return nil
}

var errNameless = errors.New("it says no id")

// helloRequest is who a replica is and how far it has come.
type helloRequest struct {
	Version   int     `json:"version"`
	ID        name    `json:"id"` // of the replica's run
	Node      name    `json:"node"`
	Redis     address `json:"redis"`          // its address for Redis clients
	NATS      text    `json:"nats,omitempty"` // the URL at which it is asked; none is that nobody can, or an older version
	Databases int     `json:"databases"`
	Cluster   bool    `json:"cluster,omitempty"` // it was started as one of a cluster
	// Empty says that there is nothing in the replica to be lost.
	Empty   bool        `json:"empty"`
	Lineage hex         `json:"lineage"`
	Number  journal.Seq `json:"number"`
	Digest  hex         `json:"digest"`
	Epoch   uint64      `json:"epoch"`
}

func (q *helloRequest) check() error {
	if q.ID == "" || q.Node == "" || q.Redis == "" {
		return errors.New("id, node or redis is missing")
	}
	if q.NATS == "" {
		return nil
	}
	return checkURL(string(q.NATS))
}

// helloReply is who the leader is and what it has.
type helloReply struct {
	ID        name        `json:"id,omitempty"` // of the leader's run; one of an older version has none
	Node      name        `json:"node"`
	Lineage   hex         `json:"lineage"`
	Databases int         `json:"databases"`
	Cluster   bool        `json:"cluster,omitempty"`
	First     journal.Seq `json:"first"`
	Last      journal.Seq `json:"last"`
	Epoch     uint64      `json:"epoch"`
	Start     start       `json:"start"`
}

func (r *helloReply) check() error {
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
	ID   name        `json:"id"`
	From journal.Seq `json:"from"`
}

func (q *fetchRequest) check() error {
	if q.ID == "" || q.From == 0 {
		return errors.New("id or from is missing")
	}
	return nil
}

// reportReply is the reply to a report.
type reportReply struct {
	Last journal.Seq `json:"last"`
}

func (p *reportReply) check() error { return nil }

type metaRequest struct {
	ID name `json:"id"`
}

func (q *metaRequest) check() error {
	if q.ID == "" {
		return errNameless
	}
	return nil
}

// metaReply describes a snapshot that the leader holds open for a replica.
type metaReply struct {
	Number journal.Seq `json:"number"`
	Epoch  uint64      `json:"epoch"`
	Digest hex         `json:"digest"`
	Bytes  int64       `json:"bytes"`
	Chunk  int64       `json:"chunk"` // bytes of each but the last
	Chunks int         `json:"chunks"`
}

func (r *metaReply) check() error {
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
	ID     name        `json:"id"`
	Number journal.Seq `json:"number"` // of the snapshot
	Chunk  int         `json:"chunk"`
}

func (q *chunkRequest) check() error {
	if q.ID == "" || q.Chunk < 0 {
		return fmt.Errorf("chunk %d of replica %q", q.Chunk, string(q.ID))
	}
	return nil
}

// report is how far a replica has come.
type report struct {
	ID      name        `json:"id"`
	State   linkState   `json:"state"`
	Applied journal.Seq `json:"applied"`
	Synced  journal.Seq `json:"synced"`
	// Redis is its address for Redis clients, which may have changed since hello;
	// most reports leave it out.
	Redis address `json:"redis,omitempty"`
}

func (q *report) check() error {
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
	Token  name        `json:"token"`
	Number journal.Seq `json:"number"` // the last there is
}

func (o *offer) check() error {
	if o.Token == "" {
		return errors.New("it has no token")
	}
	return nil
}

// leadRequest is the replica's answer: it has everything, and will lead once the
// leader has agreed. The leader follows it at the URL with the password.
type leadRequest struct {
	ID       name        `json:"id"`
	Token    name        `json:"token"`
	Number   journal.Seq `json:"number"`
	Digest   hex         `json:"digest"`
	URL      text        `json:"url"`
	Password text        `json:"password"`
}

func (q *leadRequest) check() error {
	switch {
	case q.ID == "" || q.Token == "" || q.URL == "" || q.Password == "":
		return errors.New("id, token, url or password is missing")
	case len(q.URL) > maxURL || len(q.Password) > maxPass:
		return errors.New("url or password is too long")
	}
	return nil
}

// checkURL checks a URL at which a node is asked. It has no user in it: whoever asks has
// its own.
func checkURL(at string) error {
	u, err := url.Parse(at)
	switch {
	case len(at) > maxURL:
		return errors.New("nats is too long")
	case err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" || u.User != nil:
		return errors.New("nats is not nats://HOST:PORT or tls://HOST:PORT")
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
	case kindFrames, kindBeat, kindEnd, kindOffer:
	default:
		return f, fault.With(fault.Retryable, fmt.Errorf("a message of kind %q", clip(f.kind, maxName)))
	}
	last, err := strconv.ParseUint(m.Header.Get(headerLast), 10, 64)
	if err != nil || last+1 == 0 {
		return f, fault.With(fault.Retryable, fmt.Errorf("a message with %q for the last number",
			clip(m.Header.Get(headerLast), maxName)))
	}
	f.last = journal.Seq(last)
	return f, nil
}
