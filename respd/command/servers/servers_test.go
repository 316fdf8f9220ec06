package servers_test

// What the commands answer from a host that a test has filled. Shapes and
// error texts are compared with Redis's in respd/compat/testdata/servers.

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/standing"
	"ledge/respd/command"
	"ledge/respd/command/servers"
	"ledge/respd/hub"
	"ledge/respd/resp"
	"ledge/respd/stats"
)

// host is a server that does nothing, in a node that remembers what it was
// told.
type host struct {
	command.Host
	hub     *hub.Hub
	t       *testing.T
	state   *replay.State
	table   *command.Table
	stats   *command.Stats
	slowlog *stats.Slowlog
	params  *command.Params
	node    node
	session *command.Session
}

type node struct {
	command.Past
	command.ClusterOrders
	command.Controlled
	sections  []command.InfoSection
	saved     int
	saveErr   error
	resumeErr error
	last      time.Time
	stopped   bool
	link      standing.Link
	replicas  []standing.Replica
	followed  string
	followErr error
	ended     bool          // the context that it was called with last had ended
	unsynced  bool          // the journal is never synced
	syncing   chan struct{} // closed when it has been
}

func (n *node) Info(func(string) bool) []command.InfoSection { return n.sections }
func (n *node) SaveInBackground() error                      { return n.saveErr }
func (n *node) LastSave() time.Time                          { return n.last }
func (n *node) Shutdown()                                    { n.stopped = true }

func (n *node) Health() []command.InfoField {
	return []command.InfoField{{Name: "journal_state", Value: "ok"}}
}

func (n *node) Resume(ctx context.Context) ([]command.InfoField, error) {
	n.ended = ctx.Err() != nil
	return []command.InfoField{{Name: "store a probe", Value: "ok"}}, n.resumeErr
}

func (n *node) Link() standing.Link          { return n.link }
func (n *node) Replicas() []standing.Replica { return n.replicas }
func (n *node) Follow(ctx context.Context, addr string) error {
	n.ended, n.followed = ctx.Err() != nil, addr
	return n.followErr
}

func (n *node) Promote(ctx context.Context) error {
	n.ended, n.followed = ctx.Err() != nil, ""
	return n.followErr
}

func (n *node) Await(context.Context, journal.Seq, int, bool) int { return len(n.replicas) }

func (n *node) Syncs() bool { return !n.unsynced }

func (n *node) AwaitSync(ctx context.Context, _ journal.Seq) bool {
	if n.syncing == nil {
		return !n.unsynced
	}
	select {
	case <-n.syncing:
		return true
	case <-ctx.Done():
		return false
	}
}

func (n *node) Save(ctx context.Context) error {
	n.ended = ctx.Err() != nil
	n.saved++
	return n.saveErr
}

func (h *host) Cluster() *cluster.Map { return nil }

func (h *host) State() *replay.State              { return h.state }
func (h *host) Table() *command.Table             { return h.table }
func (h *host) Stats() *command.Stats             { return h.stats }
func (h *host) Slowlog() *stats.Slowlog           { return h.slowlog }
func (h *host) Config() *command.Params           { return h.params }
func (h *host) Node() command.Node                { return &h.node }
func (h *host) Hub() *hub.Hub                     { return h.hub }
func (h *host) Clients(fn func(*command.Session)) { fn(h.session) }

type wire struct{ command.Connection }

func (wire) Buffers() (in, out int) { return 7, 9 }

func open(t *testing.T) *host {
	st, err := replay.New(16)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	size := "1"
	h := &host{t: t, state: st, table: command.NewTable(servers.Table()),
		stats: stats.New[*command.Spec](time.Now()), slowlog: stats.NewSlowlog(),
		hub: hub.New()}
	h.params = command.NewParams(
		command.Param{Name: "size", Get: func() string { return size },
			Set: func(v string, apply bool) error {
				if v == "bad" {
					return errors.New("bad size")
				}
				if apply {
					size = v
				}
				return nil
			}},
		command.Param{Name: "fixed", Get: func() string { return "f" }})
	h.session = &command.Session{ID: 1, Addr: "c:1", LAddr: "127.0.0.1:6379", Host: h, Conn: wire{}}
	h.session.SetFacts(func(f *command.Facts) { f.User = "default" })
	return h
}

func (h *host) do(line string) resp.Value {
	var args command.Args
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	spec, err := h.table.Resolve(args)
	if err != nil {
		return resp.FromError(err)
	}
	return spec.Conn(h.session, args)
}

func (h *host) want(line, want string) {
	h.t.Helper()
	if got := h.do(line).String(); got != want {
		h.t.Errorf("%s = %s; want %s", line, got, want)
	}
}

