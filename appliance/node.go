// Package appliance is the node: it puts the journal, the state and the
// server together, in a directory that it owns, and says how all of them are.
package appliance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ledge/appliance/options"
	"ledge/appliance/process"
	"ledge/appliance/replication"
	"ledge/appliance/report"
	"ledge/appliance/store"
	"ledge/appliance/web"
	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/journal/progress"
	"ledge/journal/turn"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/writer"
	"ledge/respd"
	"ledge/respd/hub"
)

// Node is a running ledge.
//
// Open takes everything, listens and recovers, and answers meanwhile that it is
// loading; Run serves; Close gives everything back. What INFO asks for may be called
// from any goroutine in between.
//
// All parts are made before there is data: the state is empty and the journal not
// open (openDoors). The opening then puts the journal into the Log (Log.Replace) and
// what was recovered into the state (State.Become), both of which are made for
// that, as in a full sync. So nothing has to ask whether a part is there already, but
// for the broker, which needs a journal that has been checked.
type Node struct {
	cfg     Config
	started time.Time
	secure  security
	without process.Without // of what the process does otherwise than Go
	mem     *process.Memory
	bound   *memoryBound
	super   *process.Supervisor
	threads *process.Threads
	dir     *directory
	words   *passwords              // of the NATS users
	own     *store.Store            // what is no part of the journal
	set     *settings               // what was set at run time
	carried atomic.Pointer[carrier] // a full sync replaces it; nil until there is a broker
	meter   *meter
	log     *journal.Log
	state   *replay.State
	writer  *writer.Writer
	reserve *reserve
	saves   *snapshots
	backups *backups
	events  *events
	server  *respd.Server
	doors   *doors
	loading *loading
	gate    gatekeeper
	live    atomic.Pointer[options.Live] // what CONFIG SET changes
	// followFile and pageFile are follow-password-file and http-password-file, which
	// Reload changes, and leaderSaid is the last good password that was read for a leader.
	followFile, pageFile atomic.Pointer[string]
	leaderSaid           atomic.Pointer[leaderSecret]
	admins               atomic.Pointer[operators] // a full sync replaces it
	address              sync.Mutex                // of run.json, and of what certificates it says
	repl                 *replication.Replication
	member               *membership // nil for a node that is none of a cluster's
	seen                 *seen
	web                  *web.Server // nil without http-listen

	report    *report.Report
	recovered atomic.Pointer[recovered] // nil until all data is there

	tails   tailPlaces
	stop    chan struct{} // closed by Shutdown
	stopped sync.Once
}

// ErrStopped is what Open returns when Shutdown was called before it was done.
var ErrStopped = errors.New("the node was stopped while it was loading")

// Open makes or takes the directory, listens, recovers what is in it, and proves that
// the journal takes writes. A damaged journal is refused and left as it is.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	cfg.SetDefaults()
	if err := cfg.ReadSecrets(); err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	secure, err := readSecurity(&cfg)
	if err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	live := cfg.Live
	cfg.Live = options.Live{} // so that nobody takes what was so at first for what is
	n := &Node{cfg: cfg, secure: secure, started: cfg.Clock(), stop: make(chan struct{}),
		tails: newTailPlaces()}
	n.live.Store(&live)
	n.followFile.Store(&cfg.FollowPasswordFile)
	n.pageFile.Store(&cfg.HTTPPasswordFile)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-n.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	err = n.open(ctx)
	if err != nil && n.isStopped() {
		err = ErrStopped
	}
	cancel()
	<-watched
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) (err error) {
	n.without = n.cfg.Without
	n.bound = newMemoryBound(&n.live, n.cfg.Logger)
	n.mem, n.threads = process.NewMemory(n.bound.now(), n.without), process.NewThreads(n.without)
	n.super = process.NewSupervisor(n.cfg.Logger)
	if n.dir, err = openDirectory(&n.cfg); err != nil {
		return err
	}
	if err := portsFree(ctx, &n.cfg); err != nil {
		return err
	}
	if n.dir.secret, err = newClusterSecret(n.dir, &n.cfg); err != nil {
		return fault.With(fault.Operator, err)
	}
	n.words = &passwords{paths: n.dir.paths, turn: turn.New(), log: n.cfg.Logger, secret: n.dir.secret, broker: func() *broker.Broker {
		if c := n.carrier(); c != nil {
			return c.Broker
		}
		return nil
	}}
	n.own = n.dir.openStore(!n.dir.fresh(), n.cfg.Logger)
	n.takeSettings()
	if err := n.openDoors(ctx); err != nil {
		return err
	}
	if err := (&opening{n}).run(ctx); err != nil {
		return err
	}
	n.loading.done()
	askPart{n.member}.begin()
	n.gate.Load(false)
	return nil
}

