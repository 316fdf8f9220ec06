package appliance_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
)

// A replica from scratch has the leader's journal from number 1 on. It serves
// reads, refuses writes in whatever they are wrapped, and goes on where it was
// after a kill.
func TestReplicaStreams(t *testing.T) {
	dirs := directories(t, "leader", "replica")
	a := lead(t, dirs[0])
	a.fill()
	b := follow(t, dirs[1], a)
	b.equal(a)
	b.filled()
	if got := b.field("ledge_link_full_syncs"); got != "0" {
		t.Errorf("full syncs = %s; want 0 while the leader has number 1", got)
	}
	for _, args := range [][]any{{"SET", "k", "v"}, {"DEL", "string"}, {"FLUSHALL"}, {"EXPIRE", "string", "1"},
		{"EVAL", "return redis.call('SET', KEYS[1], 'v')", "1", "k"}, {"FUNCTION", "FLUSH"}} {
		b.refuses("READONLY", args...)
	}
	tx := b.c.TxPipeline()
	tx.Get(t.Context(), "string")
	tx.Set(t.Context(), "k", "v", 0)
	cmds, err := tx.Exec(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "EXECABORT") ||
		!strings.HasPrefix(cmds[1].Err().Error(), "READONLY") {
		t.Errorf("EXEC of a transaction that writes = %v; want it aborted for READONLY", err)
	}
	if got := b.do("EVAL", "return redis.call('HGET', KEYS[1], 'a')", "1", "hash"); got != "1" {
		t.Errorf("a script that reads = %v; want 1", got)
	}
	b.equal(a)

	b.end(syscall.SIGKILL)
	a.do("SET", "later", "v")
	b = follow(t, dirs[1], a)
	b.equal(a)
	if got := b.field("ledge_link_full_syncs"); got != "0" {
		t.Errorf("full syncs after a kill = %s; want 0", got)
	}
}

// A leader whose journal has been truncated gives a replica its snapshot, and
// what is behind it. That the replica is killed afterwards costs no other.
func TestReplicaFullSync(t *testing.T) {
	dirs := directories(t, "leader", "replica")
	a := lead(t, dirs[0])
	a.fill()
	a.compact()
	a.do("SET", "behind", "the snapshot")
	b := follow(t, dirs[1], a)
	b.equal(a)
	b.filled()
	if got := b.field("ledge_link_full_syncs"); got != "1" {
		t.Errorf("full syncs = %s; want 1", got)
	}
	b.end(syscall.SIGKILL)
	a.do("SET", "later", "v")
	b = follow(t, dirs[1], a)
	b.equal(a)
	if got := b.field("ledge_link_full_syncs"); got != "0" {
		t.Errorf("full syncs after a kill = %s; want 0", got)
	}
	b.end(syscall.SIGTERM)
	verified(t, dirs[1])
}

// A replica does not read a key after its deadline, and does not remove it
// either: only what the leader has written is in its journal.
func TestReplicaExpires(t *testing.T) {
	t.Parallel()
	dirs := directories(t, "leader", "replica")
	a := lead(t, dirs[0])
	b := follow(t, dirs[1], a)
	a.do("SET", "k", "v", "PX", "700")
	b.level(a, 5*time.Second)
	_ = a.cmd.Process.Signal(syscall.SIGSTOP)
	number := b.field("journal_last_seq")
	within(t, 20*time.Second, "the key is read no more", func() bool { return b.do("GET", "k") == nil })
	b.state("stalled", 20*time.Second) // many sweeps later
	if got := b.field("journal_last_seq"); got != number {
		t.Errorf("the replica has come to number %s by itself; want %s", got, number)
	}
	_ = a.cmd.Process.Signal(syscall.SIGCONT)
	within(t, 20*time.Second, "the leader removes the key", func() bool { return a.do("DBSIZE") == int64(0) })
	b.equal(a)
	if got := b.do("DBSIZE"); got != int64(0) {
		t.Errorf("DBSIZE = %v; want 0", got)
	}
}

