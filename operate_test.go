package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/journal/fault"
	"ledge/journal/freeport"
)

const nodeHead = `node      n1, leader, version 0.1.0, pid 4711
up        1h2m4s, since 2026-03-04T05:06:07Z
dir       /var/lib/ledge
redis     127.0.0.1:6379
nats      nats://127.0.0.1:4222
state     ok
resume    auto retryable, every 1m0s
journal   numbers 101 to 250, 80.0 KiB
lineage   00112233445566aa, epoch 3
digest    8899aabbccddeeff
sync      every 1s
appends   150, and 2 that failed
reserve   8.0 MiB
data      12 keys, 3 clients
memory    40.0 MiB, 11.8 MiB of it in use
snapshot  number 200, 2026-03-04T05:07:07Z
          the last attempt: no space left on device
`

const snapshotTable = `CREATED               NUMBER  DIGEST            KEYS  SIZE     PATH
2026-03-04T05:06:07Z  200     8899aabbccddeeff  12    4.0 KiB  /var/lib/ledge/snapshots/00000000000000000200.snap
`

// operations are the commands that a node answers, and what is printed of it.
var operations = []struct {
	args  []string
	verb  string
	table string
	reply any
}{
	{[]string{"status"}, "status", nodeHead, admintest.Status()},
	{[]string{"health"}, "health", "node    n1\nstate   ok\nresume  auto retryable, every 1m0s\n",
		admintest.Healthy()},
	{[]string{"resume"}, "resume", "reopen   12.500 ms  ok\nprobe    0.750 ms   ok\n" +
		"node n1  ok         it takes writes\n", admintest.Resumed()},
	{[]string{"snapshot"}, "snapshot", snapshotTable, admintest.Snapshot()},
	{[]string{"snapshots"}, "snapshots", snapshotTable,
		admin.SnapshotList{Snapshots: []admin.Snapshot{admintest.Snapshot()}}},
	{[]string{"compact"}, "compact", "snapshot  number 200, 12 keys, 4.0 KiB\n" +
		"journal   begins with number 201; it was 101\nsize      24.0 KiB; it was 80.0 KiB\n" +
		"history   goes back to number 200, 2026-03-04T05:06:07Z: LEDGE AT and serve --as-of reach nothing older\n",
		admintest.Compacted()},
	{[]string{"verify"}, "verify", "journal    ok: numbers 101 to 250\n" +
		"state      ok: digest 8899aabbccddeeff, 12 keys\nsnapshots  ok: 2\ntook       321.500 ms\n",
		admintest.Verified()},
	{[]string{"config", "get"}, "config.get *", "maxclients  10000\ntimeout     0\n",
		admin.Parameters{Parameters: admintest.Parameters()}},
	{[]string{"config", "get", "[mt]*"}, "config.get [mt]*", "maxclients  10000\ntimeout     0\n",
		admin.Parameters{Parameters: admintest.Parameters()}},
	{[]string{"config", "set", "timeout", "5", "maxclients", "-1"}, "config.set map[maxclients:-1 timeout:5]",
		"maxclients  -1\ntimeout     5\n", admin.Done{}},
	{[]string{"clients"}, "clients",
		"ID  ADDRESS          NAME        LIBRARY   DB  PROTOCOL  SINCE                 IDLE  COMMAND\n" +
			"7   127.0.0.1:50000  job\\x1b[2J  go-redis  1   3         2026-03-04T05:06:07Z  2s    get\n",
		admin.ClientList{Clients: []admin.Client{admintest.Client()}}},
	{[]string{"slowlog"}, "slowlog 0",
		"ID  AT                    TOOK       CLIENT           NAME  COMMAND\n" +
			"5   2026-03-04T05:06:07Z  15.250 ms  127.0.0.1:50000  job   SET k \"two words\"\n",
		admin.SlowList{Entries: []admin.Slow{admintest.Slow()}}},
	{[]string{"slowlog", "--count", "3"}, "slowlog 3", "", nil},
	{[]string{"passwd"}, "passwd [admin  1h0m0s]", "password  of admin, drawn; it is in /var/lib/ledge/auth/admin\n" +
		"before    holds until 2026-03-04T06:06:07Z; connections by it or by others from before: 2\n", admintest.PasswordChanged()},
	{[]string{"passwd", "--expire-now"}, "passwd [admin  0s]", "", nil},
	{[]string{"passwd", "--grace", "90m"}, "passwd [admin  1h30m0s]", "", nil},
	{[]string{"stop", "--no-wait"}, "stop", "node n1  is stopping\n", admin.Done{}},
}

