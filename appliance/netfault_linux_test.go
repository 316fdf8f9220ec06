package appliance_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// netFault is something that can be wrong with a leader or the way to it.
type netFault struct {
	name  string
	rules rules
	// hush says that nothing comes from the leader while it lasts.
	hush bool
	// strike and mend do what the rules don't; either may be nil.
	strike func(f *faults)
	mend   func(t *testing.T, f *faults)
}

var netFaults = []netFault{
	{name: "kill -9", hush: true,
		strike: func(f *faults) { f.leader.end(syscall.SIGKILL) },
		mend:   func(t *testing.T, f *faults) { f.lead(f.t) }},
	{name: "SIGSTOP", hush: true,
		strike: func(f *faults) { _ = f.leader.cmd.Process.Signal(syscall.SIGSTOP) },
		mend:   func(_ *testing.T, f *faults) { _ = f.leader.cmd.Process.Signal(syscall.SIGCONT) }},
	{name: "blackhole", hush: true, rules: rules{dropTo: true, dropFrom: true}},
	{name: "half-open", hush: true, rules: rules{dropFrom: true}},
	{name: "300 ms latency", rules: rules{delay: 300 * time.Millisecond}},
	{name: "5 % loss", rules: rules{loss: 0.05}},
	{name: "slow reader", rules: rules{rate: 64 << 10}},
}

// phases are when a fault strikes: when a replica sends a request with that in
// it, which gets no answer any more; before it is told to follow; or when it
// streams.
var phases = []struct{ name, sends string }{
	{"connect", ""}, {"handshake", "ledge.replica.hello "}, {"meta", "ledge.replica.meta "},
	{"chunk", `"chunk":1}`}, {"streaming", ""},
}

// What is asked of each cell, as it is meant and as it is asserted: machines
// that do other things beside need more time. The table shows what was measured.
const (
	cancelled  = time.Second     // until follow, promote and shutdown have given up a wait
	resumed    = 5 * time.Second // until a replica streams again
	slack      = 3
	silenceMax = time.Second // the replicas' fetch-timeout
)

// replicaOptions make the wait for silence short enough to try it often.
var replicaOptions = []string{"--connect-timeout", "1s", "--fetch-timeout", silenceMax.String(),
	"--sync-chunk-timeout", "2s", "--nats-listen", "off"}

// The replicas of a cell, by what is done to them while the fault lasts.
const (
	stays = iota + 1
	follows
	promotes
	stops
)

// faults is the leader that all cells of a fault have in common.
type faults struct {
	t      *testing.T
	wire   *wire
	dir    string
	leader *peer
}

// Whatever happens to the leader or on the way to it, in whatever phase a
// replica is: it is given up at once for another leader, for leading, or to
// stop; silence is noticed; and when it is over, the replica goes on by itself
// and has what the leader has, no more and no less.
//
//	go test ./appliance -run TestReplicationFaults -v
func TestReplicationFaults(t *testing.T) {
	f := &faults{t: t, wire: newWire(t, stops), dir: filepath.Join(t.TempDir(), "leader")}
	f.lead(t)
	f.leader.c.Set(t.Context(), "k", "v", 0)
	f.large(t)
	var table strings.Builder
	fmt.Fprintf(&table, "%-15s %-10s %9s %9s %9s %9s %9s %9s %s\n", "fault", "phase", "follow", "promote",
		"shutdown", "noticed", "resumed", "entries", "equal")
	for _, nf := range netFaults {
		if testing.Short() && nf.rules.loss > 0 {
			continue
		}
		for _, ph := range phases {
			t.Run(nf.name+"/"+ph.name, func(t *testing.T) {
				c := &netCell{faults: f, fault: nf, phase: ph.name, sends: ph.sends}
				defer func() { fmt.Fprintf(&table, "%-15s %-10s %s\n", nf.name, ph.name, c.row()) }()
				c.run(t)
			})
		}
	}
	t.Logf("milliseconds:\n%s", table.String())
}

// lead starts the leader, at the same address each time.
func (f *faults) lead(t *testing.T) {
	e := f.wire.ends[0]
	f.leader = f.wire.serve(t, 0, f.dir, "--nats-listen", e.ip+":4222", "--sync", "off", "--node", "leader")
}

// large has the leader's snapshot be three chunks, and its journal truncated.
func (f *faults) large(t *testing.T) {
	t.Helper()
	for i := range 10 {
		f.leader.do("SET", fmt.Sprint("large", i), strings.Repeat(fmt.Sprintf("%016d", i), 16<<10))
	}
	for range 2 {
		f.leader.do("INCR", "saved")
		f.leader.do("SAVE")
	}
}

// netCell is one fault in one phase.
type netCell struct {
	*faults
	fault        netFault
	phase, sends string
	replicas     [stops + 1]*peer

	struck                time.Time
	follow, promote, stop time.Duration
	noticed, resumed      time.Duration
	number                string
	equal                 bool
}

func (c *netCell) row() string {
	ms := func(d time.Duration) string {
		if d == 0 {
			return "-"
		}
		return fmt.Sprint(d.Milliseconds())
	}
	return fmt.Sprintf("%9s %9s %9s %9s %9s %9s %t", ms(c.follow), ms(c.promote), ms(c.stop),
		ms(c.noticed), ms(c.resumed), c.number, c.equal)
}

