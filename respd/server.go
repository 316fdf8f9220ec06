// Package respd serves Redis clients: it listens, and moves bytes between sockets and
// connections (package client), which run the commands. On Linux one event loop does
// that for all of them (loop_linux.go, which begins with how it works); elsewhere
// each connection has a goroutine (threads.go). The server puts the command table
// together out of its families, and is what commands see of all clients.
package respd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/rare"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/writer"
	"ledge/respd/client"
	"ledge/respd/command"
	"ledge/respd/command/scripts"
	"ledge/respd/hub"
	"ledge/respd/stats"
)

// Config is what a Server needs. Zero fields mean the stated defaults.
type Config struct {
	// Listen is the TCP address for clients; empty is none, if there is TLSListen.
	Listen string
	// TLSListen is the one for clients with TLS; empty is none. TLS is how they
	// are taken.
	TLSListen string
	TLS       *tls.Config
	// Handshake is how long a client with TLS may take to come in; 0 is 10 s.
	Handshake time.Duration
	// Password is what AUTH asks for; empty is none.
	Password string
	// MaxClients bounds the connections; 0 is 10000.
	MaxClients int
	// MaxInput bounds what one connection may have unparsed, one argument
	// included; 0 is 64 MiB.
	MaxInput int
	// Limits are what a client may have at first: SetLimits changes that. Of them
	// MaxOutput 0 is 256 MiB.
	Limits
	// KeepAlive is how long a connection is silent before the kernel asks whether the
	// client is there, at first; 0 is never.
	KeepAlive time.Duration
	// MaxQueued bounds the commands of one MULTI, with what keeping them takes; 0
	// is 256 MiB, of which a million short ones take half.
	MaxQueued int
	// Stall is how long a client may take nothing of its replies while more of its
	// commands wait than are answered for one that doesn't read; 0 is 60 s.
	Stall time.Duration
	// MaxBuffers bounds what all clients together have unparsed, the replies and
	// messages that they have not read, and the commands that wait for EXEC; 0 is
	// 1 GiB. Bound is what the process may take, in bytes, of which that is a quarter
	// at most; 0 is any. SetBound changes it.
	MaxBuffers int
	Bound      int64
	// Group is what fits the control group of the process, in bytes. The kernel counts
	// what lies in sockets there; 0 is that the group has no bound. SetGroup changes it.
	Group int64
	// Hub knows who subscribes to what; nil is one of the server's own. The
	// writer's keyspace events come through it.
	Hub    *hub.Hub
	State  *replay.State
	Writer *writer.Writer
	// Table is the command table; nil is all commands of this program.
	Table *command.Table
	Node  command.Node
	// Params are parameters of CONFIG that the node has besides the server's.
	Params []command.Param
	// CheckParam checks a value for a parameter of CONFIG that the server has, by the
	// rule that the node has for it, and returns it as it is written plainly; nil has
	// no rules.
	CheckParam func(name, value string) (plain string, err error)
	// OwnerOf returns what the value of such a parameter belongs to (command.Param);
	// nil is the parameter itself.
	OwnerOf func(name string) string
	// Replica says what a node refuses because of how it stands with its leader
	// or its replicas; nil is nothing.
	Replica *Gate
	// Cluster returns who serves which hash slot. It is asked for each command and must
	// not wait; nil is for a node that is none of a cluster's.
	Cluster func() *cluster.Map
	// OutOfMemory reports whether commands that need memory are refused; nil
	// never does.
	OutOfMemory func() bool
	// Named reports whether entries of the journal say who wrote them; nil never
	// does.
	Named func() bool
	// Growing is called when a script has begun to allocate much. It may let it
	// have so many bytes; done is called when it has ended. nil means that nobody
	// minds.
	Growing func(bytes int64) (done func())
	// Beside is called when a read beside the event loop takes long, and gives it all
	// processors until done is called; nil is that it has them anyway.
	Beside func() (done func())
	// TurnedAway is told when a client finds no room; nil doesn't want to know.
	TurnedAway func()
	// Ungathered has the event loop propose writers as they come, and not wait until
	// enough are at hand for a group.
	Ungathered bool
	// Drain bounds how long Run waits for clients' last replies, and what a client
	// with TLS may take for them at any time; 0 is 5 s.
	Drain time.Duration
	// Clock returns the time; nil is time.Now.
	Clock  func() time.Time
	Logger *slog.Logger
}

// Gate, Limits and PushLimit are parts of a Config.
type (
	Gate      = client.Gate
	Limits    = client.Limits
	PushLimit = client.PushLimit
)