// openDoors makes all parts of a node around a state that is empty and a journal that
// is not open yet, and begins to answer: what needs data is refused until the
// opening has put those in.
func (n *Node) openDoors(ctx context.Context) (err error) {
	n.loading = newLoading(n.started, progress.Of(ctx))
	n.gate.Load(true)
	if n.state, err = replay.New(n.cfg.Databases); err != nil {
		return err
	}
	n.state.SetRoom(n.mem.Room)
	if n.log, err = journal.NewLog(ctx, unopened{}, n.dir.lineage); err != nil {
		return err
	}
	n.meter = &meter{clock: n.cfg.Clock}
	n.reserve = newReserve(n.dir.path, max(0, n.cfg.Reserve))
	if n.cfg.InCluster() {
		n.member = newMembership(n)
	}
	n.report = newReport(n)
	n.events = newEvents(n)
	n.backups = newBackups(backupsConfig{dir: n.dir.snapshotPath(), node: n.dir.node, state: n.state, log: n.log,
		read: func(ctx context.Context, from journal.Seq) iter.Seq2[journal.Frame, error] {
			return n.jet().Read(ctx, from)
		},
		clock: n.cfg.Clock})
	n.saves = n.newSnapshots()
	hub := hub.New()
	hub.SetEvents(keyspaceEvents(&n.cfg))
	n.writer = writer.New(writer.Config{
		Log: n.log, State: n.state, Node: n.dir.node, MaxValue: int(n.cfg.MaxValue),
		DoubtWait: n.cfg.DoubtWait, Resume: resumePolicy(n.live.Load()), Reserve: n.reserve, Explain: n.reserve.explain, Secure: n.saves.secure,
		Notify: n.events.health, Wanted: hub.Wanted, Events: hub.Notify, Clock: n.cfg.Clock, Logger: n.cfg.Logger,
		Applied: &n.meter.applyTimes,
	})
	told := relay{n, hub}
	told.open()
	n.repl = newReplication(n, told.fromNode)
	if n.member != nil {
		movePart{n.member}.open()
	}
	n.gate.live, n.gate.link, n.gate.replicas, n.gate.clock = &n.live, n.repl.Link, n.repl.Replicas, n.cfg.Clock
	n.gate.cluster = askPart{n.member}.refusal
	if err := n.openServer(ctx, hub); err != nil {
		return err
	}
	n.seen = &seen{n: n, history: report.NewHistory(n.report, kept{n.own})}
	if n.web, err = openWeb(ctx, n); err != nil {
		return err
	}
	n.doors = openDoors(n)
	return nil
}

// newSnapshots has snapshots taken as the configuration says.
func (n *Node) newSnapshots() *snapshots {
	return newSnapshots(snapshotsConfig{
		dir: n.dir.snapshotPath(), live: n.live.Load, state: n.state, log: n.log, appended: n.meter.bytes.Load,
		held:   func() (journal.Seq, bool) { return heldForOthers(n) },
		backup: n.backups.held, ready: n.loading.ready,
		beside: n.threads.Beside, notify: n.events.snapshot, freed: func() { n.writer.Health().Freed() }, clock: n.cfg.Clock, logger: n.cfg.Logger,
	}, n.started)
}