// Each command finds the node by its directory, asks it, and prints a table
// for people and the reply for programs.
func TestOperate(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	for _, c := range operations {
		asked := make(chan string, 2) // once for the table, once for JSON
		node.Hook(func(_ context.Context, verb string, args any) error {
			if args != nil {
				verb += fmt.Sprint(" ", args)
			}
			asked <- verb
			return nil
		})
		got := ledge(t, insert(c.args, "--dir", b.Dir)...)
		if got.code != 0 || got.stderr != "" || c.table != "" && got.stdout != c.table {
			t.Errorf("%s: exit code %d, stderr %q, stdout\n%s\nwant\n%s", c.args, got.code, got.stderr,
				got.stdout, c.table)
		}
		select {
		case verb := <-asked:
			if verb != c.verb {
				t.Errorf("%s asked for %q; want %q", c.args, verb, c.verb)
			}
		default:
			t.Errorf("%s asked for nothing; want %q", c.args, c.verb)
		}
		if c.reply == nil {
			continue
		}
		got = ledge(t, insert(c.args, "--json", "--node", "n1", "--dir", b.Dir)...)
		reply := reflect.New(reflect.TypeOf(c.reply))
		err := json.Unmarshal([]byte(got.stdout), reply.Interface())
		if err != nil || got.code != 0 || !reflect.DeepEqual(reply.Elem().Interface(), c.reply) {
			t.Errorf("%s --json: exit code %d, %v, %s; want %+v", c.args, got.code, err, got.stdout, c.reply)
		}
	}
}

// insert puts options after the name of a command, before its arguments.
func insert(args []string, opts ...string) []string {
	n := 1
	if args[0] == "config" {
		n = 2
	}
	all := append([]string{}, args[:n]...)
	return append(append(all, opts...), args[n:]...)
}

