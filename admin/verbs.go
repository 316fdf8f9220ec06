package admin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"ledge/journal/fault"
)

// ServiceName is what the nodes answer to in discovery: $SRV.PING.ledge.
const ServiceName = "ledge"

// ClassHeader is the header of an error's class, beside those of micro.
const ClassHeader = "Ledge-Error-Class"

// Codes of errors.
const (
	CodeBadRequest = 400
	CodeNotLetIn   = 401 // the client's own: wrong user or password
	CodeDenied     = 403 // the client's own: the broker doesn't let this user ask
	CodeNotFound   = 404
	CodeRefused    = 409
	CodeFault      = 500 // class operator or fatal
	CodeRetryable  = 503
	CodeTimeout    = 504
)

// ErrNotFound is wrapped by a Backend's error about something that isn't
// there, such as an unknown parameter.
var ErrNotFound = errors.New("not found")

// Bounds of requests.
const (
	defaultTimeout     = 30 * time.Second
	defaultLongTimeout = 10 * time.Minute
	maxRequest         = 64 << 10
)

// SnapshotList is the reply to snapshots.
type SnapshotList struct {
	Snapshots []Snapshot `json:"snapshots"`
}

// Parameters is the reply to config.get.
type Parameters struct {
	Parameters map[string]string `json:"parameters"`
	// Origins says where each value is from, if it was asked for.
	Origins map[string]string `json:"origins,omitempty"`
}

// ClientList is the reply to clients.
type ClientList struct {
	Clients []Client `json:"clients"`
}

// SlowList is the reply to slowlog.
type SlowList struct {
	Entries []Slow `json:"entries"`
}

// EventList is the reply to events.
type EventList struct {
	Events []Event `json:"events"`
}

// MaxEventList is how many events one reply has at most.
const MaxEventList = 10000

// Done is the reply of verbs that have nothing to say.
type Done struct{}

// The requests that have fields.
type (
	configGetRequest struct {
		Pattern string `json:"pattern,omitempty"`
		Origin  bool   `json:"origin,omitempty"`
	}
	configSetRequest struct {
		Values map[string]string `json:"values"`
	}
	configResetRequest struct {
		Name string `json:"name"`
	}
	followRequest struct {
		Leader string `json:"leader"`
	}
	switchoverRequest struct {
		To string `json:"to"`
	}
	passwdRequest struct {
		User     string   `json:"user"`
		Password string   `json:"password,omitempty"`
		Grace    *float64 `json:"grace_seconds,omitempty"`
	}
	slowlogRequest struct {
		Count int `json:"count,omitempty"`
	}
	eventsRequest struct {
		Since time.Time `json:"since,omitzero"`
		Count int       `json:"count,omitempty"`
	}
)

// verb is something that a node can be asked.
type verb struct {
	name string // the rest of its subject
	what string // for the endpoint's metadata
	long bool   // it may take as long as there is data
	acts bool   // it changes something or costs much, so it is logged
	soon bool   // it is answered while the node has not got all of its data yet
	ask  asker
}

// asker reads a request and asks the backend. Its reply may be good even if
// there is an error.
type asker func(ctx context.Context, b Backend, request []byte) (reply any, err error)

