package command

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/standing"
	"ledge/replay/watch"
	"ledge/respd/hub"
	"ledge/respd/resp"
	"ledge/respd/stats"
)

// Session is what the server knows of one client. It belongs to the goroutine
// that runs the client's command at the moment; what other clients may look at
// (CLIENT LIST) is either fixed, atomic or in Facts.
type Session struct {
	// Fixed for the life of the connection.
	ID          int64
	Addr, LAddr string
	Created     time.Time
	Host        Host
	Conn        Connection
	FD          int

	TLS bool // it came by TLS; fixed once it is served

	// Only the owner's.
	Proto   int
	Authed  bool
	DB      journal.DB
	Tx      Tx
	NoReply bool // CLIENT REPLY OFF
	Skip    int  // CLIENT REPLY SKIP: replies still to be left out
	// ReadsReplica is set by READONLY: in a cluster, reads may be answered by a replica.
	ReadsReplica bool
	// Quit closes the connection once the replies so far have been sent.
	Quit bool
	// InExec is set while EXEC runs the command. It can't wait then, and gives
	// one reply.
	InExec bool
	ctx    context.Context // see Context
	// Member is what the client subscribes to.
	hub.Member

	// For everybody.
	LastCmd   atomic.Pointer[Spec]
	LastUsed  atomic.Int64 // Unix milliseconds
	DBSeen    atomic.Int32 // DB, for CLIENT LIST
	ProtoSeen atomic.Int32
	Queued    atomic.Int32 // commands in MULTI, -1 outside
	Watching  atomic.Int32 // watched keys
	Blocked   atomic.Bool  // waits for a key
	facts     Facts
	mu        sync.Mutex // facts
}

// Facts are what a client says of itself.
type Facts struct {
	Name, LibName, LibVer, User string
	NoEvict, NoTouch            bool
}

// Facts returns what the client has said of itself.
func (s *Session) Facts() Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.facts
}

// SetFacts changes what the client has said of itself.
func (s *Session) SetFacts(change func(*Facts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.facts)
}

// Context is for what a command that is Slow waits for. It ends with the client,
// with a stop of the server, and when a command that Waits is to wait no longer.
// Where nothing may be waited for, as in EXEC, it has ended.
func (s *Session) Context() context.Context {
	if s.ctx == nil {
		return ended
	}
	return s.ctx
}

// SetContext says what the session's next command waits in.
func (s *Session) SetContext(ctx context.Context) { s.ctx = ctx }

// DropContext says that the session's next command can't wait.
func (s *Session) DropContext() { s.ctx = nil }

var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Select selects a database.
func (s *Session) Select(db journal.DB) {
	s.DB = db
	s.DBSeen.Store(int32(db))
}

// SetProto chooses the protocol for the replies from here on.
func (s *Session) SetProto(p int) {
	s.Proto = p
	s.ProtoSeen.Store(int32(p))
}

// Tx is a client's MULTI and WATCH state.
type Tx struct {
	// On is set from MULTI to EXEC or DISCARD.
	On bool
	// Broken is set when a command could not be queued: EXEC will refuse.
	Broken  bool
	Queue   []Queued
	Bytes   int // held by Queue
	Watches []*watch.Watch
	Watched int // what Watches take, in bytes
	watched map[watchedKey]struct{}
}

// watchedKey is a key that is watched.
type watchedKey struct {
	db  journal.DB
	key string
}

// Queued is a command that waits for EXEC, with arguments of its own.
type Queued struct {
	Spec *Spec
	Args Args
}

// Stats counts by the rows of the command table.
type Stats = stats.Stats[*Spec]

// ErrKeptFull refuses what a connection has no room for by HasRoom.
const ErrKeptFull resp.Error = "ERR all clients together have too many subscriptions and watched keys"

// Connection is what a command may do to a client's connection.
type Connection interface {
	// Kill closes the connection from any goroutine, without waiting.
	Kill()
	// Buffers returns the bytes of unparsed input and of unsent output.
	Buffers() (in, out int)
	// HasRoom reports whether the server may hold so many bytes more for what clients
	// subscribe to and watch. The session is the caller's.
	HasRoom(bytes int) bool
	// Traffic returns the bytes received and sent so far.
	Traffic() (in, out int64)
	// Unblock ends the wait of a blocked client, with an error or as if its
	// time were up. It reports whether the client was blocked.
	Unblock(withError bool) bool
	hub.Receiver
}