// health is a probe: its exit code is 0, 1 or 2, and 2 is also what it is when
// nobody can tell.
func TestHealthCodes(t *testing.T) {
	b := admintest.Start(t)
	ill := &suspended{}
	b.Serve(t, admin.Config{Backend: ill, Node: "ill"})
	b.Serve(t, admin.Config{Node: "well"})
	b.Serve(t, admin.Config{Backend: failing(fault.With(fault.Operator, errors.New("lost"))), Node: "lost"})
	wrong := write(t, "password", "guess\n")
	gone := "nats://" + freeport.Addr(t)
	deaf := filepath.Dir(write(t, "run.json", `{"pid":1,"nats":""}`))
	for _, c := range []struct {
		name string
		args []string
		code int
		want string // in stderr
	}{
		{"ok", []string{"--node", "well"}, 0, ""},
		{"monitor", []string{"--node", "well", "--user", "monitor"}, 0, ""},
		{"suspended", []string{"--node", "ill"}, 1, "ledge: node ill takes no writes: no space left on device; " +
			"once that is mended, ledge resume tries again; ledge compact makes room of what the journal has on the disk\n"},
		{"no such node", []string{"--node", "other"}, 2, `there is no node "other"; is the node running? ` +
			"--dir or --server says where it is\n"},
		{"no server", []string{"--node", "well", "--server", gone}, 2, "connection refused; is the node running?"},
		{"an error", []string{"--node", "lost"}, 2, "ledge: lost\n"},
		{"wrong password", []string{"--password-file", wrong}, 2, `does not let user "admin" in: wrong user ` +
			"or password; --dir or --password-file says where the password is\n"},
		{"no password", []string{"--user", "nobody"}, 2, `there is no password of user "nobody" in ` +
			filepath.Join(b.Dir, "auth", "nobody") + "; --dir or --password-file says where it is\n"},
		{"several", nil, 2, "ledge: several nodes answer: ill, lost, well; --node says which one is meant\n"},
		{"no listener", []string{"--dir", deaf}, 2, "has no NATS listener"},
		{"timeout", []string{"--timeout", "soon"}, 2, "ledge: --timeout: \"soon\" is not a duration like 1s or 250ms\n"},
	} {
		got := ledge(t, append([]string{"health", "--dir", b.Dir}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.want) || c.want == "" && got.stderr != "" {
			t.Errorf("%s: exit code %d, %q; want %d and %q", c.name, got.code, got.stderr, c.code, c.want)
		}
		if n := strings.Count(got.stderr, "\n"); n > 1 {
			t.Errorf("%s: %d lines of error; want one", c.name, n)
		}
	}
	got := ledge(t, "health", "--dir", b.Dir, "--node", "ill")
	want := `node      n1
state     suspended
cause     no space left on device (retryable)
since     2026-03-04T05:06:07Z
attempts  3, 2 of them automatic
last      2026-03-04T05:07:07Z: append a probe: no space left on device
next      2026-03-04T05:08:07Z, or ledge resume
takes     deletes only
resume    auto retryable, every 1m0s, at most 10 times
`
	if want = strings.Replace(want, "n1", "ill", 1); got.stdout != want {
		t.Errorf("health of a suspended node is\n%s\nwant\n%s", got.stdout, want)
	}
}

// A node whose journal is well may still refuse what clients ask: health ends with 1 for
// what its role is not, and with --writes for a replica, too.
func TestHealthRoles(t *testing.T) {
	const few, readonly = "NOREPLICAS Not enough good replicas to write.", "READONLY You can't write against a read only replica."
	for _, c := range []struct {
		name         string
		set          func(*admin.Health)
		code, writes int
		want         string // in stderr, if there is any
	}{
		{"a leader", func(h *admin.Health) { h.Role = "leader" }, 0, 0, ""},
		{"a leader with too few replicas", func(h *admin.Health) { h.Role, h.WritesRefused = "leader", few }, 1, 1, "takes no writes: " + few},
		{"a replica", func(h *admin.Health) { h.Role, h.WritesRefused = "replica", readonly }, 0, 1, "takes no writes: " + readonly},
		{"a replica too far behind", func(h *admin.Health) { h.Role, h.ReadsRefused = "replica", "STALE …" }, 1, 1, "refuses reads: STALE …"},
		{"a replica that has diverged", func(h *admin.Health) { h.Role, h.LinkFailed = "replica", "diverged" }, 1, 1, "does not reach its leader: diverged"},
		{"a replica that is suspended", func(h *admin.Health) { h.Role, h.State, h.Cause = "replica", "suspended", "full" }, 1, 1, "takes no writes: full"},
		{"a node of an older program", func(*admin.Health) {}, 0, 0, ""},
	} {
		b := admintest.Start(t)
		h := admintest.Healthy()
		c.set(&h)
		b.Serve(t, admin.Config{Backend: &inHealth{health: h}})
		for writes, code := range map[string]int{"": c.code, "--writes": c.writes} {
			args := []string{"health", "--dir", b.Dir}
			if writes != "" {
				args = append(args, writes)
			}
			got := ledge(t, args...)
			if got.code != code || code == 0 && got.stderr != "" || code != 0 && !strings.Contains(got.stderr, c.want) {
				t.Errorf("health %s of %s: exit code %d, %q; want %d and %q", writes, c.name, got.code, got.stderr, code, c.want)
			}
			if !strings.Contains(got.stdout, h.WritesRefused) || !strings.Contains(got.stdout, h.ReadsRefused) || !strings.Contains(got.stdout, h.LinkFailed) {
				t.Errorf("health of %s prints\n%s", c.name, got.stdout)
			}
		}
	}
}

// inHealth is a node with that health.
type inHealth struct {
	admintest.Backend
	health admin.Health
}

func (b *inHealth) Health(context.Context) (admin.Health, error) { return b.health, nil }

// suspended is a node whose disk is full.
type suspended struct{ admintest.Backend }

func (*suspended) Health(context.Context) (admin.Health, error) {
	h := admintest.Suspended()
	h.Node = "ill"
	return h, nil
}

func failing(err error) *admintest.Backend {
	b := &admintest.Backend{}
	b.Hook(func(context.Context, string, any) error { return err })
	return b
}

// A resume that fails prints what it has tried all the same.
func TestResumeFails(t *testing.T) {
	b := admintest.Start(t)
	b.Serve(t, admin.Config{Backend: failing(fault.With(fault.Retryable, errors.New("no space left on device")))})
	got := ledge(t, "resume", "--dir", b.Dir)
	want := "reopen   12.500 ms  ok\nprobe    0.750 ms   no space left on device\nnode n1  suspended\n"
	if got.code != 1 || got.stdout != want || got.stderr != "ledge: no space left on device\n" {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant 1 and\n%s", got.code, got.stderr, got.stdout, want)
	}
	got = ledge(t, "resume", "--json", "--dir", b.Dir)
	var r admin.Resumed
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != 1 ||
		!reflect.DeepEqual(r, admintest.NotResumed()) {
		t.Errorf("--json: exit code %d, %v, %s; want 1 and %+v", got.code, err, got.stdout, admintest.NotResumed())
	}
	got = ledge(t, "resume", "--dir", b.Dir, "--user", "monitor")
	want = "ledge: user \"monitor\" may not ask ledge.n1.resume; user admin may\n"
	if got.code != 1 || got.stdout != "" || got.stderr != want {
		t.Errorf("as monitor: exit code %d, %q, %q; want 1 and %q", got.code, got.stdout, got.stderr, want)
	}
}

// What makes no sense is refused before anybody is asked.
func TestOperateRefuses(t *testing.T) {
	b := admintest.Start(t)
	b.Serve(t, admin.Config{})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"status", "n1"}, `status: unexpected argument "n1"`},
		{[]string{"config", "get", "a", "b"}, `config get: unexpected argument "b"`},
		{[]string{"config", "get", "a", "--jsn"}, `--jsn: unknown option; ledge config get --help lists those there are; did you mean --json?`},
		{[]string{"config", "set"}, `config set: wants NAME VALUE, any number of times`},
		{[]string{"config", "set", "a"}, `config set: wants NAME VALUE, any number of times`},
		{[]string{"config", "set", "a", "1", "a", "2"}, `config set: "a" stands twice`},
		{[]string{"config", "frob"}, `unknown command "frob"; ledge config --help lists those there are`},
		{[]string{"snapshot", "frob"}, `snapshot: the options of "frob" stand behind it`},
		{[]string{"snapshot", "list"}, `snapshot: the options of "list" stand behind it`},
		{[]string{"slowlog", "--count", "-1"}, `--count: "-1" is not a whole number above 0`},
		{[]string{"status", "--frob"}, `--frob: unknown option; ledge status --help lists those there are`},
	} {
		got := ledge(t, insert(c.args, "--dir", b.Dir)...)
		if want := "ledge: " + c.want + "\n"; got.code != exitUsage || got.stderr != want || got.stdout != "" {
			t.Errorf("%s: exit code %d, %q; want %d, %q", c.args, got.code, got.stderr, exitUsage, want)
		}
	}
	got := ledge(t, "snapshot", "frob")
	if want := "ledge: unknown command \"frob\"; ledge snapshot --help lists those there are\n"; got.stderr != want {
		t.Errorf("snapshot frob: %q; want %q", got.stderr, want)
	}
}

