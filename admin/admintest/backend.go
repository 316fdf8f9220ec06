package admintest

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"ledge/admin"
)

// Backend is a node without a journal or a state: it answers each verb with the
// sample of that name, or with what the hook says.
type Backend struct {
	mu    sync.Mutex
	hook  func(ctx context.Context, verb string, args any) error
	calls []string
}

// Hook has f called before each answer. Its error becomes the answer's.
func (b *Backend) Hook(f func(ctx context.Context, verb string, args any) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hook = f
}

// Calls returns the verbs that were asked for, in order.
func (b *Backend) Calls() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.calls...)
}

func (b *Backend) called(ctx context.Context, verb string, args any) error {
	b.mu.Lock()
	b.calls = append(b.calls, verb)
	hook := b.hook
	b.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, verb, args)
}

func (b *Backend) Status(ctx context.Context) (admin.Status, error) {
	return Status(), b.called(ctx, "status", nil)
}

func (b *Backend) Health(ctx context.Context) (admin.Health, error) {
	return Healthy(), b.called(ctx, "health", nil)
}

// Resume answers with what has worked, or else with what hasn't.
func (b *Backend) Resume(ctx context.Context) (admin.Resumed, error) {
	if err := b.called(ctx, "resume", nil); err != nil {
		return NotResumed(), err
	}
	return Resumed(), nil
}

func (b *Backend) Snapshot(ctx context.Context) (admin.Snapshot, error) {
	return Snapshot(), b.called(ctx, "snapshot", nil)
}

func (b *Backend) Snapshots(ctx context.Context) ([]admin.Snapshot, error) {
	return []admin.Snapshot{Snapshot()}, b.called(ctx, "snapshots", nil)
}

func (b *Backend) Compact(ctx context.Context) (admin.Compacted, error) {
	return Compacted(), b.called(ctx, "compact", nil)
}

func (b *Backend) Verify(ctx context.Context) (admin.Verified, error) {
	return Verified(), b.called(ctx, "verify", nil)
}

func (b *Backend) BackupBegin(ctx context.Context, since admin.BackupSince) (admin.Backup, error) {
	return Backup(), b.called(ctx, "backup.begin", since)
}

// BackupRead has few bytes.
func (b *Backend) BackupRead(ctx context.Context, id string, offset int64, from uint64) (admin.Raw, error) {
	return admin.Raw(`"bytes"`), b.called(ctx, "backup.read", []any{id, offset, from})
}

func (b *Backend) BackupEnd(ctx context.Context, id string, taken *uint64) error {
	return b.called(ctx, "backup.end", id)
}

// ConfigGet knows two parameters, whatever the pattern.
func (b *Backend) ConfigGet(ctx context.Context, pattern string) (map[string]string, error) {
	return Parameters(), b.called(ctx, "config.get", pattern)
}

// ConfigOrigins knows where the two are from, and a secret.
func (b *Backend) ConfigOrigins(ctx context.Context, pattern string) (map[string]string, error) {
	return map[string]string{"maxclients": "set at run time", "timeout": "default", "requirepass": "file"},
		b.called(ctx, "config.get", pattern)
}

func (b *Backend) ConfigReset(ctx context.Context, name string) error {
	return b.called(ctx, "config.reset", name)
}

// ConfigRewrite knows a file.
func (b *Backend) ConfigRewrite(ctx context.Context) (admin.Rewritten, error) {
	return Rewritten(), b.called(ctx, "config.rewrite", nil)
}

func (b *Backend) ConfigSet(ctx context.Context, values map[string]string) error {
	return b.called(ctx, "config.set", values)
}

func (b *Backend) Clients(ctx context.Context) ([]admin.Client, error) {
	return []admin.Client{Client()}, b.called(ctx, "clients", nil)
}

func (b *Backend) Slowlog(ctx context.Context, n int) ([]admin.Slow, error) {
	return []admin.Slow{Slow()}, b.called(ctx, "slowlog", n)
}