// verbs is all that a node can be asked, in the order of INFO.
var verbs = []verb{
	{name: "status", what: "what the node is and how it is", soon: true, ask: plain(Backend.Status)},
	{name: "health", what: "whether the journal takes writes, and if not, why",
		soon: true, ask: plain(Backend.Health)},
	{name: "resume", what: "try to take writes again; the reply says what was tried",
		acts: true, ask: plain(resume)},
	{name: "snapshot", what: "take a snapshot", long: true, acts: true, ask: plain(Backend.Snapshot)},
	{name: "snapshots", what: "list the snapshots", soon: true, ask: plain(snapshots)},
	{name: "compact", what: "take a snapshot and truncate the journal up to it",
		long: true, acts: true, ask: plain(Backend.Compact)},
	{name: "verify", what: "read all of the journal and of the snapshots", long: true, acts: true,
		ask: plain(Backend.Verify)},
	{name: "backup.begin", what: `hold what a backup needs: {"lineage":"…","number":1,"digest":"…","epoch":1} of what is to be added to`,
		long: true, acts: true, ask: parsed(backupBegin)},
	{name: "backup.read", what: `bytes of the snapshot, or frames: {"id":"…","offset":0} or {"id":"…","from":1}`,
		ask: parsed(backupRead)},
	{name: "backup.end", what: `let go what a backup needed: {"id":"…"}`, acts: true, ask: parsed(backupEnd)},
	{name: "config.get", what: `parameters by glob: {"pattern":"*","origin":true}`, soon: true, ask: parsed(configGet)},
	{name: "config.set", what: `change parameters, all or none: {"values":{"name":"value"}}`,
		acts: true, soon: true, ask: parsed(configSet)},
	{name: "config.reset", what: `give up what was set at run time: {"name":"maxclients"}`, acts: true, soon: true, ask: parsed(configReset)},
	{name: "config.rewrite", what: "write what was set at run time into the configuration file", acts: true, ask: plain(Backend.ConfigRewrite)},
	{name: "clients", what: "list the Redis clients", soon: true, ask: plain(clients)},
	{name: "slowlog", what: `slow commands, newest first: {"count":10}`, soon: true, ask: parsed(slowlog)},
	{name: "events", what: `what has happened, oldest first: {"since":"2026-03-04T05:06:07Z"}`, soon: true, ask: parsed(pastEvents)},
	{name: "journal.tail", what: `entries of the journal, and the number to go on with: {"from":1,"key":"*","wait_seconds":20}`,
		ask: parsed(journalTail)},
	{name: "follow", what: `follow another node: {"leader":"nats://host:port"}`, acts: true, ask: parsed(follow)},
	{name: "promote", what: "stop following, and lead", acts: true, ask: plain(Backend.Promote)},
	{name: "switchover", what: `have a replica lead and follow it: {"to":"node"}`, acts: true, ask: parsed(switchover)},
	{name: "cluster.status", what: "who serves which hash slot, as far as the node has heard", soon: true, ask: plain(Backend.ClusterStatus)},
	{name: "cluster.found", what: "make the node's shard the owner of all hash slots, in a new cluster",
		acts: true, ask: plain(Backend.ClusterFound)},
	{name: "cluster.join", what: `make the node's shard one of another node's cluster: {"url":"nats://host:port"}`, acts: true, ask: parsed(join)},
	{name: "cluster.leave", what: "end that the node's shard, which owns no slots, is one of a cluster", acts: true, ask: plain(Backend.ClusterLeave)},
	{name: "cluster.forget", what: `have a node that is gone for good be none of the cluster's: {"id":"…"}`, acts: true, ask: parsed(forget)},
	{name: "cluster.move", what: `begin a move of slots that one shard owns to another shard: {"slots":"0-99,120","to":"host:port"}`, acts: true, ask: parsed(move)},
	{name: "cluster.moves", what: `list the moves of slots that the node's shard has a part in, or those of all shards: {"all":true}`, ask: parsed(moves)},
	{name: "cluster.cancel", what: `end a move whose slots are not given yet: {"id":"…"}`, acts: true, ask: parsed(cancel)},
	{name: "cluster.seize", what: `take slots of a shard that is gone for good, without what they held: {"slots":"0-99","from":"…","accept_loss":true}`, acts: true, ask: parsed(seize)},
	{name: "cluster.yield", what: `give up slots that another shard has seized, and clear them: {"slots":"0-99"}`, acts: true, ask: parsed(yield)},
	{name: "passwd", what: `give a user another password: {"user":"admin","grace_seconds":3600}`,
		acts: true, soon: true, ask: parsed(passwd)},
	{name: "stop", what: "stop the node, as SIGTERM does", acts: true, soon: true, ask: plain(stop)},
}

// endpoint is the verb's name in micro, which takes no dots.
func (v *verb) endpoint() string { return strings.ReplaceAll(v.name, ".", "-") }

// verbNamed returns a verb that is known to be there.
func verbNamed(name string) *verb {
	for i := range verbs {
		if verbs[i].name == name {
			return &verbs[i]
		}
	}
	panic("no verb " + name)
}

// subject returns where a node is asked.
func subject(node, verb string) string { return ServiceName + "." + node + "." + verb }

// eventSubject returns where events of a kind are published.
func eventSubject(node, kind string) string { return ServiceName + "." + node + ".event." + kind }

// A node's name is one token of a subject.
var nodeName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func checkNode(node string) error {
	if !nodeName.MatchString(node) {
		return fmt.Errorf("node name %q: letters, digits, - and _ only, and at most 64 of them", node)
	}
	return nil
}

// Whoever asks takes the context second: they stand beside method expressions
// of Backend, which do.

func plain[R any](ask func(Backend, context.Context) (R, error)) asker {
	return parsed(func(b Backend, ctx context.Context, _ struct{}) (R, error) { return ask(b, ctx) })
}

func parsed[A, R any](ask func(Backend, context.Context, A) (R, error)) asker {
	return func(ctx context.Context, b Backend, request []byte) (any, error) {
		var args A
		if err := parse(request, &args); err != nil {
			return nil, err
		}
		return ask(b, ctx, args)
	}
}

// badRequest is an error of whoever wrote the request.
type badRequest struct{ error }

func bad(format string, args ...any) error { return badRequest{fmt.Errorf(format, args...)} }