// Server is the RESP side of a node.
type Server struct {
	cfg     Config
	ln      net.Listener   // nil without Listen
	door    *door          // nil without TLSListen
	shared  *client.Shared // what all connections have in common
	params  *command.Params
	scripts *scripts.Engine
	secret  atomic.Pointer[string] // set by CONFIG SET requirepass
	// maxClients bounds the connections; CONFIG SET maxclients changes it.
	maxClients atomic.Int64
	keepAlive  atomic.Int64  // of connections that come from here on, in nanoseconds
	limited    chan struct{} // has a token when the limits were changed
	placesFor  atomic.Int64  // how many there is memory for
	group      atomic.Int64  // what fits the process's control group, in bytes
	loop       transport
	nextID     atomic.Int64
	log        *rare.Log // of what strangers can cause

	mu       sync.Mutex
	conns    map[int64]*conn // mu
	arriving int             // mu; have a place and are no clients yet
}

// socket is a connection that has a descriptor.
type socket interface {
	net.Conn
	syscall.Conn
}

// conn is a client's connection, with what its transport keeps for it. It is the
// client.Wire of itself.
type conn struct {
	client.Conn
	srv    *Server
	link   link
	tunnel *tunnel // to a client with TLS; nil without
}

var _ client.Wire = (*conn)(nil)

// newConn begins the session of a client at the other end of nc.
func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s}
	c.Open(s.shared, c, s.nextID.Add(1), nc.RemoteAddr().String(), nc.LocalAddr().String(), s.password() == "")
	return c
}

// transport moves bytes for connections. add hands it a socket,
// which it has the server remember once it is able to serve and kill it; run
// serves until ctx ends and every connection has been answered and closed, or
// until grace is over.
type transport interface {
	add(c *conn, nc socket) error
	nudge() // writers that wait for a group are to be turned away
	// turn has done called soon by whoever serves all clients, if it still does.
	turn(done func())
	run(ctx context.Context, grace time.Duration) error
	close() error
}

// Open begins to listen. Clients are served by Run.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	setDefaults(&cfg)
	s := &Server{cfg: cfg, conns: make(map[int64]*conn), limited: make(chan struct{}, 1)}
	s.SetKeepAlive(cfg.KeepAlive)
	s.SetGroup(cfg.Group)
	s.log = rare.New(cfg.Logger)
	if err := s.listen(ctx); err != nil {
		return nil, errors.Join(err, s.unlisten())
	}
	s.share()
	s.maxClients.Store(int64(cfg.MaxClients))
	s.params = command.NewParams(slices.Concat(s.checkedParams(), s.scripts.Params(), cfg.Params)...)
	var err error
	if s.loop, err = newTransport(s); err != nil {
		return nil, errors.Join(fault.As(fault.Operator, "open event loop", err), s.unlisten())
	}
	cfg.Writer.Health().OnDoubt(s.loop.nudge)
	return s, nil
}

// share makes what all connections have in common.
func (s *Server) share() {
	cfg := &s.cfg
	s.scripts = scripts.New(scripts.Config{OutOfMemory: cfg.OutOfMemory, Growing: cfg.Growing,
		Refusal: func(frees bool) error { return s.shared.MayWrite(frees) },
		Busy:    func() { s.loop.nudge() }, Logger: cfg.Logger})
	table := cfg.Table
	if table == nil {
		table = commandsWith(s.scripts)
	}
	if cfg.Cluster != nil {
		table.InCluster()
	}
	s.scripts.Serve(table, s)
	s.shared = client.NewShared(client.Config{
		State: cfg.State, Writer: cfg.Writer, Table: table, Scripts: s.scripts,
		Stats: stats.New[*command.Spec](cfg.Clock()), Slowlog: stats.NewSlowlog(), Hub: cfg.Hub, Host: s,
		MaxInput: cfg.MaxInput, MaxQueued: cfg.MaxQueued, MaxBuffers: cfg.MaxBuffers, AtFirst: cfg.Limits,
		Replica: cfg.Replica, Cluster: cfg.Cluster, OutOfMemory: cfg.OutOfMemory, Named: cfg.Named, Beside: cfg.Beside,
		Clock: cfg.Clock, Logger: cfg.Logger, Log: s.log,
	})
	s.SetBound(cfg.Bound)
}

// Run serves clients until ctx ends. Then it takes no more connections and no
// more commands, waits for those under way, sends their replies and closes.
func (s *Server) Run(ctx context.Context) error {
	var accepting sync.WaitGroup
	if s.ln != nil {
		accepting.Go(func() { s.accept(s.ln, s.welcome) })
	}
	if s.door != nil {
		accepting.Go(func() { s.accept(s.door.ln, s.door.welcome) })
	}
	accepting.Go(func() { s.watchClients(ctx) })
	stop := context.AfterFunc(ctx, s.stopListening)
	defer stop()
	err := s.loop.run(ctx, s.cfg.Drain)
	s.scripts.Stop() // clients had their time; the writer must not wait for a script
	s.stopListening()
	accepting.Wait()
	if s.door != nil {
		s.door.wait()
	}
	s.log.Close()
	return err
}