// nodes lists who answers, and --server does without a directory.
func TestNodes(t *testing.T) {
	b := admintest.Start(t)
	b.Serve(t, admin.Config{Node: "west"})
	b.Serve(t, admin.Config{Node: "east", Version: "1.2.3"})
	got := ledge(t, "nodes", "--json", "--server", b.ClientURL(), "--user", "monitor",
		"--password-file", filepath.Join(b.Dir, "auth", "monitor"))
	var l admin.NodeList
	if err := json.Unmarshal([]byte(got.stdout), &l); err != nil || len(l.Nodes) != 2 ||
		l.Nodes[0].Node != "east" || l.Nodes[0].Version != "1.2.3" || l.Nodes[1].Node != "west" {
		t.Errorf("nodes --json: %v, %s%s; want east and west", err, got.stdout, got.stderr)
	}
	got = ledge(t, "nodes", "--dir", b.Dir)
	if !strings.HasPrefix(got.stdout, "NODE  VERSION  ID") || !strings.Contains(got.stdout, "\neast  1.2.3    ") || got.code != 0 {
		t.Errorf("nodes: exit code %d, %s; want a table with east", got.code, got.stdout)
	}
}

// events --since prints what was, and ends.
func TestPastEvents(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	var asked atomic.Pointer[time.Time]
	node.Hook(func(_ context.Context, _ string, args any) error {
		since, _ := args.(time.Time)
		asked.Store(&since)
		return nil
	})
	for args, want := range map[string]string{
		"":               "2026-03-04T05:06:07Z  n1  started\n",
		"--json":         `{"node":"n1","kind":"started","at":"2026-03-04T05:06:07Z"}` + "\n",
		"--user=monitor": "2026-03-04T05:06:07Z  n1  started\n",
	} {
		began := time.Now()
		got := ledge(t, append([]string{"events", "--dir", b.Dir, "--since", "1h"}, strings.Fields(args)...)...)
		if got.code != 0 || got.stdout != want {
			t.Errorf("events --since 1h %s: exit code %d, %q, %s; want %q", args, got.code, got.stdout, got.stderr, want)
		}
		if d := began.Sub(*asked.Load()); d < 59*time.Minute || d > time.Hour {
			t.Errorf("events --since 1h asks since %s before; want 1h", d)
		}
	}
	if got := ledge(t, "events", "--dir", b.Dir, "--since", "yesterday"); got.code != exitUsage || !strings.Contains(got.stderr, "yesterday") {
		t.Errorf("events --since yesterday: exit code %d, %s; want %d and the value", got.code, got.stderr, exitUsage)
	}
}