// A replica that is told to leads in a higher epoch. Its old leader, which has
// written meanwhile what the new one does not have, is refused and keeps all it
// has; unless its operator lets it set that aside.
func TestReplicaPromoted(t *testing.T) {
	dirs := directories(t, "old", "new")
	a := lead(t, dirs[0])
	a.fill()
	b := lead(t, dirs[1])
	b.follows(a)
	b.equal(a)
	b.do("REPLICAOF", "NO", "ONE")
	if got := b.field("role"); got != "master" {
		t.Errorf("role = %s; want master", got)
	}
	b.do("SET", "of", "the new")
	a.do("SET", "of", "the old")
	number, digest := a.field("journal_last_seq"), a.field("journal_digest")
	host, port := b.address()
	a.end(syscall.SIGTERM)

	a = follow(t, dirs[0], b)
	a.state("failed", 5*time.Second)
	l := a.link()
	if l.Class != "operator" || !strings.Contains(l.LastError, "diverged") || l.Attempts != 1 {
		t.Errorf("link = %+v; want it diverged, which is for the operator, at once", l)
	}
	within(t, 10*time.Second, "the leader logs whom it has refused", func() bool {
		return strings.Contains(b.stderr.String(), "a replica with another history is refused") && strings.Contains(b.stderr.String(), "replica=old ")
	})
	for _, next := range []string{"ledge journal tail", "--on-divergence resync"} {
		if got := run(t, "health", "--dir", dirs[0]); !strings.Contains(got.stdout, next) || !strings.Contains(got.stderr, next) ||
			!strings.Contains(l.LastError, next) || strings.Count(l.LastError, next) != 1 {
			t.Errorf("health = %s%s, the link's error %q; want %q in each, once", got.stdout, got.stderr, l.LastError, next)
		}
	}
	if n, d := a.field("journal_last_seq"), a.field("journal_digest"); n != number || d != digest {
		t.Errorf("the old leader is at %s, %s; want it unchanged at %s, %s", n, d, number, digest)
	}
	if got := a.do("GET", "of"); got != "the old" {
		t.Errorf("GET = %v; want what it had", got)
	}
	a.end(syscall.SIGTERM)

	a = lead(t, dirs[0], "--follow", "nats://"+host+":"+port, "--follow-password-file", b.secret(),
		"--on-divergence", "resync")
	a.equal(b)
	if got := a.do("GET", "of"); got != "the new" {
		t.Errorf("GET = %v; want what the new leader has", got)
	}
	kept, err := filepath.Glob(filepath.Join(dirs[0], "diverged", "*", "journal"))
	if len(kept) != 1 || err != nil {
		t.Fatalf("journals that were set aside: %v, %v; want one", kept, err)
	}
	lookAside(t, filepath.Dir(kept[0]), number, digest)
	b.do("SET", "goes", "on")
	a.equal(b)
}

// lookAside checks that what was set aside can be looked at beside the node that runs,
// by each command that looks into a directory: the replica's operator may want to know
// what the leader lacks.
func lookAside(t *testing.T, dir, number, digest string) {
	t.Helper()
	for _, c := range []struct{ args, want string }{
		{"journal info", "numbers   1 to " + number + "\n"},
		{"journal verify", "ok: numbers 1 to " + number + ", digest " + digest},
		{"journal tail --last 1", "the old"},
		{"journal tail --json --key of", `"the old"`},
		{"journal repair", "nothing is damaged"},
		{"snapshot list", ""},
	} {
		got := run(t, append(strings.Fields(c.args), "--dir", dir)...)
		if got.code != 0 || !strings.Contains(got.stdout, c.want) || got.stderr != "" {
			t.Errorf("%s of what was set aside: exit code %d, %q, %q; want %q", c.args, got.code, got.stdout, got.stderr, c.want)
		}
	}
}