// heldForOthers returns the number after which replicas or moves of slots need the journal.
func heldForOthers(n *Node) (journal.Seq, bool) {
	after, ok := n.repl.Held()
	if moves, held := (movePart{n.member}).needs(); held && (!ok || moves < after) {
		return moves, true
	}
	return after, ok
}

// openServer listens for Redis clients.
func (n *Node) openServer(ctx context.Context, hub *hub.Hub) (err error) {
	cfg := respd.Config{
		TLSListen: n.cfg.TLSListen, TLS: n.secure.redis,
		Password: n.cfg.Password, MaxClients: n.cfg.MaxClients,
		State: n.state, Writer: n.writer, Hub: hub, Params: n.params(), CheckParam: options.CheckParam, OwnerOf: options.Owner,
		Node: sideOf(n), Ungathered: n.without[process.Gather],
		Cluster: n.member.router(),
		Replica: &n.gate.Gate, OutOfMemory: n.mem.Over, Named: func() bool { return n.live.Load().JournalWho == options.Yes }, Growing: n.mem.Growing, TurnedAway: n.events.turnedAway,
		Beside: n.threads.Beside,
		Clock:  n.cfg.Clock, Logger: n.cfg.Logger,
		Limits: clientLimits(n.live.Load()), KeepAlive: max(0, n.live.Load().TCPKeepAlive),
		Bound: n.bound.now(), Group: n.bound.group.Load(),
	}
	if n.cfg.Listen != Off {
		cfg.Listen = n.cfg.Listen
	}
	n.server, err = respd.Open(ctx, cfg)
	switch {
	case errors.Is(err, respd.ErrTLSListen):
		return addressFault("tls-listen", n.cfg.TLSListen, err)
	case err != nil:
		return addressFault("listen", n.cfg.Listen, err)
	}
	n.member.listening(n.server)
	n.set.restore(ctx, n.server.Config(), func(ctx context.Context) error {
		_, err := n.rewrite(ctx)
		return err
	})
	return nil
}

// carrier returns the broker with the journal, jet the journal in it, and admin the
// door for operators.
func (n *Node) carrier() *carrier { return n.carried.Load() }
func (n *Node) jet() *jet.Journal { return n.carrier().journal }
func (n *Node) admin() *operators { return n.admins.Load() }

// natsURL returns where NATS clients reach the node, "" for nowhere.
func (n *Node) natsURL() string {
	if c := n.carrier(); c != nil {
		return c.ClientURL()
	}
	return ""
}

// portsFree finds all taken ports before any is listened on, and before the journal
// is made or read, which may take long.
func portsFree(ctx context.Context, cfg *Config) error {
	free := func(option, addr string) error {
		if addr == Off || addr == "" {
			return nil
		}
		var lc net.ListenConfig
		ln, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return addressFault(option, addr, err)
		}
		return ln.Close()
	}
	web, option := cfg.HTTPAddress()
	return errors.Join(free("listen", cfg.Listen), free("tls-listen", cfg.TLSListen),
		free("nats-listen", cfg.NATSListen), free(option, web))
}

// addressFault names the option whose address can't be had.
func addressFault(option, addr string, err error) error {
	var opErr *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		err = fmt.Errorf("%s is taken by another process; --%s names another address", addr, option)
	case !errors.As(err, &opErr):
		return err
	}
	return optionFault(option, err)
}

// recovered is what was recovered when the node was opened.
type recovered struct {
	recovery.Report
	took time.Duration
	keys int
	lost string // what the last repair that cost something has lost
}

// words says in words how far the node has recovered.
func (r *recovered) words() string {
	switch {
	case r.Pos.Seq == 0 && r.lost != "":
		return "empty since a repair; lost is " + r.lost
	case r.Pos.Seq == 0:
		return "new and empty"
	}
	from := "the journal alone"
	if r.Snapshot.Pos.Seq > 0 {
		from = fmt.Sprintf("a snapshot at %d and %d numbers behind it", r.Snapshot.Pos.Seq, r.Batches)
	}
	return fmt.Sprintf("recovered up to number %d, %d keys, in %s, from %s",
		r.Pos.Seq, r.keys, r.took.Round(time.Millisecond), from)
}
