package appliance_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
	"ledge/journal/fault"

	"github.com/redis/go-redis/v9"
)

// quartet is two shards of two nodes each.
type quartet struct {
	t     *testing.T
	pairs [2]*pair // whose nodes take turns in leading
	leads [2]int   // which of a pair's does
	now   [2]atomic.Pointer[redis.Client]
}

func newQuartet(t *testing.T) *quartet {
	t.Helper()
	secret := t.TempDir() + "/secret"
	replaceFile(t, secret, "s3cret\n")
	q := &quartet{t: t}
	for i := range q.pairs {
		q.pairs[i] = leadAndFollow(t, "--cluster", "yes", "--cluster-secret-file", secret, "--on-divergence", "resync")
		q.led(i, 0)
	}
	op := q.pairs[0].admin(t, 0)
	if _, err := op.ClusterFound(t.Context(), names[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := q.pairs[1].admin(t, 0).ClusterJoin(t.Context(), names[0], q.pairs[0].urls[0]); err != nil {
		t.Fatal(err)
	}
	for i := range q.pairs {
		within(t, 20*time.Second, "each shard knows all four nodes", func() bool {
			return strings.Count(q.pairs[i].nodes[0].client().ClusterNodes(t.Context()).Val(), "\n") == 4
		})
	}
	return q
}

// led notes which node of a shard leads.
func (q *quartet) led(shard, node int) {
	q.leads[shard] = node
	q.now[shard].Store(q.pairs[shard].nodes[node].client())
}

// startedNow reports whether a move can't begin because a node was started a moment ago, or a
// shard has another leader since then.
func startedNow(err error) bool {
	var answer *admin.Error
	return errors.As(err, &answer) && (answer.Class == fault.Retryable || strings.Contains(answer.Text, "known"))
}

// begin begins a move of half of the slots away from a shard.
func (q *quartet) begin(from int) (id string) {
	q.t.Helper()
	op, to := q.pairs[from].admin(q.t, q.leads[from]), q.pairs[1-from]
	defer op.Close()
	within(q.t, 20*time.Second, "a move begins", func() bool {
		mv, err := op.ClusterMove(q.t.Context(), names[q.leads[from]], "0-8191", to.nodes[q.leads[1-from]].addr)
		if err != nil && !startedNow(err) {
			q.t.Fatal(err)
		}
		id = mv.ID
		return err == nil
	})
	return id
}

// over waits until a move has ended at the leaders of both shards.
func (q *quartet) over(id string) {
	q.t.Helper()
	var lists [2][]admin.Move
	defer func() {
		for i, p := range q.pairs {
			if q.t.Failed() {
				q.t.Logf("shard %d: %+v, logs: %s\n%s", i, lists[i], &p.nodes[0].stderr, &p.nodes[1].stderr)
			}
		}
	}()
	for i, p := range q.pairs {
		op := p.admin(q.t, q.leads[i])
		within(q.t, 30*time.Second, "the move is over", func() bool {
			lists[i], _ = op.ClusterMoves(q.t.Context(), names[q.leads[i]])
			for _, mv := range lists[i] {
				if mv.ID == id && mv.Phase == "ended" {
					if mv.Cause != "" {
						q.t.Errorf("the move has ended: %s", mv.Cause)
					}
					return true
				}
			}
			return false
		})
		op.Close()
	}
}

// switches has the other node of a shard lead.
func (q *quartet) switches(shard int) {
	q.t.Helper()
	from := q.leads[shard]
	op := q.pairs[shard].admin(q.t, from)
	defer op.Close()
	within(q.t, time.Minute, "a lead is handed over", func() bool {
		_, err := op.Switchover(q.t.Context(), names[from], names[1-from])
		if err != nil {
			q.t.Logf("switchover: %v", err)
		}
		return err == nil
	})
	q.led(shard, 1-from)
}

// promotes kills a shard's leader and has its replica lead.
func (q *quartet) promotes(shard int) {
	q.t.Helper()
	p, old, next := q.pairs[shard], q.leads[shard], 1-q.leads[shard]
	p.nodes[old].end(syscall.SIGKILL)
	op := p.admin(q.t, next)
	defer op.Close()
	if _, err := op.Promote(q.t.Context(), names[next]); err != nil {
		q.t.Fatal(err)
	}
	q.led(shard, next)
}

// revives brings a shard's killed leader back as a replica. Until it is told to follow it
// leads, so that is done while no slots move.
func (q *quartet) revives(shard int) {
	q.t.Helper()
	p, old, next := q.pairs[shard], 1-q.leads[shard], q.leads[shard]
	secret := q.t.TempDir() + "/secret"
	replaceFile(q.t, secret, "s3cret\n")
	p.nodes[old] = start(q.t, p.dirs[old], "--node", names[old], "--nats-listen", strings.TrimPrefix(p.urls[old], "nats://"),
		"--cluster", "yes", "--cluster-secret-file", secret, "--on-divergence", "resync")
	if err := os.WriteFile(filepath.Join(p.dirs[old], "auth", "leader"), []byte(word(q.t, p.dirs[next], "replica")), 0o600); err != nil {
		q.t.Fatal(err)
	}
	// The node's broker is replaced when it takes the leader's journal, with the answer to
	// this on its way.
	within(q.t, 20*time.Second, "the former leader follows", func() bool {
		op := p.admin(q.t, old)
		defer op.Close()
		_, err := op.Follow(q.t.Context(), names[old], p.urls[next])
		return err == nil
	})
}

// waitedIncr counts, and waits for a replica. Without one a promotion may take it back.
func waitedIncr(c *redis.Client, key string) (got int64, stays bool, err error) {
	p := c.Pipeline()
	n, has := p.Incr(context.Background(), key), p.Do(context.Background(), "WAIT", 1, 500)
	_, _ = p.Exec(context.Background())
	if n.Err() != nil {
		return 0, false, n.Err()
	}
	replicas, err := has.Int()
	return n.Val(), err == nil && replicas > 0, nil
}

// Half of the slots move to and fro between two shards with a replica each, while source or
// target is handed over or loses its leader. Each move ends by itself, and each write that
// was answered after its replica had it is there. A replica that is read sends clients on
// once its shard has given a slot.
func TestMovesWhileLeadersChange(t *testing.T) {
	t.Parallel()
	rounds := numberOfRounds(8, 4)
	q := newQuartet(t)
	w := countBy(t, 4, "count", func(i int) *redis.Client { return q.now[i].Load() }, waitedIncr)
	var longest time.Duration
	for round := range rounds {
		from := round % 2
		id := q.begin(from)
		shard := []int{from, 1 - from}[round/2%2]
		killed := round%4 < 2 != (round%8 < 4)
		if killed {
			q.replicaHas(from, id) // else its promotion may take back that there is a move
			q.promotes(shard)
		} else {
			q.switches(shard)
		}
		began := time.Now()
		q.over(id)
		longest = max(longest, time.Since(began))
		if killed {
			q.revives(shard)
		}
		q.pairs[shard].streams(t, 1-q.leads[shard])
		q.replicasKnow("0-8191", 1-from)
	}
	w.check(t)
	t.Logf("%d rounds; a move has ended %s after the last change at most", rounds, longest)
}

// replicaHas waits until the replica of a shard has it that a move has begun.
func (q *quartet) replicaHas(shard int, id string) {
	q.t.Helper()
	at := 1 - q.leads[shard]
	op := q.pairs[shard].admin(q.t, at)
	defer op.Close()
	within(q.t, 20*time.Second, "the replica knows of the move", func() bool {
		list, err := op.ClusterMoves(q.t.Context(), names[at])
		return err == nil && slices.ContainsFunc(list, func(mv admin.Move) bool { return mv.ID == id })
	})
}

// replicasKnow waits until the replica of a shard that has slots serves reads of them, and
// the one of the other sends them on.
func (q *quartet) replicasKnow(slots string, owner int) {
	q.t.Helper()
	const key = "count:0:2"
	if slot := q.now[0].Load().ClusterKeySlot(q.t.Context(), key).Val(); slot > 8191 {
		q.t.Fatalf("%s is of slot %d, which is not of %s", key, slot, slots)
	}
	for i, p := range q.pairs {
		c := p.nodes[1-q.leads[i]].client().Conn()
		if err := c.ReadOnly(q.t.Context()).Err(); err != nil {
			q.t.Fatal(err)
		}
		within(q.t, 10*time.Second, "a replica knows who has the slot", func() bool {
			err := c.Get(q.t.Context(), key).Err()
			if i == owner {
				return err == nil
			}
			return err != nil && strings.HasPrefix(err.Error(), "MOVED ")
		})
		c.Close()
	}
}

// signal sends a signal to a node's process.
func signal(t *testing.T, n *process, sig syscall.Signal) {
	t.Helper()
	if err := n.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// A node that led, had what its replica did not, and so took that one's journal in place of
// its own, leads again. Slots move to its shard and away from it.
func TestMovesAfterResync(t *testing.T) {
	t.Parallel()
	q := newQuartet(t)
	if _, stays, err := waitedIncr(q.now[0].Load(), "count:0:2"); err != nil || !stays {
		t.Fatalf("the replica has it: %v, %v", stays, err)
	}
	replica := q.pairs[0].nodes[1]
	signal(t, replica, syscall.SIGSTOP)
	for range 32 { // more than is on its way to the replica, which reads that once it goes on
		if err := q.now[0].Load().Set(t.Context(), "{count:0:2}alone", strings.Repeat("v", 1<<20), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	q.pairs[0].nodes[0].end(syscall.SIGKILL)
	signal(t, replica, syscall.SIGCONT)
	q.promotes(0)
	q.revives(0)
	q.pairs[0].streams(t, 0)
	if !strings.Contains(q.pairs[0].nodes[0].stderr.String(), "set aside") {
		t.Errorf("the node says %s; want it to have set its journal aside", &q.pairs[0].nodes[0].stderr)
	}
	q.switches(0)
	q.over(q.begin(0))
	q.over(q.begin(1))
	q.replicasKnow("0-8191", 0)
}