// Host is the server that a session is part of. It is wide because INFO and
// CONFIG are; everything else that a command needs is in the session.
type Host interface {
	// Table returns the command table.
	Table() *Table
	// State returns the state that views are made of.
	State() *replay.State
	// Clients calls fn with each connected client, in order of their ids.
	Clients(fn func(*Session))
	// Pause holds back commands of all clients until then: all commands, or
	// only writes. The zero time ends it.
	Pause(until time.Time, all bool)
	// Authenticate checks a user and password. ok is false when they don't
	// match; required is false when the server has no password at all.
	Authenticate(user, password string) (ok, required bool)
	// Denied is told that a client has failed to log in.
	Denied(*Session)
	// Panicked is told by whoever has recovered from a command's panic.
	Panicked(*Spec, any)
	// Stats returns the counters.
	Stats() *Stats
	// Slowlog returns the log of slow commands.
	Slowlog() *stats.Slowlog
	// Hub returns who subscribes to what.
	Hub() *hub.Hub
	// Config returns the parameters of CONFIG GET and SET.
	Config() *Params
	// Cluster returns who serves which hash slot; nil if the node is none of a cluster's.
	Cluster() *cluster.Map
	// Node returns what the node that the server is part of can do.
	Node() Node
}

// Mode is what Redis calls a server that is a cluster's, or none's.
func Mode(h Host) string {
	if h.Cluster() != nil {
		return "cluster"
	}
	return "standalone"
}

// Node is what a server needs of the node around it.
type Node interface {
	// Info returns INFO's fields that only the node knows, by section
	// ("Server", "Memory", "Persistence", "Journal", "Replication" …), in
	// order: those that wanted accepts, or all if it is nil. Of the others nothing
	// is collected. The server fills in what it knows itself.
	Info(wanted func(section string) bool) []InfoSection
	// Save takes a snapshot and waits for it.
	Save(ctx context.Context) error
	// SaveInBackground begins a snapshot. ErrSaving if one is being taken.
	SaveInBackground() error
	// Health returns whether the journal takes writes, and if not why and what
	// next: the fields of INFO that say so.
	Health() []InfoField
	// Resume tries to resume a suspended journal and waits for the outcome.
	// It returns what was tried and how that went.
	Resume(ctx context.Context) ([]InfoField, error)
	// Syncs reports whether the journal comes to be on the disk by itself, and
	// not only with the next snapshot.
	Syncs() bool
	// AwaitSync waits until the journal is on the disk up to a number, or ctx
	// ends, or nobody syncs any more. It reports whether it is.
	AwaitSync(ctx context.Context, seq journal.Seq) bool
	// LastSave returns when the last snapshot that worked was taken.
	LastSave() time.Time
	// Shutdown makes the node stop, as SIGTERM does. It does not wait.
	Shutdown()
	Replication
	Past
	ClusterOrders
	Controlled
}

// Controlled is what a node does at the word of a controller that says who owns which slots.
// Where the journals say that it has an error that says how to change it.
type Controlled interface {
	// Documented returns the version of the newest document, -1 before the first.
	Documented() (int64, error)
	// Given returns what the controller calls the node, by itself or by the node's address in
	// a document; "" before it has said so.
	Given() (string, error)
	// SetGiven has the controller call the node so.
	SetGiven(ctx context.Context, id string) error
	// SetDocument takes a document in place of the one before. It waits for no other node.
	SetDocument(ctx context.Context, text string, version int64, force bool) error
	// AssignSlots gives slots to a node of the newest document.
	AssignSlots(ctx context.Context, slots, node string, version int64) error
	// Migrate begins a move of slots to the shard of another node. It waits for the end no
	// longer than it is told, and reports whether that has come.
	Migrate(ctx context.Context, slots, node string, wait time.Duration) (ended bool, err error)
	// Migration returns the last move out of the node's shard.
	Migration() (m Migration, ok bool)
}

// Migration is a move of slots as Kvrocks tells of it.
type Migration struct {
	Slots string
	Node  string // to which the slots go
	State string // start, success, fail
}

