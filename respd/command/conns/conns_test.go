package conns_test

// What the commands do to sessions, without a server. Replies and error texts
// are compared with Redis's in respd/compat/testdata/conns.

import (
	"strings"
	"testing"
	"time"

	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/standing"
	"ledge/respd/command"
	"ledge/respd/command/conns"
	"ledge/respd/hub"
	"ledge/respd/resp"
)

// host has clients and perhaps a password.
type host struct {
	command.Host
	t        *testing.T
	state    *replay.State
	table    *command.Table
	hub      *hub.Hub
	password string
	denied   int
	clients  []*command.Session
	until    time.Time
	all      bool
	node     command.Node
}

// node knows how it stands with its leader, and nothing else: it panics when it is
// asked for more.
type node struct {
	command.Node
	link standing.Link
}

func (n node) Link() standing.Link { return n.link }

func (h *host) Cluster() *cluster.Map { return nil }

func (h *host) State() *replay.State  { return h.state }
func (h *host) Table() *command.Table { return h.table }
func (h *host) Hub() *hub.Hub         { return h.hub }
func (h *host) Node() command.Node    { return h.node }

func (h *host) Clients(fn func(*command.Session)) {
	for _, c := range h.clients {
		fn(c)
	}
}

func (h *host) Pause(until time.Time, all bool) { h.until, h.all = until, all }

func (h *host) Authenticate(user, password string) (ok, required bool) {
	return user == "default" && (h.password == "" || password == h.password), h.password != ""
}

func (h *host) Denied(*command.Session) { h.denied++ }

// wire is a connection that remembers whether it was closed.
type wire struct{ killed bool }

func (w *wire) Kill() { w.killed = true }

func (*wire) Unblock(bool) bool          { return false }
func (*wire) HasRoom(int) bool           { return true }
func (w *wire) Buffers() (in, out int)   { return 7, 9 }
func (w *wire) Traffic() (in, out int64) { return 0, 0 }
func (w *wire) Push(*hub.Message)        {}

func open(t *testing.T, password string) *host {
	st, err := replay.New(16)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return &host{t: t, state: st, table: command.NewTable(conns.Table()), hub: hub.New(),
		password: password}
}

// connect adds a client.
func (h *host) connect(addr string) *command.Session {
	s := &command.Session{ID: int64(len(h.clients) + 1), Addr: addr, LAddr: "l:1",
		Created: time.Now(), Host: h, Conn: &wire{}, FD: 8, Authed: h.password == ""}
	s.SetProto(2)
	s.Queued.Store(-1)
	s.SetFacts(func(f *command.Facts) { f.User = "default" })
	h.clients = append(h.clients, s)
	return s
}

// do runs a command; words are separated by spaces.
func (h *host) do(s *command.Session, line string) resp.Value {
	var args command.Args
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	spec, err := h.table.Resolve(args)
	if err != nil {
		return resp.FromError(err)
	}
	return spec.Conn(s, args)
}

// want checks the reply to a command.
func (h *host) want(s *command.Session, line, want string) {
	h.t.Helper()
	if got := h.do(s, line).String(); got != want {
		h.t.Errorf("%s = %s; want %s", line, got, want)
	}
}

func TestAuth(t *testing.T) {
	h := open(t, "secret")
	s := h.connect("c:1")
	h.want(s, "HELLO 3", "(error) NOAUTH HELLO must be called with the client already authenticated, "+
		"otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client "+
		"and select the RESP protocol version at the same time")
	h.want(s, "AUTH wrong", "(error) WRONGPASS invalid username-password pair or user is disabled.")
	h.want(s, "AUTH other secret", "(error) WRONGPASS invalid username-password pair or user is disabled.")
	if s.Authed || s.Proto != 2 {
		t.Errorf("Authed %v, Proto %d; want false, 2", s.Authed, s.Proto)
	}
	h.want(s, "AUTH secret", "OK")
	if !s.Authed {
		t.Error("Authed = false after AUTH; want true")
	}
	h.want(s, "RESET", "RESET")
	if s.Authed {
		t.Error("Authed = true after RESET; want false")
	}
	if got := h.do(s, "HELLO 3 AUTH default secret SETNAME me"); got.Kind() != resp.KindMap {
		t.Errorf("HELLO = %s; want a map", got)
	}
	if !s.Authed || s.Proto != 3 || s.Facts().Name != "me" {
		t.Errorf("Authed %v, Proto %d, name %q; want true, 3, me", s.Authed, s.Proto, s.Facts().Name)
	}
}

