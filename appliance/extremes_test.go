package appliance_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/journal"
)

// Nothing that can be set turns off that slots are cleared and moved. These tables have
// each option with its least and greatest values and all its words. In one round every
// option has one of its values, the next one in the next round: what a value forbids it
// forbids beside those of other options, too, so that one round finds it. Options that
// only have a meaning beside a value of another one have it in the rounds of that value.

// most is the greatest size there is.
const most = "4611686018427387904"

// extremes are the values of options in the rounds; one that has fewer begins again. Between
// bars stand the values of options that go together.
var extremes = map[string][]string{
	// With much less than 250ms the broker's timer may go off while the broker still notes it,
	// which the race detector sees.
	"sync|sync-interval":          {"always|", "interval|250ms", "interval|1h", "off|"},
	"resume-auto|resume-interval": {"retryable|100ms", "all|24h", "none|"},
	"resume-max-attempts":         {"0", "2147483647"},
	"max-clients":                 {"1", "1048576"},
	"idle-timeout":                {"0", "1s", "87600h"},
	"tcp-keepalive":               {"0", "1s", "32767s"},
	"client-output-buffer-limit":  {"normal 64kb 64kb 1 pubsub 64kb 64kb 1", "normal 0 0 0 pubsub 0 0 0", "normal " + most + " 0 0"},
	"databases":                   {"1"},
	"cluster":                     {"yes"},
	"max-value":                   {"64", strconv.Itoa(journal.MaxEntry / 2)},
	"notify-keyspace-events":      {"", "KEA"},
	"snapshot-every":              {"1MiB", most, "1s", "2562047h"},
	"on-damage":                   {"stop", "serve-good"},
	"journal-who":                 {"yes", "no"},
	"reserve":                     {"0", "1MiB"},
	"on-divergence":               {"stop", "resync"},
	"connect-timeout":             {"1s", "1h"},
	"fetch-timeout":               {"1s", "1h"},
	"sync-chunk-timeout":          {"1s", "1h"},
	"sync-attempts":               {"1", "2147483647"},
	"announce-host|announce-port": {"|0", "h|1", "127.0.0.1|65535"},
	"read-staleness":              {"0", "1s", "2562047h"},
	"retain-for-replicas":         {"1", most},
	"log-level":                   {"debug", "info", "warn", "error"},
	"log-format":                  {"text", "json"},
	"http-listen":                 {"off", "127.0.0.1:0"},
	"metrics-listen":              {"off"},
	"max-memory":                  {"0", most},
	"min-replicas":                {"0"},
	"cluster-hold":                {"10ms", "5s"},
	"cluster-move-rate":           {"0", "64KiB", most},
	"cluster-moves":               {"1", "16"},
	"cluster-alone":               {"serve", "refuse"},
	"cluster-node-timeout":        {"3s", "24h"},
}

// elsewhere are options, or words of some, that are not set here, and why.
var elsewhere = map[string]string{
	"dir": "a place", "listen": "a place", "port": "a place", "tls-listen": "a place", "nats-listen": "a place; off is refused beside other shards",
	"tls-cert": "a file", "tls-key": "a file", "tls-ca": "a file", "tls-auth-clients": "of clients that come by TLS alone",
	"nats-tls-cert": "a file", "nats-tls-key": "a file", "nats-tls-ca": "a file", "http-password-file": "a file", "node": "a name",
	"password": "what clients say; shards say the secret", "password-file": "a file", "cluster-secret-file": "a file, which both nodes have",
	"cluster-authority": "TestExternalMigrate has external; it begins with journal",
	"follow":            "makes the node a replica, which moves nothing itself", "follow-password-file": "a file",
	"min-replicas-lag": "of min-replicas above 0, which TestMovesWithoutReplicasAndMemory has",
	"cluster no":       "then there are no slots to move",
}

// Each option stands in one of the tables, with all of its words.
func TestExtremesAreWhole(t *testing.T) {
	values := make(map[string][]string)
	for names, list := range extremes {
		for i, name := range strings.Split(names, "|") {
			for _, v := range list {
				values[name] = append(values[name], strings.Split(v, "|")[i])
			}
		}
	}
	for _, r := range options.Table() {
		list, has := values[r.Name]
		if _, other := elsewhere[r.Name]; has == other {
			t.Errorf("%s: it has values %v, and a reason to have none %v; want one of them", r.Name, has, other)
		}
		for _, w := range r.Words() {
			if elsewhere[r.Name+" "+w] == "" && has && !slices.Contains(list, w) {
				t.Errorf("%s: no round has %q", r.Name, w)
			}
		}
		delete(values, r.Name)
	}
	if len(values) > 0 {
		t.Errorf("there are no options %v", values)
	}
}

// In each round slots are cleared and moved.
func TestMovesAtExtremes(t *testing.T) {
	rounds := 0
	for _, list := range extremes {
		rounds = max(rounds, len(list))
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			a, b := twoSet(t, func(c *appliance.Config) { setRound(t, c, round) })
			a.fillSlots()
			for _, m := range []struct{ from, to *member }{{a, b}, {b, a}} {
				if mv := m.from.sends("0-8191", m.to); mv != "" {
					t.Errorf("the move from %s to %s has ended: %s", m.from.name, m.to.name, mv)
				}
			}
			a.flushes()
		})
	}
}

