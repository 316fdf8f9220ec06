package appliance_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/appliance"
	"ledge/journal/freeport"
)

// restoredShard is a shard that gave a slot away after its backup was made, and was restored from
// that; b has the slot.
func restoredShard(t *testing.T, set func(*appliance.Config)) (a, b *member) {
	t.Helper()
	b = memberSet(t, "b", "s3cret", nil, func(cfg *appliance.Config) { cfg.ClusterNodeTimeout = 3 * time.Second })
	was := memberSet(t, "a", "s3cret", nil, func(cfg *appliance.Config) { cfg.ClusterNodeTimeout = 3 * time.Second })
	was.found()
	if err := b.join(was.Status().NATS); err != nil {
		t.Fatal(err)
	}
	was.hears(2, 2)
	if err := was.c.Set(t.Context(), "k", "before", 0).Err(); err != nil {
		t.Fatal(err)
	}
	copied, dir := filepath.Join(t.TempDir(), "backups"), filepath.Join(t.TempDir(), "a")
	if done := run(t, "backup", "--dir", was.dir, "--to", copied); done.code != 0 {
		t.Fatalf("backup: exit code %d, %s", done.code, done.stderr)
	}
	if mv := was.moves("7600-7700", b); mv.Cause != "" { // k's is 7629
		t.Fatal(mv.Cause)
	}
	if err := b.c.Set(t.Context(), "k", "after", 0).Err(); err != nil {
		t.Fatal(err)
	}
	cfg := appliance.Config{Node: "a", Dir: dir, NATSListen: strings.TrimPrefix(was.Status().NATS, "nats://")}
	cfg.ClusterNodeTimeout = 3 * time.Second
	was.stop()
	did := run(t, "restore", "--from", copied, "--dir", dir)
	if did.code != 0 || !strings.Contains(did.stdout, "ledge cluster join") {
		t.Fatalf("restore: exit code %d, %s%s; want it to say how others hear of the shard", did.code, did.stdout, did.stderr)
	}
	return memberOf(t, cfg, "s3cret", nil, set), b
}

// A shard that is restored from a backup answers for no slot before it has heard who has them
// now: one that it gave away since is the other shard's, and what is left is its own once its
// former node, at whose address it is, counts as gone.
func TestRestoredShard(t *testing.T) {
	t.Parallel()
	a, b := restoredShard(t, func(cfg *appliance.Config) { cfg.ClusterAlone = "refuse" }) // however long it takes to hear of b
	if got := a.first(); !strings.HasPrefix(got, "CLUSTERDOWN") {
		t.Errorf("the first SET is answered with %q; want it refused", got)
	}
	if h := a.health(); !strings.Contains(h.WritesRefused, "restored from a backup") {
		t.Errorf("by its health writes are refused with %q; want it to say why", h.WritesRefused)
	}
	var answers []string
	within(t, 30*time.Second, "the others' slot is theirs", func() bool {
		err := a.c.Set(t.Context(), "k", "lost", 0).Err()
		if err == nil {
			t.Fatal("SET of a slot that another shard has is taken")
		}
		if n := len(answers); n == 0 || answers[n-1] != err.Error() {
			answers = append(answers, err.Error())
		}
		return err.Error() == "MOVED 7629 "+b.Status().Listen
	})
	t.Logf("SET: %q", answers)
	within(t, 30*time.Second, "the rest is the restored shard's", func() bool { return a.c.Set(t.Context(), "foo", "v", 0).Err() == nil })
	within(t, 30*time.Second, "the others know", func() bool {
		err := b.c.Get(t.Context(), "foo").Err()
		return err != nil && err.Error() == "MOVED 12182 "+a.Status().Listen
	})
	if got := b.c.Get(t.Context(), "k").Val(); got != "after" {
		t.Errorf("k is %q; want what was written to it last", got)
	}
	for _, m := range []*member{a, b} {
		within(t, 30*time.Second, m.name+" knows of two shards", func() bool { return len(m.cluster().Shards) == 2 })
	}
}

// At another address the restored shard has to be told of the cluster, and that its former node
// is gone. It serves nothing while that may live, and says what to do.
func TestRestoredElsewhere(t *testing.T) {
	t.Parallel()
	a, b := restoredShard(t, func(cfg *appliance.Config) {
		cfg.NATSListen, cfg.ClusterAlone = freeport.Addr(t), "refuse"
	})
	if got := a.first(); !strings.HasPrefix(got, "CLUSTERDOWN") {
		t.Errorf("the first SET is answered with %q; want it refused", got)
	}
	if c := a.cluster(); !strings.Contains(c.Refused, "ledge cluster join") {
		t.Errorf("by the status slots are refused with %q; want it to say how the others hear of the node", c.Refused)
	}
	if err := a.join(b.Status().NATS); err != nil {
		t.Fatal(err)
	}
	refused := ""
	within(t, 30*time.Second, "it says that another shard has the slots", func() bool {
		refused = a.cluster().Refused
		return strings.Contains(refused, "ledge cluster forget")
	})
	_, id, _ := strings.Cut(refused, "ledge cluster forget ")
	id, _, _ = strings.Cut(id, " ")
	within(t, 30*time.Second, "its former node is forgotten", func() bool {
		op := a.op()
		defer op.Close()
		_, err := op.ClusterForget(t.Context(), a.name, id)
		return err == nil
	})
	within(t, 30*time.Second, "its slots are served", func() bool { return a.c.Set(t.Context(), "foo", "v", 0).Err() == nil })
	within(t, 30*time.Second, "the others know", func() bool {
		err := b.c.Get(t.Context(), "foo").Err()
		return err != nil && err.Error() == "MOVED 12182 "+a.Status().Listen
	})
	if got := a.first(); got != "MOVED 7629 "+b.Status().Listen {
		t.Errorf("SET of a slot that was given away is answered with %q; want MOVED", got)
	}
	if h := a.health(); h.WritesRefused != "" {
		t.Errorf("writes are refused with %q; want nothing", h.WritesRefused)
	}
}