// Events are one, whatever the time.
func (b *Backend) Events(ctx context.Context, since time.Time, most int) ([]admin.Event, error) {
	return []admin.Event{{Node: "n1", Kind: admin.EventStarted, At: At}}, b.called(ctx, "events", since)
}

func (b *Backend) JournalTail(ctx context.Context, q admin.TailQuery) (admin.Tail, error) {
	return Tail(), b.called(ctx, "journal.tail", q)
}

func (b *Backend) Follow(ctx context.Context, leader string) (admin.Link, error) {
	return Link(), b.called(ctx, "follow", leader)
}

func (b *Backend) Promote(ctx context.Context) (admin.Promoted, error) {
	return Promoted(), b.called(ctx, "promote", nil)
}

func (b *Backend) Switchover(ctx context.Context, to string) (admin.Switched, error) {
	return admin.Switched{Node: to, Leader: "nats://10.0.0.2:4222", Number: 42, Took: 12.5}, b.called(ctx, "switchover", to)
}

func (b *Backend) ClusterStatus(ctx context.Context) (admin.Cluster, error) {
	return Cluster(), b.called(ctx, "cluster.status", nil)
}

func (b *Backend) ClusterFound(ctx context.Context) (admin.Cluster, error) {
	return Cluster(), b.called(ctx, "cluster.found", nil)
}

func (b *Backend) ClusterJoin(ctx context.Context, url string) (admin.Cluster, error) {
	c := Cluster()
	heard := At
	c.Shards[1].Link = &admin.PeerLink{Node: c.Shards[1].Nodes[0].ID, Since: At, Heard: &heard, Cause: "the connection is lost"}
	return c, b.called(ctx, "cluster.join", url)
}

func (b *Backend) ClusterLeave(ctx context.Context) (admin.Cluster, error) {
	return admin.Cluster{Node: Cluster().Node, Shards: []admin.Shard{}}, b.called(ctx, "cluster.leave", nil)
}

func (b *Backend) ClusterForget(ctx context.Context, id string) (admin.Cluster, error) {
	return Cluster(), b.called(ctx, "cluster.forget", id)
}

func (b *Backend) ClusterSeize(ctx context.Context, slots, from string) (admin.Cluster, error) {
	c := Cluster()
	c.Kept, c.Shards[0].Nodes[0].Name = "0-9", "a"
	c.Waits, c.Refused = "it asks the other shards", "CLUSTERDOWN no node of another shard was heard"
	return c, b.called(ctx, "cluster.seize", []string{slots, from})
}

func (b *Backend) ClusterYield(ctx context.Context, slots string) (admin.Cluster, error) {
	c := Cluster()
	c.Seized = []admin.Seized{{Slots: "100-199", By: c.Shards[1].ID}}
	return c, b.called(ctx, "cluster.yield", slots)
}

func (b *Backend) ClusterMove(ctx context.Context, slots, to string) (admin.Move, error) {
	return moveOf("source"), b.called(ctx, "cluster.move", []string{slots, to})
}

func (b *Backend) ClusterMoves(ctx context.Context, all bool) (admin.MoveList, error) {
	ended := moveOf("target")
	ended.ID, ended.Phase, ended.Done, ended.Epoch, ended.Cause = "00112233445566bb", "ended", 0.5, 0, "cancelled"
	list := admin.MoveList{Moves: []admin.Move{moveOf("target"), ended}}
	if all {
		list.Moves[1].By, list.Missing = strings.Repeat("d", 40), []string{strings.Repeat("e", 40)}
	}
	return list, b.called(ctx, "cluster.moves", nil)
}

func (b *Backend) ClusterCancel(ctx context.Context, id string) (admin.Move, error) {
	return moveOf("source"), b.called(ctx, "cluster.cancel", id)
}

// moveOf is a move with one in each field.
func moveOf(side string) admin.Move {
	at := At
	return admin.Move{ID: "00112233445566aa", Side: side, Phase: "given", Slots: "0-99,120", Count: 101, Shard: strings.Repeat("b", 40), Epoch: 3,
		Done: 1, Keys: 700, OfKeys: 900, Bytes: 70000, Lag: 5, Cause: "the shard is not connected", Holds: 1, Hold: 0.025, Heard: &at,
		Began: &at, Turned: &at, Begins: 1}
}

