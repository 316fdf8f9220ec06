package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/standing"
)

// What comes from the other side is made into the types of this file before
// anything else looks at it. Whoever has the password of the user replica can
// send anything to a leader, and whoever answers at a leader's address can send
// anything to a replica: a text is not what it should be until it has been looked
// at.

// Bounds of what the other side may send.
const (
	maxJSON  = 4 << 10 // a message that is JSON
	maxName  = 64      // of a node, an id, a token
	maxHost  = 253
	maxURL   = 512
	maxPass  = 256
	maxText  = 512 // of an error
	minChunk = 4 << 10
	maxChunk = 4 << 20
)

// name is what a node calls itself, or an id or token that one has drawn: it
// stands in subjects, in INFO and in logs.
type name string

func (n *name) UnmarshalText(b []byte) error {
	if len(b) < 1 || len(b) > maxName {
		return fmt.Errorf("a name of %d characters; want 1 to %d", len(b), maxName)
	}
	for _, c := range b {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return fmt.Errorf("the name %q has other characters than letters, digits, - and _", b)
		}
	}
	*n = name(b)
	return nil
}

// hex is a lineage or a digest: 16 digits, as both are written everywhere.
type hex uint64

func (h hex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(h)), nil }

func (h *hex) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil || len(b) != 16 || strings.ToLower(string(b)) != string(b) {
		return fmt.Errorf("%q is not 16 digits of a hexadecimal number", clip(string(b), maxName))
	}
	*h = hex(v)
	return nil
}

// address is where Redis clients reach a node: host and port.
type address string

func (a *address) UnmarshalText(b []byte) error {
	if err := CheckAddress(string(b)); err != nil {
		return err
	}
	*a = address(b)
	return nil
}

// CheckAddress reports what keeps a text from being the address that a replica
// says it is at: HOST:PORT, where HOST is an IP address or a name.
func CheckAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("address %q: want HOST:PORT", clip(s, maxHost))
	}
	if err := CheckHost(host); err != nil {
		return err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %q is not between 1 and 65535", clip(port, maxName))
	}
	return nil
}

// CheckHost reports what keeps a text from being an IP address or a host's name.
func CheckHost(s string) error {
	if len(s) < 1 || len(s) > maxHost {
		return fmt.Errorf("a host of %d characters; want 1 to %d", len(s), maxHost)
	}
	for _, c := range []byte(s) {
		if c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			// Only an IP address may have others: those of IPv6, and a zone.
			if _, err := netip.ParseAddr(s); err != nil || strings.ContainsFunc(s, odd) {
				return fmt.Errorf("%q is neither an IP address nor a host's name", clip(s, maxHost))
			}
			break
		}
	}
	return nil
}

// odd reports what may not stand in INFO's fields or a log's line, which a zone of
// an IPv6 address could.
func odd(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' ' || r == ',' || r == '='
}

// start is where a replica's journal is to go on.
type start string

const (
	startTail     start = "tail"     // after its position
	startBegin    start = "begin"    // with number 1, in a new journal
	startSnapshot start = "snapshot" // after a snapshot, in a new journal
)

func (s *start) UnmarshalText(b []byte) error {
	switch v := start(b); v {
	case startTail, startBegin, startSnapshot:
		*s = v
		return nil
	}
	return fmt.Errorf("start %q is none of tail, begin, snapshot", clip(string(b), maxName))
}

// linkState is a state of a link by its name.
type linkState struct{ standing.LinkState }

func (s linkState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *linkState) UnmarshalText(b []byte) error {
	for v := standing.LinkConnecting; v <= standing.LinkFailed; v++ {
		if v.String() == string(b) {
			s.LinkState = v
			return nil
		}
	}
	return fmt.Errorf("state %q is none of a link's", clip(string(b), maxName))
}

// clip makes a text of the other side's fit to be shown.
func clip(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " …"
	}
	return s
}

// message is what a JSON message is decoded into.
type message interface {
	// check reports what is missing, or does not add up.
	check() error
}

// decode reads a JSON message that should be of a kind.
func decode(m *nats.Msg, into message) error {
	err := fmt.Errorf("%d bytes; want at most %d", len(m.Data), maxJSON)
	if len(m.Data) <= maxJSON {
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
	Redis     address `json:"redis"` // its address for Redis clients
	Databases int     `json:"databases"`
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
	return nil
}

// helloReply is who the leader is and what it has.
type helloReply struct {
	ID        name        `json:"id,omitempty"` // of the leader's run; one of an older version has none
	Node      name        `json:"node"`
	Lineage   hex         `json:"lineage"`
	Databases int         `json:"databases"`
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

// progress stands in the reply to a report.
type progress struct {
	Last journal.Seq `json:"last"`
}

func (p *progress) check() error { return nil }

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

// text is one line that can be printed, without spaces: it comes to stand in a
// file.
type text string

func (t *text) UnmarshalText(b []byte) error {
	if strings.ContainsFunc(string(b), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return errors.New("a text with spaces or characters that can't be printed")
	}
	*t = text(b)
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
