package appliance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal"
)

// named returns a connection of a client that calls itself something.
func (n *tailed) named(name string) *redis.Conn {
	n.Helper()
	c := n.c.Conn()
	n.Cleanup(func() { c.Close() })
	if err := c.Do(n.Context(), "CLIENT", "SETNAME", name).Err(); err != nil {
		n.Fatal(err)
	}
	return c
}

// who returns who wrote what of the keys that match, as "user client key".
func (n *tailed) who(key string) (said []string) {
	n.Helper()
	t, err := n.JournalTail(n.Context(), admin.TailQuery{From: 1, Key: key})
	if err != nil {
		n.Fatal(err)
	}
	for _, e := range t.Entries {
		if e.LeftOut > 0 {
			n.Errorf("%+v: effects are left out; want who wrote it not counted among them", e)
		}
		addr := "-"
		if strings.HasPrefix(e.Addr, "127.0.0.1:") {
			addr = "+"
		}
		said = append(said, fmt.Sprintf("%s/%s/%s/%d", e.User, e.Client, addr, len(e.Ops)))
	}
	return said
}

// With journal-who each entry says whose it is, also of a transaction, of a script and
// of what a blocked client has got, which is that client's. The node's own entries
// are nobody's. It is turned on and off while the node runs.
func TestJournalWho(t *testing.T) {
	n := openTailed(t)
	ada, bob := n.named("ada"), n.named("bob")
	do := func(c *redis.Conn, args ...any) {
		t.Helper()
		if err := c.Do(t.Context(), args...).Err(); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
	}
	do(ada, "SET", "off:1", "v")
	do(ada, "CONFIG", "SET", "ledge-journal-who", "yes")
	do(ada, "SET", "one", "v")
	if _, err := ada.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.Set(t.Context(), "tx:1", "v", 0)
		p.Set(t.Context(), "tx:2", "v", 0)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	do(bob, "EVAL", "redis.call('SET', KEYS[1], 'v') redis.call('INCR', KEYS[2]) return 1", 2, "script:1", "script:2")
	n.do("SET", "unnamed", "v")
	do(ada, "CLIENT", "SETNAME", strings.Repeat("long", 100))
	do(ada, "SET", "long", "v")
	do(ada, "CLIENT", "SETNAME", "ada")

	popped := make(chan error, 1)
	go func() { popped <- bob.BLPop(t.Context(), 20*time.Second, "list").Err() }()
	within(t, "bob waits", func() bool {
		l, err := n.c.ClientList(t.Context()).Result()
		return err == nil && strings.Contains(l, "name=bob") && strings.Contains(l, "flags=b") && strings.Contains(l, "cmd=blpop")
	})
	do(ada, "RPUSH", "list", "item")
	if err := <-popped; err != nil {
		t.Fatal(err)
	}
	do(ada, "SET", "short", "v", "PX", "1")
	within(t, "the key is swept", func() bool { return len(n.who("short")) == 2 })
	do(ada, "CONFIG", "SET", "ledge-journal-who", "no")
	do(ada, "SET", "off:2", "v")
	for key, want := range map[string]string{
		"off:*": "//-/1 //-/1", "one": "default/ada/+/1", "tx:*": "default/ada/+/2", "script:*": "default/bob/+/2",
		"unnamed": "default//+/1", "long": "default/" + strings.Repeat("long", 64) + "/+/1",
		"list": "default/ada/+/1 default/bob/+/1", "short": "default/ada/+/1 //-/1",
	} {
		if got := strings.Join(n.who(key), " "); got != want {
			t.Errorf("%s was written by %q; want %q", key, got, want)
		}
	}
	if err := n.n.state.Check(); err != nil {
		t.Error(err)
	}
}

// A replica has who wrote it, as all else of its leader's journal, and so has what is
// read of a stopped node.
func TestJournalWhoReplicated(t *testing.T) {
	cfg := Config{Dir: t.TempDir() + "/l", Node: "l", Live: options.Live{Sync: SyncOff, JournalWho: options.Yes}}
	leader := &tailed{T: t, backend: backendOf(running(t, cfg))}
	leader.c = redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: leader.n.Status().Listen, ClientName: "ada"})
	t.Cleanup(func() { leader.c.Close() })
	leader.do("SET", "k", "v")
	replica := &tailed{T: t, backend: backendOf(running(t, Config{Dir: t.TempDir() + "/r", Node: "r", Live: options.Live{Sync: SyncOff},
		Follow: leader.n.carrier().ClientURL(), FollowPasswordFile: leader.n.dir.userPath(admin.ReplicaUser)}))}
	within(t, "the replica has it", func() bool {
		return replica.n.state.Pos() == leader.n.state.Pos() && replica.n.state.Pos().Seq > 1
	})
	if got := strings.Join(replica.who("k"), " "); got != "default/ada/+/1" {
		t.Errorf("on the replica it was written by %q; want ada", got)
	}
}

// An entry that is as long as one may be still has room to say who.
func TestJournalWhoFits(t *testing.T) {
	n := openTailed(t)
	c := n.named(strings.Repeat("n", 300))
	if err := c.Do(t.Context(), "CONFIG", "SET", "ledge-journal-who", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	_, err := c.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		for i := range 3 { // the third doesn't fit
			p.Set(t.Context(), fmt.Sprint("k", i), strings.Repeat("v", journal.MaxEntry/2-journal.MaxWho), 0)
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "transaction of more than") {
		t.Errorf("EXEC: %v; want the third SET refused", err)
	}
	if got := n.c.Exists(t.Context(), "k0", "k1", "k2").Val(); got != 2 {
		t.Errorf("%d keys; want 2", got)
	}
}
