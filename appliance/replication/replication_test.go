package replication

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/replay/remote"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
	"ledge/replay/writer"
)

// node is what a Replication needs, in memory. It notes what is asked of it.
type node struct {
	*replaytest.Node
	mu      sync.Mutex
	noted   []string
	refuses error // of the directory
	url     string
	conn    *nats.Conn
	taking  func(context.Context) // while a snapshot is taken
	leading func()                // as it is written down that the node leads
}

func (n *node) note(what string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.noted = append(n.noted, what)
	return n.refuses
}

func (n *node) has(what string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(strings.Join(n.noted, "\n")+"\n", what+"\n")
}

func (n *node) Follow(url string) error { return n.note("follow " + url) }
func (n *node) Lead() error {
	if n.leading != nil {
		n.leading()
	}
	return n.note("lead")
}
func (n *node) Yield(url, pass string) error { return n.note("yield to " + url + " " + pass) }
func (n *node) Adopt(journal.Lineage, journal.Seq, string, error) error {
	return n.note("adopt")
}
func (n *node) URL() string                                               { return n.url }
func (n *node) Password() (string, error)                                 { return "secret", nil }
func (n *node) Conn() *nats.Conn                                          { return n.conn }
func (n *node) Replace(context.Context, func(journal.Driver) error) error { return n.note("replace") }
func (n *node) Hold(context.Context) (func(), error)                      { return func() {}, n.note("hold") }
func (n *node) Adopted(journal.Seq)                                       { _ = n.note("adopted") }
func (n *node) Demote(why error)                                          { _ = n.note("demote") }
func (n *node) AwaitOwner(most time.Duration)                             { _ = n.note("await owner " + most.String()) }
func (n *node) Judge()                                                    { _ = n.note("judge") }
func (n *node) Came()                                                     { _ = n.note("came") }
func (n *node) Announced(net.IP) string                                   { return "127.0.0.1:1" }
func (n *node) Present() time.Duration                                    { return time.Second }
func (n *node) LeaderPassword(string) (string, error)                     { return "secret", nil }
func (n *node) Timeouts() remote.Timeouts {
	return remote.Timeouts{Connect: time.Second, Fetch: time.Second, Chunk: time.Second, Attempts: 3}
}

func (n *node) Take(ctx context.Context) (snapshot.Info, error) {
	if n.taking != nil {
		n.taking(ctx)
	}
	return snapshot.Info{}, n.note("take")
}

// nobody is an address where nobody listens.
const nobody = "nats://127.0.0.1:1"

// open returns the replication of a node that follows leader, or leads.
func open(t *testing.T, leader string) (*Replication, *node) {
	t.Helper()
	n := &node{Node: replaytest.Open(t, 1, writer.Config{}), url: "nats://127.0.0.1:9"}
	r := New(Config{Node: "n", User: "replica", Leader: leader, Databases: 1, Inbox: t.TempDir(),
		Log: n.Log, State: n.State, Writer: n.Writer,
		Read: func(ctx context.Context, from journal.Seq) func(func(journal.Frame, error) bool) {
			return n.Mem.Read(ctx, from)
		},
		Synced: func() journal.Seq { return n.State.Pos().Seq }, Beside: func() func() { return func() {} },
		Free: func() (int64, error) { return 1 << 40, nil }, Notify: func(standing.Link) {}, Turned: func(string) {},
		Directory: n, Broker: n, Snapshots: n, Clients: n, Settings: n,
		Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	r.Feed().Reset(n.State.Pos().Seq)
	return r, n
}

// run runs a replication until the test ends.
func run(t *testing.T, r *Replication) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// Whoever wants to change who leads before the node runs waits for that, no longer
// than he is asked to, and holds nobody up.
func TestBeforeRun(t *testing.T) {
	r, n := open(t, "")
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.Follow(soon, nobody); fault.Of(err) != fault.Retryable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Follow before Run = %v; want a Retryable error", err)
	}
	if err := r.Promote(soon); fault.Of(err) != fault.Retryable {
		t.Errorf("Promote before Run = %v; want a Retryable error", err)
	}
	asked := make(chan error, 1)
	go func() { asked <- r.Follow(t.Context(), nobody) }()
	stop := run(t, r)
	if err := <-asked; err != nil || !n.has("follow "+nobody) {
		t.Errorf("Follow = %v; want it to work once the node runs", err)
	}
	stop()
	if err := r.Promote(t.Context()); !errors.Is(err, writer.ErrStopped) {
		t.Errorf("Promote afterwards = %v; want %v", err, writer.ErrStopped)
	}
}

// Who has the turn holds up the others no longer than they are asked to wait.
func TestHold(t *testing.T) {
	r, n := open(t, "")
	run(t, r)
	release, err := r.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := r.Hold(soon); fault.Of(err) != fault.Retryable {
		t.Errorf("a second Hold = %v; want a Retryable error", err)
	}
	if err := r.Follow(soon, nobody); fault.Of(err) != fault.Retryable || n.has("follow "+nobody) {
		t.Errorf("Follow = %v; want a Retryable error, and nothing changed", err)
	}
	release()
	if err := r.Follow(t.Context(), nobody); err != nil {
		t.Errorf("Follow = %v", err)
	}
}

// What a node is told to do and can't is refused, and leaves it as it was.
func TestRefused(t *testing.T) {
	r, n := open(t, "")
	run(t, r)
	for addr, want := range map[string]string{
		"http://h:1":           "neither nats nor tls",
		"nats://h":             "want nats://HOST:PORT",
		"nats://u:secret@h:1":  "may not have a password",
		"nats://127.0.0.1:9":   "can't follow itself",
		"tls://127.0.0.1:9":    "can't follow itself",
		"nats://\x00secret@:1": "not a URL",
	} {
		err := r.Follow(t.Context(), addr)
		if fault.Of(err) != fault.Refused || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("Follow(%q) = %v; want it refused with %q, and no password shown", addr, err, want)
		}
	}
	if err := r.Promote(t.Context()); err != nil {
		t.Errorf("Promote of a leader = %v; want nil", err)
	}
	if _, err := r.Switchover(t.Context(), "b"); !errors.Is(err, writer.ErrStopped) {
		t.Errorf("Switchover without anybody served = %v; want %v", err, writer.ErrStopped)
	}
	if n.has("await owner 0s") { // another switchover may have clients wait
		t.Error("a switchover that is refused ends a wait that it has not begun")
	}
	n.refuses = errors.New("no disk")
	if err := r.Follow(t.Context(), nobody); !errors.Is(err, n.refuses) {
		t.Errorf("Follow without a disk = %v; want %v", err, n.refuses)
	}
	n.refuses = nil
	n.Must(replaytest.Set("k", "v"))
	if l := r.Link(); l.State != standing.LinkNone || len(r.Replicas()) != 0 || r.Await(t.Context(), 1, 0, true) != 0 {
		t.Errorf("link %+v; want a leader as before, with no replicas", l)
	}
	if _, held := r.Held(); held {
		t.Error("the journal is held for replicas; want none")
	}
}

