package jet

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// lines is a log handler that keeps what it is given.
type lines struct {
	slog.Handler
	mu   sync.Mutex
	list []string // mu
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { line += fmt.Sprintf(" %s=%v", a.Key, a.Value); return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, line)
	return nil
}

// with returns the lines that have that in them.
func (l *lines) with(part string) (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.list {
		if strings.Contains(s, part) && !strings.HasPrefix(s, "DEBUG") {
			list = append(list, s)
		}
	}
	return list
}

// until waits until there is such a line.
func (l *lines) until(t *testing.T, part string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); len(l.with(part)) == 0; <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("no line with %q among %q", part, l.with(""))
		}
	}
}

// Failed logins, of whatever user and however many, make one line at once and a
// count; so does anything else that a client can have the broker log.
func TestLimit(t *testing.T) {
	const tries = 200
	for _, c := range []struct {
		name, first, more string
		knock             func(addr string, i int)
	}{
		{"admin", `authentication error - User "admin"`, kindLogin, login("admin", "wrong")},
		{"replica", `authentication error - User "replica"`, kindLogin, login("replica", "")},
		{"nobody", "authentication error", kindLogin, login("\x1b[31mnobody\n", "x")},
		{"another user each time", "authentication error", kindLogin, func(addr string, i int) { login(fmt.Sprint("u", i), "x")(addr, i) }},
		{"not the protocol", "cid:", kindLogin, func(addr string, _ int) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = c.Read(make([]byte, 1<<12))
			_, _ = c.Read(make([]byte, 1<<12)) // until it is closed
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := &lines{}
			j, err := Open(t.Context(), Config{Dir: filepath.Join(t.TempDir(), "j"), Name: "n", Lineage: 1, Create: true,
				First: 1, Sync: SyncOff, Listen: "127.0.0.1:0", Log: slog.New(said),
				Users: []User{{AdminUser, "a"}, {ReplicaUser, "r"}, {MonitorUser, "m"}}})
			if err != nil {
				t.Fatal(err)
			}
			addr := strings.TrimPrefix(j.ClientURL(), "nats://")
			c.knock(addr, 0)
			said.until(t, c.first)
			for i := range tries {
				c.knock(addr, i)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			all := said.with("")
			firsts, counts := 0, 0
			for _, s := range all {
				if strings.Contains(s, "more "+c.more+" count=") {
					counts++
				} else if strings.Contains(s, c.first) {
					firsts++
				}
				if strings.ContainsAny(s, "\x1b\n") {
					t.Errorf("%q has what can't be printed", s)
				}
			}
			if firsts < 1 || firsts > 3 || counts < 1 || firsts+counts > 12 {
				t.Errorf("%d clients made %d lines and %d counts; want one at once and a few counts: %q", tries, firsts, counts, all)
			}
		})
	}
}

func login(user, password string) func(string, int) {
	return func(addr string, _ int) {
		if nc, err := nats.Connect(addr, nats.UserInfo(user, password)); err == nil {
			nc.Close()
		}
	}
}

// Each kind is counted by itself, and let through again when it has been quiet.
func TestLimitKinds(t *testing.T) {
	said := &lines{}
	l := newLimit(slog.New(said))
	l.every = time.Hour // what is due is said when the test says so
	defer l.close()
	const client = `127.0.0.1:4711 - cid:8 - "v1:go:x" - `
	b := &brokerLog{log: slog.New(said), limit: l, sick: make(chan struct{}, 1)}
	b.Errorf("%s", client+"authentication error - a")
	b.Errorf("%s", client+"TLS handshake error: EOF")
	b.Warnf("%s", client+"slow")
	b.Errorf("%s", "JetStream resource limits exceeded")
	for _, want := range []string{"authentication error - a", "handshake error", "slow", "resource limits"} {
		said.until(t, want)
	}
	for range 7 {
		b.Errorf("%s", client+"authentication error - b")
	}
	b.Errorf("%s", client+"critical write error")
	l.tell(kindLogin)
	said.until(t, "more failed logins count=7 within=1h0m0s last=127")
	if b.takeCause() != "" {
		t.Error("a client's line has suspended the journal")
	}
	l.tell(kindLogin) // none has come meanwhile
	b.Errorf("%s", client+"authentication error - c")
	said.until(t, "authentication error - c")
}