// Cluster is one of two shards.
func Cluster() admin.Cluster {
	id := func(digit string) string { return strings.Repeat(digit, 40) }
	return admin.Cluster{Cluster: id("c"), Node: id("1"), Assigned: 16384, Epoch: 2, Shards: []admin.Shard{
		{ID: id("a"), Slots: "0-8191,9000", Count: 8193, Nodes: []admin.Member{
			{ID: id("1"), Redis: "10.0.0.1:6379", Role: "leader", Self: true}, {ID: id("2"), Redis: "10.0.0.2:6379", Role: "replica"}}},
		{ID: id("b"), Slots: "8192-8999,9001-16383", Count: 8191, Nodes: []admin.Member{
			{ID: id("3"), Redis: "10.0.0.3:6379", Role: "leader"}}},
	}}
}

func (b *Backend) Passwd(ctx context.Context, user, password string, grace time.Duration) (admin.PasswordChanged, error) {
	c := PasswordChanged()
	c.User, c.Drawn = user, password == ""
	return c, b.called(ctx, "passwd", []any{user, password, grace})
}

func (b *Backend) Stop(ctx context.Context) error { return b.called(ctx, "stop", nil) }

// At is when everything in the samples happens, give or take minutes.
var At = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// Status is a node in good health.
func Status() admin.Status {
	return admin.Status{
		Node: "n1", Version: "0.1.0", Role: "leader", Started: At, Uptime: 3723.5, PID: 4711,
		Dir: "/var/lib/ledge", Redis: "127.0.0.1:6379", NATS: "nats://127.0.0.1:4222", Health: Healthy(),
		Journal: admin.Journal{Lineage: "00112233445566aa", Epoch: 3, First: 101, Last: 250, Bytes: 81920,
			Sync: "interval", Interval: 1, Digest: "8899aabbccddeeff", Appends: 150, Failed: 2, Reserve: 8 << 20},
		Data:  admin.Data{Keys: 12, Clients: 3, Memory: 40 << 20, Live: 12345678},
		Saves: admin.Saves{Last: At.Add(time.Minute), Number: 200, LastError: "no space left on device"},
	}
}

// Healthy is the health of a node that takes writes.
func Healthy() admin.Health {
	return admin.Health{Node: "n1", State: admin.StateOK, ResumeAuto: "retryable", ResumeInterval: 60}
}

// Suspended is the health of a node whose disk is full.
func Suspended() admin.Health {
	since, last, next := At, At.Add(time.Minute), At.Add(2*time.Minute)
	return admin.Health{
		Node: "n1", State: admin.StateSuspended, Class: "retryable", Cause: "no space left on device",
		Since: &since, Deletes: true, Attempts: 3, Automatic: 2, LastAttempt: &last,
		LastError: "append a probe: no space left on device", NextAttempt: &next,
		ResumeAuto: "retryable", ResumeInterval: 60, ResumeMaxAttempts: 10,
	}
}

// InDoubt is the health of a node whose disk does not answer.
func InDoubt() admin.Health {
	since := At
	return admin.Health{
		Node: "n1", State: admin.StateInDoubt, Number: 42, Class: "retryable", Since: &since,
		Cause:      "whether number 42 is stored is not known yet: no answer from the disk in 10s",
		ResumeAuto: "retryable", ResumeInterval: 60,
	}
}

// Resumed is an attempt that has worked.
func Resumed() admin.Resumed {
	return admin.Resumed{Node: "n1", State: admin.StateOK, Health: Healthy(),
		Steps: []admin.Step{{Name: "reopen", Took: 12.5}, {Name: "probe", Took: 0.75}}}
}

// NotResumed is an attempt that has not.
func NotResumed() admin.Resumed {
	return admin.Resumed{Node: "n1", State: admin.StateSuspended, Health: Suspended(),
		Steps: []admin.Step{{Name: "reopen", Took: 12.5},
			{Name: "probe", Took: 0.75, Error: "no space left on device"}}}
}