func (c *netCell) run(t *testing.T) {
	c.faults.leader.t, c.faults.wire.t = t, t
	c.start(t)
	defer c.heal(t)
	c.reach(t)
	ended := make(chan struct{})
	go func() {
		c.leave(t)
		close(ended)
	}()
	c.notice(t)
	<-ended
	c.heal(t)
	c.resume(t)
	for what, took := range map[string]time.Duration{"follow": c.follow, "promote": c.promote, "shutdown": c.stop} {
		if took > cancelled*slack {
			t.Errorf("%s took %s; want at most %s", what, took, cancelled)
		}
	}
	for _, r := range c.replicas[1:] {
		r.end(syscall.SIGKILL)
	}
}

// start starts the replicas, which have nothing and follow nobody.
func (c *netCell) start(t *testing.T) {
	t.Helper()
	secret := filepath.Join(c.dir, "auth", "replica")
	for at := stays; at <= stops; at++ {
		dir := filepath.Join(t.TempDir(), fmt.Sprint("replica", at))
		c.replicas[at] = c.wire.serve(t, at, dir, append(replicaOptions, "--follow-password-file", secret)...)
	}
}

// reach brings all replicas into the phase and has the fault strike.
func (c *netCell) reach(t *testing.T) {
	t.Helper()
	if c.phase == "connect" {
		c.strike()
	}
	struck := make(chan struct{})
	if c.sends != "" {
		c.barrier(struck)
	}
	for _, r := range c.replicas[1:] {
		r.do("REPLICAOF", c.wire.ends[0].ip, "4222")
	}
	if c.sends != "" {
		select {
		case <-struck:
		case <-time.After(20 * time.Second):
			c.wire.watched(nil)
			t.Fatalf("the replicas have not come to %s", c.phase)
		}
		return
	}
	if c.phase == "streaming" {
		for _, r := range c.replicas[1:] {
			r.state("streaming", 20*time.Second)
		}
		c.strike()
	}
}

// barrier holds what replicas send in the phase until all have come to it. Then
// the fault strikes, and it goes on.
func (c *netCell) barrier(struck chan struct{}) {
	var mu sync.Mutex
	come := make(map[int]bool)
	c.wire.watched(func(replica int, pkt []byte) {
		if !bytes.Contains(pkt, []byte(c.sends)) {
			return
		}
		mu.Lock()
		come[replica] = true
		all := len(come) == stops
		mu.Unlock()
		if all {
			select {
			case <-struck:
			default:
				c.strike()
				close(struck)
			}
		}
		select {
		case <-struck:
		case <-time.After(20 * time.Second): // reach has given up
		}
	})
}

func (c *netCell) strike() {
	c.wire.set(c.fault.rules)
	if c.fault.strike != nil {
		c.fault.strike(c.faults)
	}
	c.struck = time.Now()
}

// heal ends the fault, if it lasts.
func (c *netCell) heal(t *testing.T) {
	if c.struck.IsZero() {
		return
	}
	c.wire.watched(nil)
	c.wire.set(rules{})
	if c.fault.mend != nil {
		c.fault.mend(t, c.faults)
	}
	c.struck = time.Time{}
}

// leave has three replicas give up their leader while the fault lasts.
func (c *netCell) leave(t *testing.T) {
	var wg sync.WaitGroup
	timed := func(into *time.Duration, do func()) {
		wg.Go(func() {
			began := time.Now()
			do()
			*into = time.Since(began)
		})
	}
	say := func(at int, args ...any) {
		if err := c.replicas[at].c.Do(context.Background(), args...).Err(); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	timed(&c.follow, func() { say(follows, "REPLICAOF", c.wire.ends[0].ip, "4223") })
	timed(&c.promote, func() { say(promotes, "REPLICAOF", "NO", "ONE") })
	timed(&c.stop, func() {
		if code := c.replicas[stops].end(syscall.SIGTERM); code != 0 {
			t.Errorf("exit code = %d; want 0", code)
		}
	})
	wg.Wait()
	say(promotes, "SET", "leads", "itself")
}

// notice waits until the replica that stays has seen that nothing comes. Where
// something does, it is given the time to have thought otherwise.
func (c *netCell) notice(t *testing.T) {
	r := c.replicas[stays]
	if !c.fault.hush {
		return
	}
	within(t, 20*time.Second, "the replica has noticed", func() bool {
		if c.phase == "streaming" {
			return r.field("ledge_link_state") != "streaming"
		}
		return r.field("ledge_link_attempts") != "0"
	})
	c.noticed = time.Since(c.struck)
	if most := silenceMax + time.Second; c.phase == "streaming" && c.noticed > most*slack {
		t.Errorf("silence was noticed after %s; want at most %s", c.noticed, most)
	}
}

// resume waits until the replica has what the leader has, that which is written
// behind the fault too.
func (c *netCell) resume(t *testing.T) {
	began := time.Now()
	r := c.replicas[stays]
	c.leader.do("INCR", "healed")
	r.level(c.leader, 40*time.Second)
	c.resumed = time.Since(began)
	if c.resumed > resumed*slack {
		t.Errorf("replication resumed after %s; want at most %s", c.resumed, resumed)
	}
	c.number = r.field("journal_last_seq")
	c.equal = r.field("journal_digest") == c.leader.field("journal_digest") &&
		r.field("journal_last_seq") == c.leader.field("journal_last_seq")
	if !c.equal {
		t.Errorf("the replica is at %s %s; the leader at %s %s", r.field("journal_last_seq"),
			r.field("journal_digest"), c.leader.field("journal_last_seq"), c.leader.field("journal_digest"))
	}
}
