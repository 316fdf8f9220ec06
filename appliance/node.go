// Package appliance is the node: it puts the journal, the state and the
// server together, in a directory that it owns, and says how all of them are.
package appliance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/appliance/process"
	"ledge/appliance/report"
	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/replay"
	"ledge/replay/remote"
	"ledge/replay/writer"
	"ledge/respd"
	"ledge/respd/command"
)

// Node is a running ledge.
//
// Open takes everything, recovers and listens; Run serves; Close gives
// everything back. What INFO asks for may be called from any goroutine in
// between.
type Node struct {
	cfg     Config
	started time.Time
	secure  security
	without process.Without // of what the process does otherwise than Go
	mem     *process.Memory
	threads *process.Threads
	dir     *directory
	jets    atomic.Pointer[jet.Journal] // a full sync replaces it; nil until it is open
	meter   *meter
	log     *journal.Log
	state   *replay.State
	writer  *writer.Writer
	reserve *reserve
	saves   *saves
	events  *events
	server  *respd.Server
	gate    respd.Gate
	live    atomic.Pointer[options.Live] // what CONFIG SET changes
	admins  atomic.Pointer[operators]    // likewise
	repl    *replication
	// prometheus is nil without metrics-listen.
	prometheus *metricsServer

	report    *report.Report
	recovered replay.Report
	recovery  time.Duration // how long that took
	found     int           // keys after it
	lost      string        // what the last repair that cost something has lost

	stop    chan struct{} // closed by Shutdown
	stopped sync.Once
}

var _ command.Node = (*Node)(nil)

// Open makes or takes the directory, recovers what is in it, proves that the
// journal takes writes, and listens. A damaged journal is refused and left as
// it is.
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
	n := &Node{cfg: cfg, secure: secure, started: cfg.Clock(), stop: make(chan struct{})}
	n.live.Store(&live)
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) (err error) {
	if n.without, err = process.ParseWithout(os.Getenv(process.Variable)); err != nil {
		return fault.With(fault.Operator, err)
	}
	n.mem, n.threads = process.NewMemory(n.cfg.MaxMemory, n.without), process.NewThreads(n.without)
	if n.dir, err = openDirectory(&n.cfg); err != nil {
		return err
	}
	if err := n.portsFree(ctx); err != nil {
		return err
	}
	err = n.openState(ctx)
	n.tell()
	if err != nil {
		return err
	}
	n.lost = n.dir.lost()
	n.holdReserve()
	n.report = newReport(n)
	n.saves, n.events = newSaves(n), newEvents(n)
	hub := command.NewHub()
	hub.SetEvents(keyspaceEvents(&n.cfg))
	n.writer = writer.New(writer.Config{
		Log: n.log, State: n.state, Node: n.dir.node, MaxValue: int(n.cfg.MaxValue),
		DoubtWait: n.cfg.DoubtWait, Resume: resumePolicy(n.live.Load()), Reserve: n.reserve, Secure: n.saves.secure,
		Epoch: n.dir.id.Epoch, Notify: n.events.health, Wanted: hub.Wanted, Events: hub.Notify, Clock: n.cfg.Clock, Logger: n.cfg.Logger,
	})
	n.repl = newReplication(n)
	if err := n.repl.begin(ctx); err != nil {
		return err
	}
	if err := n.openServer(ctx, hub); err != nil {
		return err
	}
	if err := n.openAdmin(ctx); err != nil {
		return err
	}
	if err := n.openMetrics(ctx); err != nil {
		return err
	}
	return n.repl.serve()
}

// openServer listens for Redis clients.
func (n *Node) openServer(ctx context.Context, hub *command.Hub) (err error) {
	cfg := respd.Config{
		TLSListen: n.cfg.TLSListen, TLS: n.secure.redis,
		Password: n.cfg.Password, MaxClients: n.cfg.MaxClients,
		State: n.state, Writer: n.writer, Hub: hub, Node: n, Params: n.params(), CheckParam: options.CheckParam,
		Replica: &n.gate, OutOfMemory: n.mem.Over, Growing: n.mem.Growing, TurnedAway: n.events.turnedAway,
		Clock: n.cfg.Clock, Logger: n.cfg.Logger,
		MaxBuffers: process.Buffers(n.cfg.MaxMemory),
	}
	if n.cfg.Listen != Off {
		cfg.Listen = n.cfg.Listen
	}
	n.server, err = respd.Open(ctx, cfg)
	switch {
	case errors.Is(err, respd.ErrTLSListen):
		return taken("tls-listen", n.cfg.TLSListen, err)
	case err != nil:
		return taken("listen", n.cfg.Listen, err)
	}
	return nil
}

// jet returns the journal's broker, and admin the door for operators.
func (n *Node) jet() *jet.Journal { return n.jets.Load() }
func (n *Node) admin() *operators { return n.admins.Load() }

