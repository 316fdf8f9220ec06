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

	"github.com/redis/go-redis/v9"
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
// it, which meets the fault; before it is told to follow; or when it streams.
var phases = []struct{ name, sends string }{
	{"connect", ""}, {"handshake", "ledge.replica.hello "}, {"meta", "ledge.replica.meta "},
	{"chunk", `"chunk":1}`}, {"streaming", ""}, {"for long", ""},
}

// long is how long a fault lasts at least that strikes for long, while a replica
// streams: attempts that have failed must not put the next one off for longer.
const long = 10 * time.Second

// slowFor is how long a slow reader is slow.
const slowFor = 3 * time.Second

// What is asked of each cell, as it is meant and as it is asserted: machines
// that do other things beside need more time. The table shows what was measured.
const (
	cancelled  = time.Second     // until follow, promote and shutdown have given up a wait
	resumed    = 5 * time.Second // until a replica streams again
	slack      = 10
	silenceMax = time.Second // the replicas' fetch-timeout
)

// replicaOptions make the wait for silence short enough to try it often. delayedOptions are for a
// network on which answers come late: on a busy machine they take longer than replicaOptions
// wait. patientOptions make all waits long, where they have to be given up before.
var (
	replicaOptions = []string{"--nats-listen", "off", "--connect-timeout", "1s",
		"--fetch-timeout", silenceMax.String(), "--sync-chunk-timeout", "2s"}
	delayedOptions = []string{"--nats-listen", "off", "--connect-timeout", "5s", "--fetch-timeout", "5s", "--sync-chunk-timeout", "10s"}
	patientOptions = []string{"--nats-listen", "off", "--connect-timeout", "1m", "--fetch-timeout", "1m", "--sync-chunk-timeout", "1m"}
)

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
	writer *redis.Client // of the load
}

// Whatever happens to the leader or on the way to it, in whatever phase a
// replica is: it is given up at once for another leader, for leading, or to
// stop; silence is noticed; and when it is over, the replica goes on by itself
// and has what the leader has, no more and no less.
//
//	go test ./appliance -run TestReplicationFaults -v
func TestReplicationFaults(t *testing.T) {
	t.Parallel() // most of the time it waits for what lasts a while
	tables := make([]string, len(netFaults))
	t.Cleanup(func() {
		t.Logf("milliseconds:\n%-15s %-10s %9s %9s %9s %9s %9s %9s %9s %9s %s\n%s", "fault", "phase", "follow",
			"promote", "shutdown", "noticed", "level", "resumed", "acked", "number", "equal", strings.Join(tables, ""))
	})
	for i, nf := range netFaults {
		t.Run(nf.name, func(t *testing.T) {
			t.Parallel()
			tables[i] = nf.run(t)
		})
	}
}

// run has the fault strike in each phase, on a wire of its own, and returns the
// table's rows.
func (nf netFault) run(t *testing.T) string {
	f := &faults{t: t, wire: newWire(t, stops), dir: filepath.Join(t.TempDir(), "leader")}
	f.lead(t)
	f.writer = redis.NewClient(&redis.Options{Addr: leaderRedis, MaxRetries: -1, DialerRetries: 1,
		DisableIdentity: true, Dialer: f.wire.ends[0].dial})
	t.Cleanup(func() { f.writer.Close() })
	f.large(t)
	var rows strings.Builder
	for _, ph := range phases {
		if ph.name == "for long" && (testing.Short() || !nf.hush) {
			continue
		}
		t.Run(ph.name, func(t *testing.T) {
			c := &netCell{faults: f, fault: nf, phase: ph.name, sends: ph.sends}
			defer func() { fmt.Fprintf(&rows, "%-15s %-10s %s\n", nf.name, ph.name, c.row()) }()
			c.run(t)
		})
	}
	return rows.String()
}

// leaderRedis is where the leader listens, in its namespace.
const leaderRedis = "127.0.0.1:6379"

// lead starts the leader, at the same address each time.
func (f *faults) lead(t *testing.T) {
	e := f.wire.ends[0]
	f.leader = f.wire.serve(t, 0, f.dir, "--listen", leaderRedis, "--nats-listen", e.ip+":4222", "--node", "leader")
}