// The operators' promote does what REPLICAOF NO ONE does, in a higher epoch.
func TestPromoteByOperator(t *testing.T) {
	dirs := directories(t, "leader", "replica")
	a := lead(t, dirs[0])
	a.do("SET", "k", "v")
	b := lead(t, dirs[1])
	b.follows(a)
	b.equal(a)
	epoch := func(p *peer) (e uint64) {
		p.asked(func(ctx context.Context, c *admin.Conn) error {
			st, err := c.Status(ctx, filepath.Base(p.dir))
			e = st.Journal.Epoch
			return err
		})
		return e
	}
	if got := run(t, "promote", "--dir", dirs[1]); got.code != 0 {
		t.Fatalf("promote: exit code %d, %s", got.code, got.stderr)
	}
	if got, was := epoch(b), epoch(a); got <= was {
		t.Errorf("epoch = %d; want more than the old leader's %d", got, was)
	}
	b.do("SET", "k", "w")
	b.end(syscall.SIGKILL)
	b = lead(t, dirs[1])
	if role, got := b.field("role"), b.do("GET", "k"); role != "master" || got != "w" {
		t.Errorf("after a kill: role %s, GET = %v; want master, w", role, got)
	}
}

// A replica can be followed itself, and its replica stays in step when it is
// killed and comes back.
func TestReplicaChained(t *testing.T) {
	dirs := directories(t, "first", "second", "third")
	a := lead(t, dirs[0])
	a.fill()
	a.compact()
	b := follow(t, dirs[1], a)
	c := follow(t, dirs[2], b)
	c.equal(a)
	_, port := b.address()
	b.end(syscall.SIGKILL)
	a.do("SET", "meanwhile", "v")
	follow(t, dirs[1], a, "--nats-listen", "127.0.0.1:"+port)
	a.do("SET", "later", "v")
	c.equal(a)
	c.filled()
	if got := c.field("ledge_link_full_syncs"); got != "1" {
		t.Errorf("full syncs of the third = %s; want 1", got)
	}
}

// What only a person can mend is said at the first attempt.
func TestReplicaRefused(t *testing.T) {
	dirs := directories(t, "leader", "databases", "password")
	a := lead(t, dirs[0])
	a.do("SET", "k", "v")
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir, want string
		opts      []string
	}{
		{dirs[1], "the replica has 4 databases; its leader has 16", []string{"--databases", "4"}},
		{dirs[2], "Authorization", []string{"--follow-password-file", wrong}},
	} {
		b := follow(t, c.dir, a, c.opts...)
		b.state("failed", 2*time.Second)
		l := b.link()
		if l.Class != "operator" || l.Attempts != 1 || !strings.Contains(l.LastError, c.want) || l.Next == nil {
			t.Errorf("%v: link = %+v; want it failed at once, for the operator, with %q", c.opts, l, c.want)
		}
		b.refuses("LOADING", "SET", "k", "v")
	}
}

// A node that is told to follow what is no leader says what is there, and goes on
// leading.
func TestFollowOther(t *testing.T) {
	dirs := directories(t, "a", "b")
	a, b := lead(t, dirs[0]), lead(t, dirs[1])
	host, port, _ := net.SplitHostPort(a.addr)
	b.refuses("Redis's protocol", "REPLICAOF", host, port)
	own, ownPort, _ := net.SplitHostPort(b.addr)
	b.refuses("Redis's protocol", "REPLICAOF", own, ownPort)
	if got := run(t, "follow", "--dir", b.dir, a.addr); got.code != 1 || !strings.Contains(got.stderr, "NATS address") {
		t.Errorf("follow %s: exit code %d, %s; want 1 and the next step", a.addr, got.code, got.stderr)
	}
	if got := b.field("role"); got != "master" {
		t.Errorf("the node is a %s; want that it leads", got)
	}
	b.do("SET", "k", "v")
}