// setRound gives the options their values of a round.
func setRound(t *testing.T, c *appliance.Config, round int) {
	t.Helper()
	for names, list := range extremes {
		values := strings.Split(list[round%len(list)], "|")
		for i, name := range strings.Split(names, "|") {
			r := options.Table()[slices.IndexFunc(options.Table(), func(r options.Row) bool { return r.Name == name })]
			if values[i] == "" {
				continue
			}
			if err := r.Set(c, values[i]); err != nil {
				t.Errorf("%s %q: %v", name, values[i], err)
			}
		}
	}
	if err := c.Validate(); err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
}

// twoSet is twoShards whose options are set.
func twoSet(t *testing.T, set func(*appliance.Config)) (a, b *member) {
	t.Helper()
	a, b = memberSet(t, "a", "s3cret", nil, set), memberSet(t, "b", "s3cret", nil, set)
	a.found()
	if err := b.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	a.hears(2, 2)
	b.hears(2, 2)
	return a, b
}

// The keys of fillSlots: many of slots that move, in one slot, and some elsewhere.
const filledKeys = 1700

func (m *member) fillSlots() {
	m.t.Helper()
	// A client may dial twice at first, and be refused where one may come; PING is tried again.
	if err := m.c.Ping(m.t.Context()).Err(); err != nil {
		m.t.Fatal(err)
	}
	pipe := m.c.Pipeline()
	for i := range filledKeys {
		key := fmt.Sprint("k", i)
		if i < 1500 { // more than are removed by one step
			key = fmt.Sprint("{", movingTag, "}", i)
		}
		pipe.Set(m.t.Context(), key, i, 0)
	}
	if _, err := pipe.Exec(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
}

// movingTag is a hash tag whose slot is one of 0-8191.
const movingTag = "k"

// sends moves slots, and returns with what cause that has ended.
func (m *member) sends(slots string, to *member) string {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	before := m.keys() + to.keys()
	mv, err := op.ClusterMove(m.t.Context(), m.name, slots, to.cluster().Node)
	if err != nil {
		m.t.Fatal(err)
	}
	mv = m.ended(mv.ID)
	if n := m.keys() + to.keys(); n != before || to.keys() < 1500 {
		m.t.Errorf("%d keys after the move, %d of them at its target; want %d, and 1500 at least", n, to.keys(), before)
	}
	return mv.Cause
}

func (m *member) keys() int {
	m.t.Helper()
	n, err := m.c.DBSize(m.t.Context()).Result()
	if err != nil {
		m.t.Fatal(err)
	}
	return int(n)
}

func (m *member) flushes() {
	m.t.Helper()
	if err := m.c.FlushAll(m.t.Context()).Err(); err != nil || m.keys() != 0 {
		m.t.Errorf("FLUSHALL: %v, and %d keys are left; want none", err, m.keys())
	}
}

// A node that takes no writes for want of replicas or of memory gives slots to another one
// and clears them, and clears all. What it can't do is to take rows in without memory: such
// a move waits, says why, and ends once there is some.
func TestMovesWithoutReplicasAndMemory(t *testing.T) {
	a, b := twoSet(t, func(*appliance.Config) {})
	a.fillSlots()
	ballast := bytes.Repeat([]byte("x"), 64<<20) // so that the process is past the least bound
	defer runtime.KeepAlive(ballast)
	set := func(param, value string) {
		t.Helper()
		if err := a.c.ConfigSet(t.Context(), param, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, lag := range []string{"1", "9000000000"} {
		set("min-replicas-max-lag", lag)
		set("min-replicas-to-write", "1048576")
		for _, m := range []struct{ from, to *member }{{a, b}, {b, a}} {
			if cause := m.from.sends("0-8191", m.to); cause != "" {
				t.Errorf("without replicas the move from %s has ended: %s", m.from.name, cause)
			}
		}
	}
	set("min-replicas-to-write", "0")
	set("maxmemory", "33554432")
	if err := a.c.Set(t.Context(), "k", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "OOM ") {
		t.Fatalf("SET without memory: %v; want OOM", err)
	}
	if cause := a.sends("0-8191", b); cause != "" {
		t.Errorf("without memory at the source the move has ended: %s", cause)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	op := b.op()
	mv, err := op.ClusterMove(ctx, "b", "0-8191", a.cluster().Node)
	if err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "the move waits for memory", func() bool {
		list, err := op.ClusterMoves(ctx, "b") // the target does not even begin it
		return err == nil && slices.ContainsFunc(list, func(m admin.Move) bool {
			return m.ID == mv.ID && strings.Contains(m.Cause, "memory is short")
		})
	})
	a.flushes()
	set("maxmemory", "0")
	if mv = b.ended(mv.ID); mv.Cause != "" {
		t.Errorf("once there is memory the move has ended: %s", mv.Cause)
	}
	a.flushes()
}