// From leading to following, to another leader, and back: what is written down, who
// is told, and what becomes of writes.
func TestChange(t *testing.T) {
	r, n := open(t, "")
	run(t, r)
	n.Must(replaytest.Set("k", "v"))
	const other = "nats://127.0.0.1:2"
	for _, leader := range []string{nobody, other} {
		if err := r.Follow(t.Context(), leader); err != nil {
			t.Fatal(err)
		}
		if l := r.Link(); l.Leader != leader || !n.has("follow "+leader) || !n.has("demote") {
			t.Errorf("following %s: link %+v, noted %q", leader, l, n.noted)
		}
	}
	if err := n.Do(replaytest.Set("k", "w")); fault.Of(err) != fault.Refused {
		t.Errorf("a write on a replica = %v; want it refused", err)
	}
	if err := r.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !n.has("lead") || !n.has("judge") || r.Link().State != standing.LinkNone {
		t.Errorf("leading: noted %q, link %+v", n.noted, r.Link())
	}
	// Reads may have been refused as too old until then.
	if last := n.noted[len(n.noted)-1]; last != "judge" {
		t.Errorf("the last thing done for leading is %q; want what is refused judged anew", last)
	}
	n.Must(replaytest.Set("k", "x"))
}

// A promotion that can't be written down leaves a replica.
func TestPromoteFails(t *testing.T) {
	r, n := open(t, "")
	run(t, r)
	n.Must(replaytest.Set("k", "v"))
	if err := r.Follow(t.Context(), nobody); err != nil {
		t.Fatal(err)
	}
	n.mu.Lock()
	n.refuses = errors.New("no disk")
	n.mu.Unlock()
	if err := r.Promote(t.Context()); !errors.Is(err, n.refuses) {
		t.Errorf("Promote = %v; want %v", err, n.refuses)
	}
	if l := r.Link(); l.Leader != nobody {
		t.Errorf("link %+v; want it to follow as before", l)
	}
	if err := n.Do(replaytest.Set("k", "w")); fault.Of(err) != fault.Refused {
		t.Errorf("a write = %v; want it refused as before", err)
	}
}