// The node's fields replace the server's of the same name, or follow them; a
// section that only the node has comes last.
func TestInfo(t *testing.T) {
	h := open(t)
	h.node.sections = []command.InfoSection{
		{Name: "Replication", Fields: []command.InfoField{{Name: "role", Value: "slave"},
			{Name: "lag", Value: "3"}}},
		{Name: "Journal", Fields: []command.InfoField{{Name: "journal_state", Value: "ok"}}},
		{Name: "Weather", Fields: []command.InfoField{{Name: "rain", Value: "no"}}},
	}
	h.want("INFO cluster replication", `(txt) "# Replication\r\nrole:slave\r\nconnected_slaves:0\r\n`+
		`master_repl_offset:0\r\nlag:3\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n"`)
	h.want("INFO JOURNAL", `(txt) "# Journal\r\njournal_state:ok\r\n"`)
	h.want("INFO nope", `(txt) ""`)
	for _, tt := range []struct {
		query, want string
	}{
		{"", "Server Clients Memory Persistence Journal Stats Replication CPU Modules " +
			"Errorstats Cluster Keyspace Weather"},
		{"default commandstats", "Server Clients Memory Persistence Journal Stats Replication CPU " +
			"Modules Commandstats Errorstats Cluster Keyspace Weather"},
		{"everything", "Server Clients Memory Persistence Journal Stats Replication CPU " +
			"Modules Commandstats Errorstats Cluster Keyspace Weather"},
		{"weather server", "Server Weather"},
	} {
		var got []string
		for line := range strings.Lines(h.do("INFO " + tt.query).Str()) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "# "); ok {
				got = append(got, name)
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("INFO %s has sections %s; want %s", tt.query, s, tt.want)
		}
	}
}

func TestInfoCounts(t *testing.T) {
	h := open(t)
	h.stats.Count(h.table.Find("config|get"), &stats.Calls{Calls: 4, Micros: 10, Rejected: 1, Failed: 2})
	h.stats.CountError("WRONGTYPE")
	h.stats.CountError("ERR")
	h.want("INFO commandstats", `(txt) "# Commandstats\r\n`+
		`cmdstat_config|get:calls=4,usec=10,usec_per_call=2.50,rejected_calls=1,failed_calls=2\r\n"`)
	h.want("INFO errorstats", `(txt) "# Errorstats\r\nerrorstat_ERR:count=1\r\nerrorstat_WRONGTYPE:count=1\r\n"`)
	h.want("CONFIG RESETSTAT", "OK")
	h.want("INFO commandstats", `(txt) "# Commandstats\r\n"`)
}

func TestRole(t *testing.T) {
	h := open(t)
	h.want("ROLE", `["master" (integer) 0 []]`)
	h.node.replicas = []standing.Replica{{Redis: "10.0.0.2:6379", Applied: 7}}
	h.want("ROLE", `["master" (integer) 0 [["10.0.0.2" "6379" "7"]]]`)
	h.node.link = standing.Link{Leader: "nats://up.example:4222", State: standing.LinkStreaming}
	h.want("ROLE", `["slave" "up.example" (integer) 4222 "connected" (integer) 0]`)
}

func TestConfig(t *testing.T) {
	h := open(t)
	h.want("CONFIG GET *", `{"fixed" "f" "size" "1"}`)
	h.want("CONFIG GET SIZE s*", `{"SIZE" "1"}`)
	h.want("CONFIG GET nope", "{}")
	h.want("CONFIG SET size 2", "OK")
	h.want("CONFIG SET size 3 fixed g", "(error) ERR CONFIG SET failed "+
		"(possibly related to argument 'fixed') - can't set immutable config")
	h.want("CONFIG SET size 3 SIZE bad", "(error) ERR CONFIG SET failed "+
		"(possibly related to argument 'SIZE') - duplicate parameter")
	h.want("CONFIG SET size bad", "(error) ERR CONFIG SET failed "+
		"(possibly related to argument 'size') - bad size")
	h.want("CONFIG SET size bad nope 1",
		"(error) ERR Unknown option or number of arguments for CONFIG SET - 'nope'")
	h.want("CONFIG GET size", `{"size" "2"}`)
}

func TestShutdown(t *testing.T) {
	for _, tt := range []struct {
		line, want string
		saved      int
		stopped    bool
	}{
		{"SHUTDOWN", "(none)", 0, true},
		{"SHUTDOWN NOSAVE NOW", "(none)", 0, true},
		{"SHUTDOWN SAVE", "(error) ERR Errors trying to SHUTDOWN. Check logs.", 1, false},
		{"SHUTDOWN save force", "(none)", 1, true},
		{"SHUTDOWN ABORT", "(error) ERR No shutdown in progress.", 0, false},
		{"SHUTDOWN ABORT SAVE", "(error) ERR syntax error", 0, false},
	} {
		h := open(t)
		h.node.saveErr = errors.New("disk full")
		h.want(tt.line, tt.want)
		if h.node.saved != tt.saved || h.node.stopped != tt.stopped {
			t.Errorf("%s: saved %d times, stopped %v; want %d, %v",
				tt.line, h.node.saved, h.node.stopped, tt.saved, tt.stopped)
		}
	}
}

func TestSave(t *testing.T) {
	h := open(t)
	h.want("SAVE", "OK")
	h.want("BGSAVE", "Background saving started")
	h.node.last = time.Unix(1234, 0)
	h.want("LASTSAVE", "(integer) 1234")
	h.node.saveErr = command.ErrSaving
	h.want("BGSAVE SCHEDULE", "(error) ERR Background save already in progress")
	h.want("SAVE", "(error) ERR Background save already in progress")
}

