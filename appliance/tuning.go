package appliance

import (
	"fmt"
	"math"
	"net"
	"strconv"
	"time"

	"ledge/replay/remote"
	"ledge/respd/command"
)

// tuning is what of a node's part in replication can be changed while it runs.
// One that has been handed out does not change.
type tuning struct {
	connect, fetch, chunk time.Duration
	attempts              int
	minReplicas           int
	minLag, staleness     time.Duration
	host                  string // announced
	port                  int    // likewise
}

func newTuning(c *Config) *tuning {
	return &tuning{connect: c.ConnectTimeout, fetch: c.FetchTimeout, chunk: c.SyncChunkTimeout,
		attempts: c.SyncAttempts, minReplicas: c.MinReplicas, minLag: c.MinReplicasLag, staleness: c.ReadStaleness,
		host: c.AnnounceHost, port: c.AnnouncePort}
}

// announced returns where Redis clients reach the node, whose connection the
// leader sees come from an address.
func (n *Node) announced(seen net.IP) string {
	t := n.tuned.Load()
	host, port := orDefault(t.host, seen.String()), strconv.Itoa(t.port)
	if t.port == 0 {
		_, port, _ = net.SplitHostPort(n.server.Addr().String())
	}
	return net.JoinHostPort(host, port)
}

// timeouts returns what a replica waits for at most.
func (n *Node) timeouts() remote.Timeouts {
	t := n.tuned.Load()
	return remote.Timeouts{Connect: t.connect, Fetch: t.fetch, Chunk: t.chunk, Attempts: t.attempts}
}

// tunable is a parameter of a tuning. Set checks what it is given.
type tunable struct {
	name string
	get  func(*tuning) string
	set  func(t *tuning, value string) error
}

// tunables are the parameters of CONFIG SET. Those that Redis has too have its
// names and units.
var tunables = []tunable{
	span("ledge-connect-timeout", minTimeout, func(t *tuning) *time.Duration { return &t.connect }),
	span("ledge-fetch-timeout", minTimeout, func(t *tuning) *time.Duration { return &t.fetch }),
	span("ledge-sync-chunk-timeout", minTimeout, func(t *tuning) *time.Duration { return &t.chunk }),
	span("ledge-read-staleness", 0, func(t *tuning) *time.Duration { return &t.staleness }),
	count("ledge-sync-attempts", 1, func(t *tuning) *int { return &t.attempts }),
	{"replica-announce-ip", func(t *tuning) string { return t.host },
		func(t *tuning, v string) error {
			t.host = v
			return Config{AnnounceHost: v}.Validate()
		}},
	{"replica-announce-port", func(t *tuning) string { return strconv.Itoa(t.port) },
		func(t *tuning, v string) error {
			n, ok := command.ParseInt([]byte(v))
			if !ok || n < 0 || n > math.MaxUint16 {
				return fmt.Errorf("%q is no port", v)
			}
			t.port = int(n)
			return nil
		}},
	count("min-replicas-to-write", 0, func(t *tuning) *int { return &t.minReplicas }),
	{"min-replicas-max-lag", func(t *tuning) string { return strconv.Itoa(int(t.minLag / time.Second)) },
		func(t *tuning, v string) error {
			n, ok := command.ParseInt(v)
			if !ok || n < 1 || n > 3600 {
				return fmt.Errorf("%q is no number of seconds between 1 and 3600", v)
			}
			t.minLag = time.Duration(n) * time.Second
			return nil
		}},
}

func span(name string, least time.Duration, of func(*tuning) *time.Duration) tunable {
	return tunable{name, func(t *tuning) string { return of(t).String() },
		func(t *tuning, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d < least || d > time.Hour {
				return fmt.Errorf("%q is no duration between %s and 1h", v, least)
			}
			*of(t) = d
			return nil
		}}
}

func count(name string, least int64, of func(*tuning) *int) tunable {
	return tunable{name, func(t *tuning) string { return strconv.Itoa(*of(t)) },
		func(t *tuning, v string) error {
			n, ok := command.ParseInt(v)
			if !ok || n < least || n > 1<<20 {
				return fmt.Errorf("%q is no whole number from %d on", v, least)
			}
			*of(t) = int(n)
			return nil
		}}
}

// tuningParams returns the parameters. CONFIG SET changes one at a time.
func (n *Node) tuningParams() []command.Param {
	var list []command.Param
	for _, u := range tunables {
		list = append(list, command.Param{Name: u.name,
			Get: func() string { return u.get(n.tuned.Load()) },
			Set: func(v string, apply bool) error {
				t := *n.tuned.Load()
				if err := u.set(&t, v); err != nil || !apply {
					return err
				}
				n.tuned.Store(&t)
				return nil
			}})
	}
	return list
}