// A node that is about to lead has a switchover wait for that: its first entry, by which
// others know that it leads, is out before it says so itself.
func TestSwitchoverWhilePromoted(t *testing.T) {
	r, n := open(t, "")
	run(t, r)
	n.Must(replaytest.Set("k", "v"))
	if err := r.Follow(t.Context(), nobody); err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	n.leading = func() {
		began := make(chan struct{})
		go func() {
			close(began)
			asked <- leads(t.Context(), r)
		}()
		<-began
		select {
		case err := <-asked:
			t.Errorf("leads = %v at once; want it to wait for the promotion", err)
			asked <- nil
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := r.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-asked; err != nil {
		t.Errorf("leads = %v; want nil of a node that leads by then", err)
	}
}

// What replicas ask of a node that has nothing yet is put off, and a leader that
// hands over to an address that is none is refused.
func TestSource(t *testing.T) {
	r, n := open(t, "")
	s := source{r}
	if s.Serves() != nil || s.Lineage() != n.Log.Lineage() || s.State() != n.State || s.Log() != n.Log || s.Feed() != r.Feed() {
		t.Error("a leader does not serve what it has")
	}
	if err := s.Yield("nats://h:1", "pw"); err != nil || !n.has("yield to nats://h:1 pw") {
		t.Errorf("Yield = %v; want it written down", err)
	}
	if err := s.Yield("h", "pw"); fault.Of(err) != fault.Refused {
		t.Errorf("Yield to no address = %v; want it refused", err)
	}
	if _, err := s.Snapshot(t.Context()); err != nil || !n.has("take") {
		t.Errorf("Snapshot = %v; want one taken", err)
	}
	n.refuses = errors.New("no disk")
	if _, err := s.Snapshot(t.Context()); fault.Of(err) != fault.Retryable {
		t.Errorf("Snapshot = %v; want a Retryable error", err)
	}
}

// An adopter has room looked for before anything is fetched.
func TestFits(t *testing.T) {
	r, _ := open(t, "")
	a := adopter{r}
	r.cfg.MaxMemory = func() int64 { return 100 }
	r.cfg.Free = func() (int64, error) { return 50, nil }
	for _, tt := range []struct {
		bytes, have int64
		want        string
	}{
		{101, 101, "max-memory"}, {80, 20, "has room for"}, {80, 30, ""}, {50, 0, ""},
	} {
		err := a.Fits(tt.bytes, tt.have)
		if (err == nil) != (tt.want == "") || err != nil && (fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("Fits(%d, %d) = %v; want %q", tt.bytes, tt.have, err, tt.want)
		}
	}
	r.cfg.Free = func() (int64, error) { return 0, errors.New("no disk") }
	if err := a.Fits(1, 0); fault.Of(err) != fault.Operator {
		t.Errorf("Fits without a disk = %v; want an Operator error", err)
	}
}

// Where a node can be followed is said as its leader sees it.
func TestReach(t *testing.T) {
	from := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 7} }
	for _, tt := range []struct {
		own   string
		local net.Addr
		want  string // "" is an error
	}{
		{"", from("10.0.0.1"), ""},
		{"nats://0.0.0.0:4222", from("10.0.0.1"), "nats://10.0.0.1:4222"},
		{"tls://[::]:4222", from("fd00::1"), "tls://[fd00::1]:4222"},
		{"nats://127.0.0.1:4222", from("10.0.0.1"), ""},
		{"nats://127.0.0.1:4222", from("127.0.0.1"), "nats://127.0.0.1:4222"},
		{"nats://10.0.0.2:4222", from("10.0.0.1"), "nats://10.0.0.2:4222"},
		{"nats://ledge.example:4222", nil, "nats://ledge.example:4222"},
	} {
		at, _, err := reach(&node{url: tt.own}, tt.local)
		if at != tt.want && tt.want != "" || (err == nil) != (tt.want != "") {
			t.Errorf("%q seen from %v is reached at %q, %v; want %q", tt.own, tt.local, at, err, tt.want)
		}
	}
}

// A replica that waits for a snapshot does not keep the node from ending its service:
// what takes the snapshot asks in the end what replicas need of the journal.
func TestUnserveWhileSnapshotIsTaken(t *testing.T) {
	r, n := open(t, "")
	b, err := broker.Start(t.Context(), broker.Config{Dir: t.TempDir(), SyncInterval: time.Second, Users: []broker.User{
		{Name: "node", Inside: true, Publish: []string{"_INBOX.>"}, Subscribe: []string{remote.Subjects}},
		{Name: "replica", Inside: true, Publish: []string{remote.Subjects}, Subscribe: []string{"_INBOX.>"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if n.conn, err = b.Connect("node"); err != nil {
		t.Fatal(err)
	}
	defer n.conn.Close()
	replica, err := b.Connect("replica")
	if err != nil {
		t.Fatal(err)
	}
	defer replica.Close()
	begun := make(chan struct{})
	n.taking = func(ctx context.Context) {
		close(begun)
		<-ctx.Done() // Unserve has begun
		r.Held()
	}
	if err := errors.Join(r.Serve(), n.conn.Flush()); err != nil {
		t.Fatal(err)
	}
	hello, err := replica.Request("ledge.replica.hello", []byte(`{"version":1,"id":"r","node":"r","redis":"127.0.0.1:1","databases":1,`+
		`"empty":true,"lineage":"0000000000000000","number":0,"digest":"0000000000000000","epoch":0}`), 20*time.Second)
	if err != nil || len(hello.Header) > 0 {
		t.Fatalf("hello = %v, %v; want it answered", hello, err)
	}
	if err := replica.Publish("ledge.replica.meta", []byte(`{"id":"r"}`)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-begun:
	case <-time.After(20 * time.Second):
		t.Fatal("no snapshot is taken; want one")
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Unserve() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Unserve = %v; want nil", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Unserve waits for what waits for it")
	}
}