// A restored shard that nobody has spoken to serves its slots after a while, and no longer once
// it hears that another one has them at the same epoch: they had two owners then.
func TestRestoredAloneThenJoins(t *testing.T) {
	t.Parallel()
	a, b := restoredShard(t, func(cfg *appliance.Config) { cfg.NATSListen = freeport.Addr(t) })
	within(t, 30*time.Second, "it serves its slots", func() bool { return a.c.Set(t.Context(), "foo", "v", 0).Err() == nil })
	if err := a.join(b.Status().NATS); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "it says that another shard has the slots", func() bool {
		return strings.Contains(a.cluster().Refused, "ledge cluster forget")
	})
	if err := a.c.Set(t.Context(), "foo", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "CLUSTERDOWN") && !strings.HasPrefix(err.Error(), "MOVED") {
		t.Errorf("SET of a slot that another shard has at the same epoch: %v; want it refused", err)
	}
}

// Slots that a shard was given after its backup are nobody's once it is restored from that, and
// are seized from nobody.
func TestSeizeFromNobody(t *testing.T) {
	t.Parallel()
	short := func(cfg *appliance.Config) { cfg.ClusterNodeTimeout = 3 * time.Second }
	a, b := memberSet(t, "a", "s3cret", nil, short), memberSet(t, "b", "s3cret", nil, short)
	a.found()
	if err := b.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	a.hears(2, 2)
	copied, dir := filepath.Join(t.TempDir(), "backups"), filepath.Join(t.TempDir(), "b")
	if done := run(t, "backup", "--dir", b.dir, "--to", copied); done.code != 0 {
		t.Fatalf("backup: exit code %d, %s", done.code, done.stderr)
	}
	if mv := a.moves("7600-7700", b); mv.Cause != "" { // k's is 7629
		t.Fatal(mv.Cause)
	}
	seize := func() error {
		op := a.op()
		defer op.Close()
		_, err := op.ClusterSeize(t.Context(), a.name, "7600-7700", "nobody")
		return err
	}
	if err := seize(); err == nil || !strings.Contains(err.Error(), "owns slot 7600") {
		t.Errorf("slots that a shard has are seized from nobody: %v; want it refused", err)
	}
	cfg := appliance.Config{Node: "b", Dir: dir, NATSListen: strings.TrimPrefix(b.Status().NATS, "nats://")}
	b.stop()
	if did := run(t, "restore", "--from", copied, "--dir", dir); did.code != 0 {
		t.Fatalf("restore: exit code %d, %s", did.code, did.stderr)
	}
	memberOf(t, cfg, "s3cret", nil, short)
	within(t, 30*time.Second, "the slots are seized once the former node is forgotten", func() bool { return seize() == nil })
	within(t, 30*time.Second, "they are served", func() bool { return a.c.Set(t.Context(), "k", "v", 0).Err() == nil })
}

// A cluster of one shard is restored with nobody to ask: it serves after a while.
func TestRestoredAlone(t *testing.T) {
	t.Parallel()
	was := memberWith(t, "a", "s3cret", nil)
	was.found()
	if err := was.c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	copied, dir := filepath.Join(t.TempDir(), "backups"), filepath.Join(t.TempDir(), "a")
	if done := run(t, "backup", "--dir", was.dir, "--to", copied); done.code != 0 {
		t.Fatalf("backup: exit code %d, %s", done.code, done.stderr)
	}
	was.stop()
	if did := run(t, "restore", "--from", copied, "--dir", dir); did.code != 0 {
		t.Fatalf("restore: exit code %d, %s", did.code, did.stderr)
	}
	cfg := appliance.Config{Node: "a", Dir: dir}
	cfg.ClusterNodeTimeout = 3 * time.Second
	a := memberOf(t, cfg, "s3cret", nil)
	within(t, 30*time.Second, "the slots are served", func() bool { return a.c.Get(t.Context(), "k").Val() == "v" })
	a.stop()
	if a = memberOf(t, cfg, "s3cret", nil); a.first() != "OK" {
		t.Error("once it has served it waits again at its next start; want it to serve at once")
	}
}