// large has the leader's snapshot be several chunks.
func (f *faults) large(t *testing.T) {
	t.Helper()
	for i := range 10 {
		f.leader.do("SET", fmt.Sprint("large", i), strings.Repeat(fmt.Sprintf("%016d", i), 16<<10))
	}
}

// compact has the leader's journal begin late, so that replicas from scratch
// need a full sync, and little after it.
func (f *faults) compact() {
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
	level                 time.Duration // how long it took while the fault lasted
	load                  *load
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
	return fmt.Sprintf("%9s %9s %9s %9s %9s %9s %9d %9s %t", ms(c.follow), ms(c.promote), ms(c.stop),
		ms(c.noticed), ms(c.level), ms(c.resumed), c.load.acked, c.number, c.equal)
}

func (c *netCell) run(t *testing.T) {
	c.faults.leader.t, c.faults.wire.t = t, t
	c.compact()
	c.start(t)
	c.load = c.write(t)
	defer c.load.end()
	defer c.heal(t)
	c.reach(t)
	ended := make(chan struct{})
	go func() {
		c.leave(t)
		close(ended)
	}()
	c.notice(t)
	<-ended
	if c.phase == "for long" {
		<-time.After(time.Until(c.struck.Add(long))) // how long the fault lasts is its parameter
	}
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

// streams reports whether the fault strikes replicas that stream.
func (c *netCell) streams() bool { return c.phase == "streaming" || c.phase == "for long" }

// start starts the replicas, which have nothing and follow nobody.
func (c *netCell) start(t *testing.T) {
	t.Helper()
	secret := filepath.Join(c.dir, "auth", "replica")
	for at := stays; at <= stops; at++ {
		dir := filepath.Join(t.TempDir(), fmt.Sprint("replica", at))
		options := patientOptions
		switch {
		case at == stays && c.fault.rules.delay > 0:
			options = delayedOptions
		case at == stays:
			options = replicaOptions
		}
		c.replicas[at] = c.wire.serve(t, at, dir, append(options, "--follow-password-file", secret)...)
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
	if c.streams() {
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
// all comes in the end, it must come to have what the leader has; where less
// comes than is written, it can't.
func (c *netCell) notice(t *testing.T) {
	r := c.replicas[stays]
	if !c.fault.hush && c.fault.rules.rate == 0 {
		began := time.Now()
		r.level(c.leader, 2*time.Minute) // a full sync with 300 ms of latency takes 20 s on a busy machine
		c.level = time.Since(began)
		return
	}
	if !c.fault.hush {
		<-time.After(time.Until(c.struck.Add(slowFor))) // how long the fault lasts is its parameter
		return
	}
	within(t, 20*time.Second, "the replica has noticed", func() bool {
		if c.streams() {
			return r.field("ledge_link_state") != "streaming"
		}
		return r.field("ledge_link_attempts") != "0"
	})
	c.noticed = time.Since(c.struck)
	if most := silenceMax + time.Second; c.streams() && c.noticed > most*slack {
		t.Errorf("silence was noticed after %s; want at most %s", c.noticed, most)
	}
}

// resume waits until the replica has what the leader has, that which is written
// after the fault too.
func (c *netCell) resume(t *testing.T) {
	began := time.Now()
	r := c.replicas[stays]
	r.state("streaming", 60*time.Second)
	c.resumed = time.Since(began)
	if c.resumed > resumed*slack {
		t.Errorf("replication resumed after %s; want at most %s", c.resumed, resumed)
	}
	c.load.end()
	r.level(c.leader, 20*time.Second)
	c.number = r.field("journal_last_seq")
	got, want := r.field("journal_digest"), c.leader.field("journal_digest")
	if c.equal = got == want; !c.equal {
		t.Errorf("the replica's digest at number %s is %s; the leader's %s", c.number, got, want)
	}
	if n, _ := r.c.Get(t.Context(), c.load.key).Int(); n < c.load.acked {
		t.Errorf("the replica has %d of the entries; %d were acknowledged", n, c.load.acked)
	}
}