// ClusterOrders is what a node of a cluster does at the word of Redis's tools for clusters.
type ClusterOrders interface {
	// MoveSlot moves a slot of the node's shard to the shard of another node, and waits
	// until it has moved.
	MoveSlot(ctx context.Context, slot uint16, node string) error
	// Meet makes the node's shard one of the cluster of the node whose NATS clients come
	// there.
	Meet(ctx context.Context, host string, port int) error
	// Forget has a node that is gone for good be none of the cluster's any more.
	Forget(ctx context.Context, node string) error
	// AddSlots founds a cluster if slot 0 is among the slots of a node that is in none, and
	// else keeps in mind that the node is to have them: Meet moves them to it.
	AddSlots(ctx context.Context, ranges []journal.SlotRange) error
	// Replicate makes the node a replica of a node that leads a shard of the cluster.
	Replicate(ctx context.Context, node string) error
	// Reset has the node's shard, which owns nothing, leave its cluster.
	Reset(ctx context.Context) error
	SlotMoves
}

// Past is what a node can say of what was there before.
type Past interface {
	// Recall calls read once with a view of database db as it was at a number of the
	// journal or at a time, which at says. It has nothing but the one key. It takes
	// as long as reading a snapshot and the journal, and ends with ctx.
	Recall(ctx context.Context, at string, db journal.DB, key string, read func(*replay.View)) error
	// History returns how far back that goes.
	History(ctx context.Context) ([]InfoField, error)
}

// Replication is what a node knows of its leader and of its replicas.
type Replication interface {
	// Link returns how the node stands with its leader. The state is LinkNone
	// if it leads.
	Link() standing.Link
	// Replicas returns those that follow the node.
	Replicas() []standing.Replica
	// Follow makes the node follow the leader whose NATS listener has this
	// address, host:port. It returns when the node has begun to, which is at
	// once: Link tells how that goes.
	Follow(ctx context.Context, addr string) error
	// Promote makes the node lead.
	Promote(ctx context.Context) error
	// Await waits until so many replicas have come to a number, applied or
	// synced too, or ctx ends. It returns how many have.
	Await(ctx context.Context, seq journal.Seq, want int, synced bool) int
}

// ErrLoading is Redis's text for a node that has not got all of its data yet.
const ErrLoading resp.Error = "LOADING Redis is loading the dataset in memory"

// ErrSaving refuses a second snapshot beside the first.
const ErrSaving resp.Error = "ERR Background save already in progress"

// InfoSection is a section of INFO.
type InfoSection struct {
	Name   string
	Fields []InfoField
}

// InfoField is a line of INFO.
type InfoField struct{ Name, Value string }

// NodeInfo returns what the node adds to INFO, of the sections that are wanted. A
// server without a node, as tests have it, adds nothing.
func NodeInfo(h Host, wanted func(section string) bool) []InfoSection {
	if n := h.Node(); n != nil {
		return n.Info(wanted)
	}
	return nil
}

// Role is the server's role as clients know it: "master" or "slave".
func Role(h Host) string {
	if n := h.Node(); n != nil && n.Link().State != standing.LinkNone {
		return "slave"
	}
	return "master"
}

// Watch begins to watch a key of the view's database, which is the session's. One that
// is watched already is not watched twice. bytes is about what it takes besides its name.
func (s *Session) Watch(v *replay.View, key []byte, bytes int) {
	if _, ok := s.Tx.watched[watchedKey{s.DB, string(key)}]; ok {
		return
	}
	if s.Tx.watched == nil {
		s.Tx.watched = make(map[watchedKey]struct{})
	}
	w := v.Watch(key)
	_, name := w.Key()
	s.Tx.watched[watchedKey{s.DB, name}] = struct{}{}
	s.Tx.Watches = append(s.Tx.Watches, w)
	s.Tx.Watched += len(key) + bytes
}

// Unwatch ends the watches of all keys.
func (s *Session) Unwatch() {
	watch.End(s.Tx.Watches...)
	s.Tx.Watches, s.Tx.Watched, s.Tx.watched = nil, 0, nil
	s.Watching.Store(0)
}

// EndTx leaves MULTI, drops what was queued and ends the watches.
func (s *Session) EndTx() {
	s.Unwatch()
	s.Tx = Tx{}
	s.Queued.Store(-1)
}