// holdReserve holds room back on the disk. A disk that is full already has
// none to hold; the node starts all the same.
func (n *Node) holdReserve() {
	n.reserve = newReserve(n.dir.path, max(0, n.cfg.Reserve))
	if err := n.reserve.Take(); err != nil {
		n.cfg.Logger.Warn("no room is held back on the disk", "cause", err)
	}
}

// portsFree finds a taken port before the journal is made or read, which may
// take long. The listeners proper come last, when there is something to serve.
func (n *Node) portsFree(ctx context.Context) error {
	free := func(option, addr string) error {
		if addr == Off || addr == "" {
			return nil
		}
		var lc net.ListenConfig
		ln, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return taken(option, addr, err)
		}
		return ln.Close()
	}
	return errors.Join(free("listen", n.cfg.Listen), free("tls-listen", n.cfg.TLSListen),
		free("nats-listen", n.cfg.NATSListen), free("metrics-listen", n.cfg.MetricsListen))
}

// taken names the option whose address can't be had.
func taken(option, addr string, err error) error {
	var opErr *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		err = fmt.Errorf("%s is taken by another process", addr)
	case !errors.As(err, &opErr):
		return err
	}
	return optionFault(option, err)
}

// openJournal opens the journal, and makes it if this is the first start or
// the first one was cut short. From "ready" on a journal that is missing has
// been lost, and is not replaced by an empty one.
func (n *Node) openJournal(ctx context.Context) (err error) {
	if err := n.dir.finish(); err != nil {
		return err
	}
	if err := n.openStream(ctx, n.cfg.NATSListen); err != nil {
		return err
	}
	n.meter = &meter{clock: n.cfg.Clock}
	n.log, err = journal.NewLog(ctx, n.meter.on(n.jet()), n.dir.lineage)
	return err
}

// openStream opens the broker on the directory's journal, with a listener for NATS
// clients at an address or Off.
func (n *Node) openStream(ctx context.Context, listen string) (err error) {
	cfg := jet.Config{
		Dir: n.dir.journalPath(), Lineage: n.dir.lineage,
		Create: n.dir.fresh(), First: n.dir.first(), Sync: syncMode(&n.cfg), Log: n.cfg.Logger,
		AppendTimeout: n.cfg.AppendTimeout,
	}
	if n.cfg.Sync == SyncInterval {
		cfg.SyncEvery = n.cfg.SyncInterval
	}
	passwords, err := n.dir.passwords()
	if err != nil {
		return err
	}
	cfg.Broker = broker.Config{Name: n.dir.node, Users: admin.Users(passwords, remote.Subjects)}
	if listen != Off {
		cfg.Broker.Listen, cfg.Broker.TLS = listen, n.secure.nats
	}
	j, err := jet.Open(ctx, cfg)
	if err != nil {
		return taken("nats-listen", listen, err)
	}
	n.jets.Store(j)
	if n.dir.fresh() {
		return n.dir.ready()
	}
	return nil
}

// recover makes the state out of the newest good snapshot and the journal.
func (n *Node) recover(ctx context.Context) (err error) {
	began := time.Now()
	span, err := n.log.Stat(ctx)
	if err != nil {
		return err
	}
	n.mem.Loading(span.Bytes+n.dir.snapshotBytes(), process.Available())
	n.state, n.recovered, err = replay.Recover(
		ctx, n.dir.snapshotPath(), n.log, n.cfg.Databases, n.cfg.Logger)
	if err != nil {
		return err
	}
	n.recovery, n.found = time.Since(began), keys(n.state)
	return nil
}

// recoveredTo says in words how far the node has recovered.
func (n *Node) recoveredTo() string {
	r := n.recovered
	switch {
	case r.Pos.Seq == 0 && n.lost != "":
		return "empty since a repair; lost is " + n.lost
	case r.Pos.Seq == 0:
		return "new and empty"
	}
	from := "the journal alone"
	if r.Snapshot.Pos.Seq > 0 {
		from = fmt.Sprintf("a snapshot at %d and %d numbers behind it", r.Snapshot.Pos.Seq, r.Batches)
	}
	return fmt.Sprintf("recovered up to number %d, %d keys, in %s, from %s",
		r.Pos.Seq, n.found, n.recovery.Round(time.Millisecond), from)
}

// keys counts the keys of all databases.
func keys(s *replay.State) (n int) {
	_ = s.View(time.Time{}, func(v *replay.View) error { // a closed state has none
		for i := range v.Databases() {
			n += v.Len(journal.DB(i))
		}
		return nil
	})
	return n
}