// parse reads a request. An empty one has no fields; one with a field that is
// not known is refused, since whoever sent it means something by it.
func parse(request []byte, args any) error {
	if len(request) > maxRequest {
		return bad("the request has %d bytes; the most is %d", len(request), maxRequest)
	}
	if len(bytes.TrimSpace(request)) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(request))
	dec.DisallowUnknownFields()
	if err := dec.Decode(args); err != nil {
		return bad("request: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); err != io.EOF {
		return bad("request: something follows the object")
	}
	return nil
}

// resume makes sure that a program sees a list of steps, be it empty.
func resume(b Backend, ctx context.Context) (Resumed, error) {
	r, err := b.Resume(ctx)
	r.Steps = list(r.Steps)
	return r, err
}

func snapshots(b Backend, ctx context.Context) (SnapshotList, error) {
	l, err := b.Snapshots(ctx)
	return SnapshotList{list(l)}, err
}

func clients(b Backend, ctx context.Context) (ClientList, error) {
	l, err := b.Clients(ctx)
	return ClientList{list(l)}, err
}

func configGet(b Backend, ctx context.Context, r configGetRequest) (Parameters, error) {
	if r.Pattern == "" {
		r.Pattern = "*"
	}
	m, err := b.ConfigGet(ctx, r.Pattern)
	if m == nil {
		m = map[string]string{}
	}
	p := Parameters{Parameters: m}
	if err == nil && r.Origin {
		p.Origins, err = b.ConfigOrigins(ctx, r.Pattern)
	}
	for name := range p.Origins {
		if _, ok := m[name]; !ok { // a secret
			delete(p.Origins, name)
		}
	}
	return p, err
}

func configReset(b Backend, ctx context.Context, r configResetRequest) (Done, error) {
	if r.Name == "" {
		return Done{}, bad(`request: no name; want {"name":"parameter"}`)
	}
	return Done{}, b.ConfigReset(ctx, r.Name)
}

func configSet(b Backend, ctx context.Context, r configSetRequest) (Done, error) {
	if len(r.Values) == 0 {
		return Done{}, bad(`request: no values; want {"values":{"name":"value"}}`)
	}
	return Done{}, b.ConfigSet(ctx, r.Values)
}

func slowlog(b Backend, ctx context.Context, r slowlogRequest) (SlowList, error) {
	if r.Count < 0 {
		return SlowList{}, bad("request: count %d is below 0", r.Count)
	}
	l, err := b.Slowlog(ctx, r.Count)
	return SlowList{list(l)}, err
}

func pastEvents(b Backend, ctx context.Context, r eventsRequest) (EventList, error) {
	if r.Count < 0 || r.Count > MaxEventList {
		return EventList{}, bad("request: count %d is not between 0 and %d", r.Count, MaxEventList)
	}
	l, err := b.Events(ctx, r.Since, cmp.Or(r.Count, MaxEventList))
	return EventList{list(l)}, err
}

func follow(b Backend, ctx context.Context, r followRequest) (Link, error) {
	if r.Leader == "" {
		return Link{}, bad(`request: no leader; want {"leader":"nats://host:port"}`)
	}
	return b.Follow(ctx, r.Leader)
}

func switchover(b Backend, ctx context.Context, r switchoverRequest) (Switched, error) {
	if r.To == "" {
		return Switched{}, bad(`request: no node; want {"to":"node"}`)
	}
	return b.Switchover(ctx, r.To)
}

func passwd(b Backend, ctx context.Context, r passwdRequest) (PasswordChanged, error) {
	if r.User == "" {
		return PasswordChanged{}, bad(`request: no user; want {"user":"admin"}`)
	}
	grace := DefaultGrace
	if r.Grace != nil {
		if *r.Grace < 0 || *r.Grace > MaxGrace.Seconds() {
			return PasswordChanged{}, bad("request: grace_seconds %g is not between 0 and %g", *r.Grace, MaxGrace.Seconds())
		}
		grace = time.Duration(*r.Grace * float64(time.Second))
	}
	return b.Passwd(ctx, r.User, r.Password, grace)
}

func stop(b Backend, ctx context.Context) (Done, error) { return Done{}, b.Stop(ctx) }

// list returns l, which is [] and not null if it is empty.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// codeOf returns an error's code and its class, which is 0 if it isn't known
// what has happened. ctx is that of the request.
func codeOf(ctx context.Context, err error) (int, fault.Class) {
	var br badRequest
	switch {
	case errors.As(err, &br):
		return CodeBadRequest, fault.Refused
	case ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		return CodeTimeout, 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return CodeRetryable, 0
	case errors.Is(err, ErrNotFound):
		return CodeNotFound, fault.Refused
	}
	switch class := fault.Of(err); class {
	case fault.Refused:
		return CodeRefused, class
	case fault.Retryable:
		return CodeRetryable, class
	default:
		return CodeFault, class
	}
}