func TestReset(t *testing.T) {
	h := open(t, "")
	s := h.connect("c:1")
	h.do(s, "SELECT 3")
	h.do(s, "HELLO 3 SETNAME me")
	h.do(s, "CLIENT REPLY OFF")
	s.Tx = command.Tx{On: true, Broken: true, Queue: make([]command.Queued, 2)}
	s.Queued.Store(2)
	h.want(s, "RESET", "RESET")
	if s.DB != 0 || s.Proto != 2 || s.NoReply || s.Tx.On || s.Queued.Load() != -1 || !s.Authed {
		t.Errorf("after RESET: DB %d, Proto %d, NoReply %v, Tx.On %v, queued %d, Authed %v",
			s.DB, s.Proto, s.NoReply, s.Tx.On, s.Queued.Load(), s.Authed)
	}
	h.want(s, "CLIENT GETNAME", "(nil)")
}

func TestReply(t *testing.T) {
	h := open(t, "")
	s := h.connect("c:1")
	h.want(s, "CLIENT REPLY SKIP", "(none)")
	if s.Skip != 1 {
		t.Errorf("Skip = %d; want 1", s.Skip)
	}
	h.want(s, "CLIENT REPLY OFF", "(none)")
	h.want(s, "CLIENT REPLY ON", "OK")
	if s.NoReply || s.Skip != 0 {
		t.Errorf("NoReply %v, Skip %d; want false, 0", s.NoReply, s.Skip)
	}
}

func TestList(t *testing.T) {
	h := open(t, "")
	a, b := h.connect("c:1"), h.connect("c:2")
	h.do(b, "CLIENT SETNAME bee")
	h.do(b, "CLIENT NO-EVICT ON")
	b.Queued.Store(4)
	b.LastUsed.Store(time.Now().UnixMilli())
	b.LastCmd.Store(h.table.Find("ping"))
	line := "id=2 addr=c:2 laddr=l:1 fd=8 name=bee age=0 idle=0 flags=xe db=0 sub=0 psub=0 ssub=0 " +
		"multi=4 qbuf=7 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=9 oll=0 omem=0 tot-mem=16 " +
		"events=r cmd=ping user=default redir=-1 resp=2\n"
	if got := h.do(a, "CLIENT LIST ID 2").Str(); got != line {
		t.Errorf("CLIENT LIST ID 2 = %q; want %q", got, line)
	}
	b.Channels.Store(1)
	for want, query := range []string{"TYPE master", "TYPE pubsub", "ID 1 2 3"} {
		if got := strings.Count(h.do(a, "CLIENT LIST "+query).Str(), "\n"); got != want {
			t.Errorf("CLIENT LIST %s shows %d clients; want %d", query, got, want)
		}
	}
	if got := h.do(a, "CLIENT INFO").Str(); !strings.Contains(got, "cmd=client|info") {
		t.Errorf("CLIENT INFO = %q; want cmd=client|info in it", got)
	}
}

func TestKill(t *testing.T) {
	for _, tt := range []struct {
		query, reply   string
		quit, one, two bool
	}{
		{"c:2", "OK", false, true, false},
		{"c:1", "OK", true, false, false},
		{"c:9", "(error) ERR No such client", false, false, false},
		{"TYPE normal", "(integer) 1", false, true, false},
		{"TYPE pubsub", "(integer) 1", false, false, true},
		{"LADDR l:1", "(integer) 2", false, true, true},
		{"USER default SKIPME no", "(integer) 3", true, true, true},
		{"ID 2 ADDR c:3", "(integer) 0", false, false, false},
		{"ID 3 ADDR c:3", "(integer) 1", false, false, true},
	} {
		h := open(t, "")
		s, one, two := h.connect("c:1"), h.connect("c:2"), h.connect("c:3")
		two.Patterns.Store(1)
		h.want(s, "CLIENT KILL "+tt.query, tt.reply)
		got := []bool{s.Quit, one.Conn.(*wire).killed, two.Conn.(*wire).killed}
		if got[0] != tt.quit || got[1] != tt.one || got[2] != tt.two {
			t.Errorf("CLIENT KILL %s closed %v; want %v, %v, %v",
				tt.query, got, tt.quit, tt.one, tt.two)
		}
	}
}