// Snapshot is a snapshot of 12 keys.
func Snapshot() admin.Snapshot {
	return admin.Snapshot{Number: 200, Epoch: 3, Digest: "8899aabbccddeeff", Keys: 12, Bytes: 4096,
		Created: At, Path: "/var/lib/ledge/snapshots/00000000000000000200.snap"}
}

// Rewritten is one option in a file, and a parameter that stays.
func Rewritten() admin.Rewritten {
	return admin.Rewritten{Files: []string{"/etc/ledge/ledge.d/90-config-rewrite.yaml"}, Written: []string{"max-clients"}, Kept: []string{"slowlog-max-len"}}
}

// Compacted is a journal that begins with 201.
func Compacted() admin.Compacted {
	at := Snapshot().Created
	return admin.Compacted{Snapshot: Snapshot(), FirstBefore: 101, First: 201, BytesBefore: 81920, Bytes: 24576,
		History: 200, HistoryTime: &at}
}

// Backup is a backup of a snapshot and what came after it.
func Backup() admin.Backup {
	return admin.Backup{ID: "ABCDEFGH", Node: "n1", Lineage: "00112233445566aa", Databases: 16, After: 200,
		AfterSum: "8899aabbccddeeff", AfterIn: 3, Last: 250, Digest: "7788aabbccddeeff", Epoch: 3, Snapshot: 4096,
		Frames: 8192, Created: At}
}

// Verified is a journal in which all is good.
func Verified() admin.Verified {
	return admin.Verified{First: 101, Last: 250, Digest: "8899aabbccddeeff", Keys: 12, Snapshots: 2, Took: 321.5}
}

// Parameters are two.
func Parameters() map[string]string { return map[string]string{"maxclients": "10000", "timeout": "0"} }

// Client is a client with a name that a terminal would obey.
func Client() admin.Client {
	return admin.Client{ID: 7, Addr: "127.0.0.1:50000", Name: "job\x1b[2J", Lib: "go-redis", DB: 1, Protocol: 3,
		Since: At, Idle: 1.5, Command: "get"}
}

// Slow is a slow command.
func Slow() admin.Slow {
	return admin.Slow{ID: 5, At: At, Took: 15.25, Args: []string{"SET", "k", "two words"},
		Client: "127.0.0.1:50000", Name: "job"}
}

// Tail is a journal's last number, with an entry of which one effect was asked for.
func Tail() admin.Tail {
	return admin.Tail{Lineage: "00112233445566aa", First: 101, Last: 250, Next: 251, Entries: []admin.JournalEntry{{
		Number: 250, Epoch: 3, Prev: "8899aabbccddeeff", At: At, LeftOut: 1,
		Ops: []json.RawMessage{json.RawMessage(`{"At":0,"DB":0,"Key":"user:1","Value":"Ada","op":"StringSet"}`)}}}}
}

// Link is a replica's link to its leader that has failed.
func Link() admin.Link {
	at := time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC)
	next, last, lag := at.Add(30*time.Second), uint64(42), uint64(2)
	return admin.Link{Leader: "nats://10.0.0.1:4222", Node: "n0", State: "failed", Since: at, Attempts: 10,
		Class: "retryable", LastError: "attempt 10: connect: i/o timeout", Next: &next, Applied: 40, Last: &last,
		Lag: &lag, Heard: &at, Level: &at, Syncs: 1}
}

// PasswordChanged is a password that was drawn, whose former holds for an hour.
func PasswordChanged() admin.PasswordChanged {
	until := At.Add(time.Hour)
	return admin.PasswordChanged{Node: "n1", User: "admin", File: "/var/lib/ledge/auth/admin", Drawn: true, Until: &until, Former: 2}
}

// Promoted is a node that was promoted.
func Promoted() admin.Promoted { return admin.Promoted{Node: "n1", Number: 43, Epoch: 3} }
