package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/writer"
)

// home is a node that others follow.
type home struct {
	*replaytest.Node
	feed     *Feed
	snapshot string
}

func (h *home) Serves() error            { return nil }
func (h *home) Lineage() journal.Lineage { return replaytest.Lineage }
func (h *home) State() *replay.State     { return h.Node.State }
func (h *home) Log() *journal.Log        { return h.Node.Log }
func (h *home) Feed() *Feed              { return h.feed }
func (h *home) Yield(string, string) error {
	return errors.New("it never hands over")
}

func (h *home) Snapshot(context.Context) (snapshot.Info, error) {
	return snapshot.Info{Path: h.snapshot, Pos: h.Node.Pos(), Bytes: 3*chunkSize + 5, Lineage: h.Lineage()}, nil
}

// led is a leader that answers, and a replica's connection to it.
type led struct {
	*Leader
	t     *testing.T
	home  *home
	nc    *nats.Conn
	clock atomic.Int64 // seconds
	up    atomic.Value // the id of the node's own leader
}

func newLed(t *testing.T, change func(*LeaderConfig)) *led {
	t.Helper()
	b := newBroker(t)
	h := &home{Node: replaytest.Open(t, 1, writer.Config{}), snapshot: filepath.Join(t.TempDir(), "x.snap")}
	h.Must(replaytest.Set("k", "v"))
	h.feed = NewFeed(h.Pos().Seq, func(ctx context.Context, from journal.Seq) frames { return h.Mem.Read(ctx, from) })
	if err := os.WriteFile(h.snapshot, make([]byte, 3*chunkSize+5), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &led{t: t, home: h}
	l.up.Store("")
	cfg := LeaderConfig{Node: "leader", ID: "LEADER", Conn: b.nc, Source: h, Upstream: func() string { return l.up.Load().(string) },
		Clock: func() time.Time { return time.Unix(1000+l.clock.Load(), 0) }, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	var err error
	if l.Leader, err = Lead(cfg); err != nil {
		t.Fatal(err)
	}
	if err := b.nc.Flush(); err != nil { // the broker knows its subscriptions
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	if l.nc, err = nats.Connect(b.url, nats.UserInfo("replica", password), nats.CustomInboxPrefix("_INBOX.replica")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.nc.Close)
	return l
}

// ask sends a request and returns the answer's body, or its error.
func (l *led) ask(subject string, q any) ([]byte, error) {
	l.t.Helper()
	b, ok := q.(string)
	if !ok {
		raw, err := json.Marshal(q)
		if err != nil {
			l.t.Fatal(err)
		}
		b = string(raw)
	}
	m, err := l.nc.Request(subject, []byte(b), patience)
	if err != nil {
		l.t.Fatal(err)
	}
	return m.Data, failed(m)
}

// hello is what a replica that has all says.
func (l *led) hello(id, node, at string) string {
	pos := l.home.Pos()
	return fmt.Sprintf(`{"version":1,"id":%q,"node":%q,"redis":%q,"databases":1,"lineage":%q,"number":%d,"digest":%q,"epoch":1}`,
		id, node, at, replaytest.Lineage, pos.Seq, pos.Digest)
}

// joins has a replica say hello and that it streams.
func (l *led) joins(id, node, at string) {
	l.t.Helper()
	if _, err := l.ask(subjectHello, l.hello(id, node, at)); err != nil {
		l.t.Fatalf("hello of %s: %v", id, err)
	}
	l.streams(id)
}

func (l *led) streams(id string) {
	l.t.Helper()
	if _, err := l.ask(subjectReport, fmt.Sprintf(`{"id":%q,"state":"streaming","applied":2,"synced":2}`, id)); err != nil {
		l.t.Fatalf("report of %s: %v", id, err)
	}
}

// counts checks which replicas are listed, and that as many count for a write.
func (l *led) counts(what string, want ...string) {
	l.t.Helper()
	var got []string
	for _, r := range l.Replicas() {
		got = append(got, r.ID)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		l.t.Errorf("%s: the replicas are %v; want %v", what, got, want)
	}
	ctx, cancel := context.WithCancel(l.t.Context())
	cancel()
	for _, synced := range []bool{false, true} {
		if n := l.Await(ctx, 2, 1<<20, synced); n != len(want) {
			l.t.Errorf("%s: %d replicas count (synced %v); want %d", what, n, synced, len(want))
		}
	}
}

// Replicas without end are not taken: those that are there stay, the further are
// told, and who has gone silent makes room.
func TestCrowd(t *testing.T) {
	l := newLed(t, nil)
	l.joins("REAL", "real", "10.0.0.1:6379")
	refused := 0
	for i := range 12000 {
		_, err := l.ask(subjectHello, l.hello(fmt.Sprintf("R%d", i), fmt.Sprintf("n%d", i), "10.0.0.2:6379"))
		if err != nil {
			refused++
			if fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "64 replicas") {
				t.Fatalf("hello %d: %v; want a Retryable error that says how many there are", i, err)
			}
		}
	}
	if got := len(l.Replicas()); got != DefaultMaxReplicas || refused != 12000-DefaultMaxReplicas+1 {
		t.Errorf("%d replicas, %d hellos refused; want %d and the rest", got, refused, DefaultMaxReplicas)
	}
	l.clock.Add(9)
	l.streams("REAL")
	l.clock.Add(3)
	l.counts("when the crowd is silent", "REAL")
	l.joins("NEXT", "next", "10.0.0.3:6379")
	l.counts("when there is room again", "NEXT", "REAL")
}

// A leader tells at once that a replica streams which did not: not each time it says so, and
// again once it has said hello anew.
func TestFollowed(t *testing.T) {
	var times atomic.Int64
	l := newLed(t, func(cfg *LeaderConfig) { cfg.Followed = func() { times.Add(1) } })
	for i, step := range []struct {
		does func()
		want int64
	}{
		{func() { l.joins("A", "a", "10.0.0.1:6379") }, 1},
		{func() { l.streams("A") }, 1},
		{func() { l.joins("B", "b", "10.0.0.2:6379") }, 2},
		{func() { l.Dismiss(); l.joins("A", "a", "10.0.0.1:6379") }, 3},
	} {
		if step.does(); times.Load() != step.want {
			t.Errorf("step %d: told %d times; want %d", i, times.Load(), step.want)
		}
	}
}

// The same run, the same replica after a restart, and a namesake.
func TestIdentity(t *testing.T) {
	l := newLed(t, nil)
	for range 3 {
		l.joins("A", "a", "10.0.0.1:6379")
	}
	l.counts("one run that says hello again", "A")
	for i := range 20 {
		l.joins(fmt.Sprintf("A%d", i), "a", "10.0.0.1:6379")
	}
	l.counts("a replica that was restarted", "A19")
	if _, err := l.ask(subjectReport, `{"id":"A","state":"streaming","applied":2,"synced":2}`); err == nil {
		t.Error("the run before reports; want it unknown")
	}
	l.joins("B", "a", "10.0.0.2:6379")
	l.streams("A19")
	l.counts("a namesake at another address", "A19", "B")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := l.Offer(ctx, "a", 2); fault.Of(err) != fault.Refused || !strings.Contains(err.Error(), "two replicas") {
		t.Errorf("the lead is offered to one of two namesakes: %v", err)
	}
}

// A replica counts while it is heard of, on the line on which it has said hello.
// The journal is kept for it somewhat longer, and not for ever.
func TestPresent(t *testing.T) {
	l := newLed(t, nil)
	l.joins("A", "a", "10.0.0.1:6379")
	l.joins("B", "b", "10.0.0.2:6379")
	l.clock.Add(8)
	l.streams("A")
	l.clock.Add(8)
	l.counts("b has been silent for 16 s", "A")
	held := func(what string, want bool) {
		t.Helper()
		if _, ok := l.Held(); ok != want {
			t.Errorf("%s: the journal is held: %v; want %v", what, ok, want)
		}
	}
	if err := l.Near(t.Context(), "b"); fault.Of(err) != fault.Refused {
		t.Errorf("a replica that is silent can be handed over to: %v", err)
	}
	l.Dismiss()
	l.counts("the role has changed")
	held("the role has changed", true)
	for subject, q := range map[string]string{
		subjectReport: `{"id":"A","state":"streaming","applied":2,"synced":2}`,
		subjectFetch:  `{"id":"A","from":3}`, subjectMeta: `{"id":"A"}`, subjectChunk: `{"id":"A","number":2,"chunk":0}`,
	} {
		if _, err := l.ask(subject, q); fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "hello") {
			t.Errorf("%s on the line before: %v; want to be sent to hello", subject, err)
		}
	}
	l.counts("requests on the line before")
	l.joins("A", "a", "10.0.0.1:6379")
	l.counts("it has said hello again", "A")
	l.up.Store("A")
	l.counts("the node follows that one itself")
	if _, err := l.ask(subjectHello, l.hello("A", "a", "10.0.0.1:6379")); fault.Of(err) != fault.Retryable {
		t.Errorf("hello of the node's own leader: %v; want a Retryable error", err)
	}
	if _, err := l.ask(subjectHello, l.hello("LEADER", "leader", "10.0.0.1:6379")); fault.Of(err) != fault.Operator {
		t.Errorf("hello of the node itself: %v; want an Operator error", err)
	}
	l.clock.Add(61)
	held("after a minute", false)
}

// A replica that asks for what makes no sense is refused, and changes nothing.
func TestHostileReplica(t *testing.T) {
	l := newLed(t, nil)
	l.joins("A", "a", "10.0.0.1:6379")
	var meta metaReply
	b, err := l.ask(subjectMeta, `{"id":"A"}`)
	if err == nil {
		err = json.Unmarshal(b, &meta)
	}
	if err != nil || meta.Check() != nil {
		t.Fatalf("meta = %+v, %v", meta, err)
	}
	for _, c := range []struct {
		subject, q string
		want       fault.Class
	}{
		{subjectHello, strings.Replace(l.hello("X", "x", "h:1"), `"x"`, `"a\r\nrole:master"`, 1), fault.Refused},
		{subjectHello, l.hello("X", "x", "h,port=1:1"), fault.Refused},
		{subjectHello, l.hello(strings.Repeat("X", 65), "x", "h:1"), fault.Refused},
		{subjectHello, strings.Replace(l.hello("X", "x", "h:1"), `"version":1`, `"version":2`, 1), fault.Operator},
		{subjectHello, strings.Replace(l.hello("X", "x", "h:1"), `"databases":1`, `"databases":-1`, 1), fault.Operator},
		{subjectHello, strings.Replace(l.hello("X", "x", "h:1"), `"number":2`, `"number":18446744073709551615`, 1), fault.Operator},
		{subjectHello, strings.Replace(l.hello("X", "x", "h:1"), `"number":2`, `"number":1`, 1), fault.Operator},
		{subjectFetch, `{"id":"A","from":0}`, fault.Refused},
		{subjectFetch, `{"id":"A","from":18446744073709551615}`, fault.Operator},
		{subjectChunk, fmt.Sprintf(`{"id":"A","number":%d,"chunk":4}`, meta.Number), fault.Refused},
		{subjectChunk, fmt.Sprintf(`{"id":"A","number":%d,"chunk":35184372088832}`, meta.Number), fault.Refused},
		{subjectChunk, fmt.Sprintf(`{"id":"A","number":%d,"chunk":-1}`, meta.Number), fault.Refused},
		{subjectChunk, `{"id":"A","number":1,"chunk":0}`, fault.Retryable},
		{subjectReport, `{"id":"A","state":"<b>","applied":1,"synced":1}`, fault.Refused},
		{subjectReport, `{"id":"A","state":"streaming","applied":1,"synced":2}`, fault.Refused},
		{subjectLead, `{"id":"A","token":"T","number":2,"digest":"0000000000000000","url":"nats://h:1","password":"p"}`, fault.Refused},
		{subjectLead, `{"id":"A","token":"T","number":2,"digest":"0000000000000000","url":"nats://h:1\n","password":"p"}`, fault.Refused},
	} {
		if b, err := l.ask(c.subject, c.q); err == nil || fault.Of(err) != c.want {
			t.Errorf("%s %s = %q, %v; want class %s", c.subject, c.q, b, err, c.want)
		}
	}
	if b, err := l.ask(subjectChunk, fmt.Sprintf(`{"id":"A","number":%d,"chunk":3}`, meta.Number)); err != nil || len(b) != 5 {
		t.Errorf("the last chunk has %d bytes, %v; want 5", len(b), err)
	}
	l.streams("A")
	l.counts("after all that", "A")
	// What it claims beyond what there is counts as what there is.
	if _, err := l.ask(subjectReport, `{"id":"A","state":"streaming","applied":999,"synced":999}`); err != nil {
		t.Fatal(err)
	}
	if r := l.Replicas()[0]; r.Applied != 2 || r.Synced != 2 {
		t.Errorf("it has applied %d and synced %d; there are 2", r.Applied, r.Synced)
	}
}

// How long a replica counts may be set otherwise while the node runs.
func TestPresentLonger(t *testing.T) {
	var seconds atomic.Int64
	seconds.Store(10)
	l := newLed(t, func(cfg *LeaderConfig) {
		cfg.Present = func() time.Duration { return time.Duration(seconds.Load()) * time.Second }
	})
	l.joins("A", "a", "10.0.0.1:6379")
	l.clock.Add(20)
	l.counts("after 20 s")
	seconds.Store(30)
	l.counts("after 20 s of 30", "A")
}
