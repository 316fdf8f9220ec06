package appliance_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/journal/freeport"
)

// The tests of replication run nodes as processes of their own, on loopback.
// This file starts them and asks how they stand.

// peer is a node that leads or follows.
type peer struct {
	*process
	dir string
	c   *redis.Client
}

// lead starts a node that others can follow.
func lead(t *testing.T, dir string, opts ...string) *peer {
	t.Helper()
	p := start(t, dir, append([]string{"--nats-listen", freeport.Addr(t), "--node", filepath.Base(dir)}, opts...)...)
	return &peer{p, dir, p.client()}
}

// follow starts a node that follows another.
func follow(t *testing.T, dir string, of *peer, opts ...string) *peer {
	t.Helper()
	return lead(t, dir, append([]string{"--follow", of.nats(), "--follow-password-file", of.secret()}, opts...)...)
}

// directories returns directories whose last element is the node's name.
func directories(t *testing.T, names ...string) []string {
	dirs := make([]string, len(names))
	for i, name := range names {
		dirs[i] = filepath.Join(t.TempDir(), name)
	}
	return dirs
}

// nats returns the URL that others follow the node by.
func (p *peer) nats() string {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, "run.json"))
	var said struct{ NATS string }
	if err == nil {
		err = json.Unmarshal(b, &said)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return said.NATS
}

// address returns the host and the port of nats.
func (p *peer) address() (host, port string) {
	host, port, _ = strings.Cut(strings.TrimPrefix(p.nats(), "nats://"), ":")
	return host, port
}

// secret returns the file with the password that others follow the node with.
func (p *peer) secret() string { return filepath.Join(p.dir, "auth", "replica") }

// field returns a field of INFO, or "" while the node doesn't say.
func (p *peer) field(name string) string {
	text, err := p.c.Info(context.Background(), "everything").Result()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// do has the node do something that must work.
func (p *peer) do(args ...any) any {
	p.t.Helper()
	got, err := p.c.Do(context.Background(), args...).Result()
	if err != nil && err != redis.Nil {
		p.t.Fatalf("%v: %v", args, err)
	}
	return got
}

// refuses checks that the node refuses something with a certain text.
func (p *peer) refuses(want string, args ...any) {
	p.t.Helper()
	if got, err := p.c.Do(context.Background(), args...).Result(); err == nil || !strings.Contains(err.Error(), want) {
		p.t.Errorf("%v = %v, %v; want an error with %q", args, got, err, want)
	}
}

// follows has a running node follow another.
func (p *peer) follows(of *peer) {
	p.t.Helper()
	b, err := os.ReadFile(of.secret())
	if err == nil {
		err = os.WriteFile(filepath.Join(p.dir, "auth", "leader"), b, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	host, port := of.address()
	p.do("REPLICAOF", host, port)
}

// state waits until the node's link has a state.
func (p *peer) state(want string, limit time.Duration) {
	p.t.Helper()
	within(p.t, limit, "the link is "+want, func() bool { return p.field("ledge_link_state") == want })
}

// equal waits until a replica has all that its leader has, and checks that the
// digests are the same and both states sound.
func (p *peer) equal(leader *peer) {
	p.t.Helper()
	p.level(leader, 20*time.Second)
	if got, want := p.field("journal_digest"), leader.field("journal_digest"); got != want {
		p.t.Errorf("the replica's digest at number %s is %s; the leader's is %s", p.field("journal_last_seq"), got, want)
	}
	leader.sound()
	p.sound()
}

// level waits until a replica streams and has all that its leader has by now.
func (p *peer) level(leader *peer, limit time.Duration) {
	p.t.Helper()
	want := number(p.t, leader.field("journal_last_seq"))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; <-tick.C {
		got, state := number(p.t, p.field("journal_last_seq")), p.field("ledge_link_state")
		if got >= want && state == "streaming" {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("after %s the replica is at number %d, %s, %q; want %d, streaming",
				limit, got, state, p.field("ledge_link_last_error"), want)
		}
	}
}

// sound has the node read its journal and snapshots and count its state again.
func (p *peer) sound() {
	p.t.Helper()
	p.asked(func(ctx context.Context, c *admin.Conn) error {
		_, err := c.Verify(ctx, filepath.Base(p.dir))
		return err
	})
}

// link returns how the node stands with its leader.
func (p *peer) link() (l admin.Link) {
	p.t.Helper()
	p.asked(func(ctx context.Context, c *admin.Conn) error {
		st, err := c.Status(ctx, filepath.Base(p.dir))
		if st.Link != nil {
			l = *st.Link
		}
		return err
	})
	return l
}

// asked has a running node do what only operators can ask.
func (p *peer) asked(ask func(context.Context, *admin.Conn) error) {
	p.t.Helper()
	secret, err := os.ReadFile(filepath.Join(p.dir, "auth", "admin"))
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := admin.Dial(p.t.Context(), admin.ClientConfig{
		Server: p.nats(), User: "admin", Password: strings.TrimSpace(string(secret))})
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	if err := ask(p.t.Context(), c); err != nil {
		p.t.Fatalf("%s: %v", filepath.Base(p.dir), err)
	}
}

// compact has the node truncate its journal, so that a replica from scratch
// needs a full sync.
func (p *peer) compact() {
	p.t.Helper()
	p.asked(func(ctx context.Context, c *admin.Conn) error {
		_, err := c.Compact(ctx, filepath.Base(p.dir))
		return err
	})
}

// fill writes something of each type.
func (p *peer) fill() {
	p.t.Helper()
	p.do("SET", "string", strings.Repeat("s", 3000))
	p.do("SET", "expiring", "v", "PX", "3600000")
	p.do("SET", "gone", "v")
	p.do("DEL", "gone")
	p.do("HSET", "hash", "a", "1", "b", "2", "c", "3")
	p.do("HPEXPIRE", "hash", "3600000", "FIELDS", "1", "b")
	p.do("RPUSH", "list", "x", "y", "z")
	p.do("SADD", "set", "m", "n", "1", "2")
	p.do("ZADD", "zset", "1.5", "one", "-2", "two", "inf", "most")
	p.do("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function{function_name='f', "+
		"callback=function() return 7 end, flags={'no-writes'}}")
}

// filled checks that a replica serves what fill has written.
func (p *peer) filled() {
	p.t.Helper()
	for _, q := range []struct {
		want any
		args []any
	}{
		{int64(3000), []any{"STRLEN", "string"}}, {"2", []any{"HGET", "hash", "b"}},
		{int64(3), []any{"LLEN", "list"}}, {int64(4), []any{"SCARD", "set"}},
		{int64(2), []any{"ZRANK", "zset", "most"}}, {int64(7), []any{"FCALL_RO", "f", "0"}},
	} {
		if got := p.do(q.args...); got != q.want {
			p.t.Errorf("%v = %v; want %v", q.args, got, q.want)
		}
	}
	if got := p.do("HPTTL", "hash", "FIELDS", "2", "b", "a").([]any); got[0].(int64) <= 0 || got[1] != int64(-1) {
		p.t.Errorf("HPTTL = %v; want a deadline on the first field only", got)
	}
}