// Run serves until ctx ends, Shutdown is called or something Fatal happens. It
// stops in the order in which things need each other: clients are answered
// first, then what works in the background ends, then the writer.
func (n *Node) Run(ctx context.Context) error {
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	working, stopWorking := context.WithCancel(writing)
	defer stopWorking()

	n.threads.Serve()
	if err := process.ScheduleMonitor(n.without); err != nil { // it costs a tenth of the rate, no more
		n.cfg.Logger.Debug("the runtime's monitor is scheduled as any thread", "cause", err)
	}
	var writer, workers sync.WaitGroup
	var fatal, unhealthy, adrift error
	writer.Go(func() {
		fatal = n.writer.Run(writing)
		stopServing()
	})
	workers.Go(func() {
		if err := n.writer.RunHealth(working); err != nil {
			unhealthy = err
			stopServing()
		}
	})
	workers.Go(func() { n.events.run(working) })
	workers.Go(func() { n.checkSnapshots(working) })
	workers.Go(func() { n.runGate(working) })
	workers.Go(func() { n.prometheus.run(working) })
	workers.Go(func() {
		if adrift = n.repl.run(working); adrift != nil {
			stopServing()
		}
	})
	workers.Go(func() {
		select {
		case <-n.stop:
			stopServing()
		case <-working.Done():
		}
	})
	workers.Go(func() {
		n.writer.Sweep(working, func(keys int) { n.server.Stats().Expired.Add(int64(keys)) })
	})
	workers.Go(func() { n.state.KeepOrder(working) })
	workers.Go(func() { n.saves.run(working) })
	workers.Go(func() { n.mem.Watch(working, n.changed()) })

	err := n.server.Run(serving)
	stopWorking()
	if late := waitFor(&workers); late != nil {
		stopWriting()
		return errors.Join(late, err)
	}
	stopWriting()
	if late := waitFor(&writer); late != nil {
		return errors.Join(late, unhealthy, adrift, err)
	}
	return errors.Join(fatal, unhealthy, adrift, err)
}

// stopLimit bounds how long a node that stops waits for what works in it. What
// takes longer hangs with the disk.
const stopLimit = 16 * time.Second

// waitFor waits for goroutines, unless the disk holds them.
func waitFor(g *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.Wait()
	}()
	t := time.NewTimer(stopLimit)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return fault.As(fault.Operator, "stop", fmt.Errorf(
			"something hangs with the disk and is left behind after %s; the next start finds out what is stored", stopLimit))
	}
}

// changed returns a function that reports whether the state has changed since
// it was asked last, or is still being put in order.
func (n *Node) changed() func() process.Change {
	var last journal.Seq
	var c process.Change
	return func() process.Change {
		now := n.state.Pos().Seq
		if c.Changed = now != last || n.state.Behind(); c.Changed {
			last, c.Keys = now, keys(n.state)
		}
		return c
	}
}

// Shutdown makes Run return, as the end of its context does. It does not wait.
func (n *Node) Shutdown() { n.stopped.Do(func() { close(n.stop) }) }

// Close gives up everything that Open took, the last first. Run must have
// ended.
func (n *Node) Close() error {
	var errs []error
	errs = append(errs, n.prometheus.close())
	if n.repl != nil {
		errs = append(errs, n.repl.unserve())
	}
	if n.admin() != nil {
		n.removeAddress()
		errs = append(errs, n.admin().close())
	}
	if n.server != nil {
		errs = append(errs, n.server.Close())
	}
	if n.jet() != nil {
		errs = append(errs, n.jet().Close())
	}
	if n.state != nil {
		errs = append(errs, n.state.Close())
	}
	if n.dir != nil {
		errs = append(errs, n.dir.close())
	}
	if n.mem != nil {
		n.threads.Close()
		n.mem.Close()
	}
	return errors.Join(errs...)
}

// Status is what a node is and where, for people.
type Status struct {
	Node, Dir, Sync string
	// Listen is the address for Redis clients, TLSListen the one with TLS, and
	// NATS the URL for NATS clients, each empty if there is none; Credentials is
	// the file with the admin's password.
	Listen, TLSListen, NATS, Credentials string
	Metrics                              string // the URL; empty is none
	// Recovered says how far the node has recovered.
	Recovered string
}

// Status returns what the node is and where.
func (n *Node) Status() Status {
	s := Status{
		Node: n.dir.node, Dir: n.dir.path, Sync: n.cfg.Sync,
		TLSListen: n.tlsAddr(), NATS: n.jet().ClientURL(),
		Credentials: n.dir.adminPath(), Recovered: n.recoveredTo(),
	}
	if a := n.MetricsAddr(); a != nil {
		s.Metrics = "http://" + a.String() + "/metrics"
	}
	if n.cfg.Listen != Off {
		s.Listen = n.server.Addr().String()
	}
	if s.Sync == SyncInterval {
		s.Sync = fmt.Sprintf("every %s", n.cfg.SyncInterval)
	}
	return s
}

// tlsAddr is where Redis clients with TLS connect; empty is nowhere.
func (n *Node) tlsAddr() string {
	if a := n.server.TLSAddr(); a != nil {
		return a.String()
	}
	return ""
}