// LEDGE STATUS and LEDGE RESUME show what the node says, and a resume that did
// not work is an error.
func TestLedge(t *testing.T) {
	h := open(t)
	h.want("LEDGE STATUS", `{"journal_state" "ok"}`)
	h.want("LEDGE RESUME", `{"store a probe" "ok"}`)
	h.node.resumeErr = errors.New("input/output error")
	h.want("LEDGE RESUME", "(error) MISCONF the journal stays suspended: input/output error")
}

func TestSlowlog(t *testing.T) {
	h := open(t)
	for _, name := range []string{"a", "b", "c"} {
		h.slowlog.Add(command.Args{[]byte("GET"), []byte(name)}, time.Second,
			time.Unix(100, 0), h.session.Addr, "")
	}
	h.want("SLOWLOG LEN", "(integer) 3")
	h.want("SLOWLOG GET 1", `[[(integer) 2 (integer) 100 (integer) 1000000 ["GET" "c"] "c:1" ""]]`)
	if got := len(h.do("SLOWLOG GET -1").Elems()); got != 3 {
		t.Errorf("SLOWLOG GET -1 has %d entries; want 3", got)
	}
	h.want("SLOWLOG RESET", "OK")
	h.want("SLOWLOG LEN", "(integer) 0")
}

// Every command must be fit for COMMAND and COMMAND DOCS.
func TestCommand(t *testing.T) {
	h := open(t)
	all := h.do("COMMAND").Elems()
	if got, want := int64(len(all)), h.do("COMMAND COUNT").Num(); got != want {
		t.Errorf("COMMAND lists %d; want %d", got, want)
	}
	for _, c := range all {
		if got := len(c.Elems()); got != 10 {
			t.Errorf("COMMAND INFO of %s has %d elements; want 10", c.Elems()[0], got)
		}
	}
	docs := h.do("COMMAND DOCS").Elems()
	for i := 0; i < len(docs); i += 2 {
		if got := docs[i+1].Elems(); len(got) < 6 || got[0].Str() != "summary" {
			t.Errorf("COMMAND DOCS of %s = %s; want a summary and more", docs[i], docs[i+1])
		}
	}
	h.want("COMMAND GETKEYSANDFLAGS memory usage k", `[["k" ~[RO]]]`)
}

func TestDebug(t *testing.T) {
	h := open(t)
	h.want("DEBUG SLEEP 0", "OK")
	h.want("DEBUG SLEEP 61", "(error) ERR DEBUG SLEEP takes 0 to 60 seconds")
	h.want("DEBUG JMAP", "(error) ERR unknown subcommand or wrong number of arguments for 'JMAP'. Try DEBUG HELP.")
	if !h.table.Find("debug").Flags.Has(command.Slow) {
		t.Error("DEBUG is not Slow; its SLEEP would hold the event loop")
	}
}

// WAITAOF waits for this node's sync, and is refused where there is none.
func TestWaitAOF(t *testing.T) {
	h := open(t)
	h.session.SetContext(t.Context())
	const never = "ERR WAITAOF cannot be used when numlocal is set but the journal is never synced (sync off)."
	want := func(line, want string) {
		t.Helper()
		got := h.do(line)
		text := got.ErrorText()
		if !got.IsError() {
			text = ""
			for _, v := range got.Elems() {
				text += strconv.FormatInt(v.Num(), 10)
			}
		}
		if text != want {
			t.Errorf("%s = %q; want %q", line, text, want)
		}
	}
	want("WAITAOF 1 0 0", "10")
	h.node.replicas = make([]standing.Replica, 2)
	want("WAITAOF 1 2 0", "12")
	h.node.syncing = make(chan struct{})
	want("WAITAOF 1 2 1", "02")
	want("WAITAOF 0 2 0", "02")
	h.session.DropContext() // as in EXEC
	want("WAITAOF 1 2 0", "02")
	h.session.SetContext(t.Context())
	time.AfterFunc(time.Millisecond, func() { close(h.node.syncing) })
	want("WAITAOF 1 2 0", "12")
	h.node.unsynced, h.node.syncing = true, nil
	want("WAITAOF 1 0 0", never)
	want("WAITAOF 1 0 x", "ERR timeout is not an integer or out of range")
	want("WAITAOF 2 0 x", "ERR value is out of range, must be between 0 and 1")
	want("WAITAOF 0 0 0", "02")
}

// What takes long is given up with the client that has asked for it.
func TestContexts(t *testing.T) {
	h := open(t)
	for _, line := range []string{"SAVE", "SHUTDOWN SAVE", "LEDGE RESUME", "REPLICAOF h 1", "REPLICAOF NO ONE", "SLAVEOF NO ONE"} {
		ctx, end := context.WithCancel(t.Context())
		h.session.SetContext(ctx)
		if h.do(line); h.node.ended {
			t.Errorf("%s: the context had ended while the client was there", line)
		}
		end()
		if h.do(line); !h.node.ended {
			t.Errorf("%s: the context goes on without the client", line)
		}
	}
}