func TestPause(t *testing.T) {
	h := open(t, "")
	s := h.connect("c:1")
	h.want(s, "CLIENT PAUSE 10000 WRITE", "OK")
	if left := time.Until(h.until); h.all || left < 5*time.Second || left > 10*time.Second {
		t.Errorf("paused for %v, all %v; want 10s, only writes", left, h.all)
	}
	h.want(s, "CLIENT PAUSE 9000000000000000", "OK")
	if !h.all || time.Until(h.until) < 1000*time.Hour {
		t.Errorf("paused until %v, all %v; want for very long, all", h.until, h.all)
	}
	h.want(s, "CLIENT PAUSE 9223372036854775807", "(error) ERR timeout is out of range")
	h.want(s, "CLIENT UNPAUSE", "OK")
	if !h.until.IsZero() {
		t.Errorf("paused until %v; want not at all", h.until)
	}
}

func TestSetInfo(t *testing.T) {
	h := open(t, "")
	s := h.connect("c:1")
	h.want(s, "CLIENT SETINFO LIB-NAME go-redis", "OK")
	h.want(s, "CLIENT SETINFO lib-ver 9.1", "OK")
	h.want(s, "CLIENT SETINFO lib-foo 9.1", "(error) ERR Unrecognized option 'lib-foo'")
	if f := s.Facts(); f.LibName != "go-redis" || f.LibVer != "9.1" {
		t.Errorf("library %q %q; want go-redis 9.1", f.LibName, f.LibVer)
	}
	h.want(s, "CLIENT TRACKING ON", "(error) ERR client-side caching is not offered by this server")
}

// Among messages, RESP2 has no other way to tell a reply.
func TestPingSubscribed(t *testing.T) {
	h := open(t, "")
	s := h.connect("c:1")
	s.Channels.Store(1)
	h.want(s, "PING", `["pong" ""]`)
	h.want(s, "PING x", `["pong" "x"]`)
	s.SetProto(3)
	h.want(s, "PING", "PONG")
}

// QUIT and RESET must not run in the middle of a group of writes: if its
// append fails, the commands before them are run again.
func TestFlags(t *testing.T) {
	for _, name := range []string{"quit", "reset", "auth", "hello"} {
		spec := command.NewTable(conns.Table()).Find(name)
		if spec.Flags.Has(command.Inline) {
			t.Errorf("%s is Inline; want it not to be", name)
		}
	}
}

func TestHelp(t *testing.T) {
	h := open(t, "")
	got := h.do(h.connect("c:1"), "CLIENT HELP").Elems()
	if want := 1 + 2*len(h.table.Find("client").Subs); len(got) != want {
		t.Errorf("CLIENT HELP has %d lines; want %d", len(got), want)
	}
}

// HELLO asks for the role, and not for all of INFO.
func TestHelloRole(t *testing.T) {
	h := open(t, "")
	s := h.connect("c:1")
	for want, n := range map[string]command.Node{
		"master":  node{},
		"replica": node{link: standing.Link{State: standing.LinkStreaming}},
	} {
		h.node = n
		if got := h.do(s, "HELLO").String(); !strings.Contains(got, `"role" "`+want+`"`) && !strings.Contains(got, "role "+want) {
			t.Errorf("HELLO = %s; want the role %s", got, want)
		}
	}
	h.node = nil
	if got := h.do(s, "HELLO").String(); !strings.Contains(got, "master") {
		t.Errorf("HELLO = %s; want the role master", got)
	}
}
