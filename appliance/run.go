package appliance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ledge/appliance/process"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/standing"
)

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
	var writer sync.WaitGroup
	var fatal error
	writer.Go(func() {
		fatal = n.writer.Run(writing)
		stopServing()
	})
	work := startWork(working, n, stopServing)
	n.super.Ready()

	select {
	case <-serving.Done():
	case <-n.doors.ended:
	}
	n.super.Stopping()
	err := n.doors.close()
	stopWorking()
	if late := waitFor(&work.busy); late != nil {
		stopWriting()
		return errors.Join(late, err)
	}
	stopWriting()
	if late := waitFor(&writer); late != nil {
		return errors.Join(late, work.unhealthy, work.adrift, err)
	}
	return errors.Join(fatal, work.unhealthy, work.adrift, err)
}

// works is what works in the background. Its errors are for reading once nothing
// is busy any more.
type works struct {
	busy              sync.WaitGroup
	unhealthy, adrift error // what the node can't go on from
}

// startWork begins to work in the background, until ctx ends. stop ends the node.
func startWork(ctx context.Context, n *Node, stop func()) *works {
	w := &works{}
	w.busy.Go(func() {
		if w.unhealthy = n.writer.RunHealth(ctx); w.unhealthy != nil {
			stop()
		}
	})
	w.busy.Go(func() {
		if w.adrift = n.repl.Run(ctx); w.adrift != nil {
			stop()
		}
	})
	w.busy.Go(func() {
		select {
		case <-n.stop:
			stop()
		case <-ctx.Done():
		}
	})
	w.busy.Go(func() {
		n.writer.Sweep(ctx, func(keys int) { n.server.Stats().Expired.Add(int64(keys)) })
	})
	for _, run := range []func(context.Context){
		n.events.run, n.events.watchReplicas, n.watch, n.gate.run, n.seen.history.Run, n.state.KeepOrder, n.saves.run,
		func(ctx context.Context) { checkSnapshots(ctx, n) },
		func(ctx context.Context) { n.bound.watch(ctx, told{n.mem, n.server}) },
		n.member.watch, peerPart{n.member}.run, movePart{n.member}.run, externalPeers{externalPart{n.member}}.run, askPart{n.member}.run, askPart{n.member}.watchRivals,
		func(ctx context.Context) { n.mem.Watch(ctx, changed(n.state)) },
	} {
		w.busy.Go(func() { run(ctx) })
	}
	return w
}

// watch tells the service manager that the node is alive for as long as the event loop
// and the writer both come round. The loop waits for nothing, and the writer for the
// disk no longer than an append may take. A script may hold the writer for as long as
// its own limit lets it, so while one is busy the loop's word is enough. A node where
// one of them hangs says nothing, and is ended.
func (n *Node) watch(ctx context.Context) {
	every := n.super.Watchdog / 3
	if every <= 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if n.comesRound(ctx, every) {
			n.super.Alive()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// comesRound reports whether the event loop and the writer have come round within a
// time, but for a script that the writer carries out.
func (n *Node) comesRound(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if n.server.Turn(ctx) != nil {
		return false
	}
	return n.writer.Turn(ctx) == nil || n.server.ScriptRuns()
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
func changed(s *replay.State) func() process.Change {
	var last journal.Seq
	var c process.Change
	return func() process.Change {
		now := s.Pos().Seq
		if c.Changed = now != last || s.Behind(); c.Changed {
			last, c.Keys = now, s.Keys()
		}
		return c
	}
}

// Link returns how the node stands with its leader.
func (n *Node) Link() standing.Link { return n.repl.Link() }

// Shutdown makes Run return, as the end of its context does. It does not wait.
func (n *Node) Shutdown() { n.stopped.Do(func() { close(n.stop) }) }

// isStopped reports whether Shutdown was called.
func (n *Node) isStopped() bool {
	select {
	case <-n.stop:
		return true
	default:
		return false
	}
}

// Close gives up everything that Open took, the last first. Run must have
// ended.
func (n *Node) Close() error {
	var errs []error
	errs = append(errs, n.doors.close(), n.web.Close())
	if n.repl != nil {
		errs = append(errs, n.repl.Unserve())
	}
	if n.admin() != nil {
		n.dir.removeAddress(n.cfg.Logger)
		errs = append(errs, n.admin().close())
	}
	if n.server != nil {
		errs = append(errs, n.server.Close())
	}
	if n.backups != nil {
		n.backups.close()
	}
	if n.carrier() != nil {
		errs = append(errs, n.carrier().Close())
	}
	if n.state != nil {
		errs = append(errs, n.state.Close())
	}
	errs = append(errs, n.own.Close())
	if n.dir != nil {
		errs = append(errs, n.dir.close())
	}
	if n.mem != nil {
		n.threads.Close()
		n.mem.Close()
	}
	return errors.Join(errs...)
}