// stopListening takes no more clients.
func (s *Server) stopListening() {
	_ = s.unlisten()
	if s.door != nil {
		s.door.shut(time.Now().Add(s.cfg.Drain))
	}
}

// Turn returns nil once the event loop has come round, and an error if ctx ends first:
// it proves that clients are served.
func (s *Server) Turn(ctx context.Context) error {
	came := make(chan struct{})
	s.loop.turn(func() { close(came) })
	select {
	case <-came:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ScriptRuns reports whether a script is being carried out, which may hold the writer
// until its limit.
func (s *Server) ScriptRuns() bool { return s.scripts.Runs() }

// AddFunctions adds a function library to a draft, as FUNCTION LOAD does.
func (s *Server) AddFunctions(d *replay.Draft, code string) error {
	return s.scripts.AddLibrary(d, code)
}

// Close stops listening and lets go of the loop. Run must have ended.
func (s *Server) Close() error { return errors.Join(s.unlisten(), s.loop.close()) }

// remember makes a connection with a place one of the clients.
func (s *Server) remember(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c.Session().ID] = c
	s.arriving--
}

// forget ends a connection's session.
func (s *Server) forget(c *conn) {
	c.Close()
	s.remove(c)
}

// remove makes a connection none of the clients any more.
func (s *Server) remove(c *conn) {
	c.LeaveSums()
	if c.tunnel != nil {
		c.tunnel.parted()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.Session().ID)
}

// Table returns the command table.
func (s *Server) Table() *command.Table { return s.shared.Table }

// State returns the state that views are made of.
func (s *Server) State() *replay.State { return s.cfg.State }

// Stats returns the counters.
func (s *Server) Stats() *command.Stats { return s.shared.Stats }

// Slowlog returns the log of slow commands.
func (s *Server) Slowlog() *stats.Slowlog { return s.shared.Slowlog }

// Hub returns who subscribes to what.
func (s *Server) Hub() *hub.Hub { return s.cfg.Hub }

// Panicked is told by whoever has recovered from a command's panic.
func (s *Server) Panicked(spec *command.Spec, p any) { s.shared.Panicked(spec, p) }

// Pause holds back commands of all clients until then: all commands, or only
// writes. The zero time ends it.
func (s *Server) Pause(until time.Time, all bool) { s.shared.Pause(until, all) }

// AwaitOwner holds back what clients ask of a cluster's data, for so long at most: its
// leader changes, and until it is known who leads there is nobody to send them to. 0 ends
// it. It does nothing for a node in no cluster.
func (s *Server) AwaitOwner(most time.Duration) {
	until := time.Time{}
	switch {
	case s.cfg.Cluster == nil:
		return
	case most > 0:
		until = s.shared.Clock().Add(most)
	}
	s.shared.AwaitOwner(until)
}

// Demote ends the wait of every client that waits: for a key, which only a
// leader can give it, or for replicas, which only a leader has. The writer must
// refuse writes with reason by then, and the node say that it follows.
func (s *Server) Demote(reason error) {
	s.shared.Demote(reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Demote()
	}
}

// Rerouted is told that there is another map of the cluster: clients that wait for it go on.
// It may be called while a lock is held, since it takes none.
func (s *Server) Rerouted() { s.loop.nudge() }

// SlotsGone ends what clients have begun with slots that the map says to be of another shard;
// see client.Shared. It must not be called from where the map is asked for.
func (s *Server) SlotsGone(ranges []journal.SlotRange) {
	if s.cfg.Cluster != nil && len(ranges) > 0 {
		s.shared.SlotsGone(ranges)
	}
}

// Config returns the parameters of CONFIG GET and SET.
func (s *Server) Config() *command.Params { return s.params }

// Cluster returns who serves which hash slot; nil if the node is none of a cluster's.
func (s *Server) Cluster() *cluster.Map {
	if s.cfg.Cluster == nil {
		return nil
	}
	return s.cfg.Cluster()
}

// Node returns the node around the server.
func (s *Server) Node() command.Node { return s.cfg.Node }

// Clients calls fn with each connected client, in order of their ids.
func (s *Server) Clients(fn func(*command.Session)) {
	all := s.all()
	sort.Slice(all, func(i, j int) bool { return all[i].Session().ID < all[j].Session().ID })
	for _, c := range all {
		fn(c.Session())
	}
}

// Authenticate checks a user and password. There is one user, "default".
func (s *Server) Authenticate(user, password string) (ok, required bool) {
	want := s.password()
	if want == "" {
		return user == "default", false
	}
	return user == "default" && sameSecret(password, want), true
}

// Denied counts and logs a login that has failed. As who and with what stays with
// the client: people type passwords where names belong.
func (s *Server) Denied(who *command.Session) {
	s.shared.Stats.Denied.Add(1)
	s.log.Add(slog.LevelWarn, "a client's login failed", "client", who.Addr)
}
