package appliance_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/journal/broker"
	"ledge/replay/remote"
)

// between stands between a replica and its leader: a broker of its own, which
// hands on what either says. A test can have it answer in the leader's place,
// change an answer, or keep silent.
type between struct {
	t       *testing.T
	url     string
	secret  string // the file with the password
	here    *nats.Conn
	there   *nats.Conn
	mu      sync.Mutex
	asked   map[string][]string                    // requests by the last word of their subject; mu
	request func(what string, m *nats.Msg) bool    // false keeps it from the leader; mu
	answer  func(what string, m, answer *nats.Msg) // may change the answer; mu
	over    bool                                   // the test is, and with it its connections; mu
}

// stand starts a between before a leader.
func stand(t *testing.T, leader *peer) *between {
	t.Helper()
	password, err := os.ReadFile(leader.secret())
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(string(password))
	here, err := broker.Start(t.Context(), broker.Config{Dir: filepath.Join(t.TempDir(), "between"), Name: "between",
		SyncInterval: time.Second, Listen: "127.0.0.1:0",
		Users: admin.Users(map[string]string{admin.ReplicaUser: secret}, remote.Subjects)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close() })
	b := &between{t: t, url: here.ClientURL(), secret: leader.secret(), asked: make(map[string][]string)}
	if b.here, err = here.Connect(admin.ServiceUser); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.here.Close)
	b.there, err = nats.Connect(leader.nats(), nats.UserInfo(admin.ReplicaUser, secret),
		nats.CustomInboxPrefix("_INBOX."+admin.ReplicaUser))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.there.Close)
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.over = true
	})
	if _, err := b.here.Subscribe("ledge.replica.>", b.hand); err != nil {
		t.Fatal(err)
	}
	if err := b.here.Flush(); err != nil {
		t.Fatal(err)
	}
	return b
}

// hand hands on a request, and all that it is answered with.
func (b *between) hand(m *nats.Msg) {
	what := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[what] = append(b.asked[what], string(m.Data))
	if b.over {
		return
	}
	if b.request != nil && !b.request(what, m) {
		return
	}
	if m.Reply == "" {
		if err := b.there.Publish(m.Subject, m.Data); err != nil {
			b.t.Error(err)
		}
		return
	}
	inbox := b.there.NewInbox()
	if _, err := b.there.Subscribe(inbox, func(a *nats.Msg) { b.back(what, m, a) }); err != nil {
		b.t.Error(err)
	}
	if err := b.there.PublishRequest(m.Subject, inbox, m.Data); err != nil {
		b.t.Error(err)
	}
}

func (b *between) back(what string, m, a *nats.Msg) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answer != nil {
		b.answer(what, m, a)
	}
	b.reply(m, a)
}

// reply answers a request.
func (b *between) reply(m, a *nats.Msg) {
	if b.over {
		return
	}
	if err := b.here.PublishMsg(&nats.Msg{Subject: m.Reply, Header: a.Header, Data: a.Data}); err != nil {
		b.t.Error(err)
	}
}

// refuse answers a request with an error that may go away.
func (b *between) refuse(m *nats.Msg, text string) {
	b.reply(m, &nats.Msg{Header: nats.Header{"Nats-Service-Error": {text},
		"Nats-Service-Error-Code": {"503"}, "Ledge-Class": {"retryable"}}})
}

// meddle sets what the between does from now on.
func (b *between) meddle(request func(what string, m *nats.Msg) bool, answer func(what string, m, answer *nats.Msg)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.request, b.answer = request, answer
}

// requests returns what has been asked for.
func (b *between) requests(what string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked[what])
}

// followed starts a replica on the between.
func (b *between) followed(dir string, opts ...string) *peer {
	b.t.Helper()
	return lead(b.t, dir, append([]string{"--follow", b.url, "--follow-password-file", b.secret,
		"--connect-timeout", patience(remote.DefaultConnectTimeout).String(),
		"--fetch-timeout", patience(remote.DefaultFetchTimeout).String()}, opts...)...)
}

// count returns how many requests have that in them.
func (b *between) count(what, part string) (n int) {
	for _, q := range b.requests(what) {
		if strings.Contains(q, part) {
			n++
		}
	}
	return n
}

// large writes enough for a snapshot of several chunks, and truncates the
// journal after it.
func (p *peer) large(t *testing.T) {
	t.Helper()
	noise := strings.Repeat("0123456789abcdef", 16<<10)
	for _, k := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"} {
		p.do("SET", "large:"+k, k+noise)
	}
	p.compact()
}

// fallow is how long a test waits at most for what comes at once.
const fallow = 10 * time.Second
