package appliance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal/freeport"
)

// seen is what a node has said of itself at a moment.
type seen struct {
	at     time.Time
	number uint64
	digest string
}

// sightings notes where a node is until the context ends.
func sightings(ctx context.Context, t *testing.T, p *process, every time.Duration) (list func() []seen) {
	t.Helper()
	var mu sync.Mutex
	var all []seen
	c := p.client()
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for ctx.Err() == nil {
			text, err := c.Info(ctx, "journal").Result()
			s := seen{at: time.Now()}
			for line := range strings.Lines(text) {
				name, v, _ := strings.Cut(strings.TrimSpace(line), ":")
				switch name {
				case "journal_applied_seq":
					s.number, _ = strconv.ParseUint(v, 10, 64)
				case "journal_digest":
					s.digest = v
				}
			}
			if err == nil {
				mu.Lock()
				all = append(all, s)
				mu.Unlock()
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() []seen {
		mu.Lock()
		defer mu.Unlock()
		return all[:len(all):len(all)]
	}
}

// loaded has clients write all kinds of things to a node until the context ends.
func loaded(ctx context.Context, t *testing.T, p *process, clients int) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	for i := range clients {
		c, r := p.client(), rand.New(rand.NewPCG(uint64(i), 15))
		wg.Go(func() {
			for ctx.Err() == nil {
				disturb(ctx, c, r)
			}
		})
	}
	return &wg
}

// disturb carries out one random command.
func disturb(ctx context.Context, c *redis.Client, r *rand.Rand) {
	key := func() string { return fmt.Sprint("k", r.IntN(500)) }
	switch r.IntN(12) {
	case 0:
		c.Rename(ctx, key(), key())
	case 1:
		c.Copy(ctx, key(), key(), 0, true)
	case 2:
		c.Del(ctx, key())
	case 3:
		c.HSet(ctx, "h"+key(), key(), r.Uint64())
	case 4:
		c.ZAdd(ctx, "z"+key(), redis.Z{Score: r.Float64(), Member: key()})
	case 5:
		c.RPush(ctx, "l"+key(), key(), key())
	case 6:
		c.LPop(ctx, "l"+key())
	case 7:
		c.Set(ctx, key(), "short", time.Duration(1+r.IntN(3))*time.Second)
	case 8:
		if r.IntN(200) == 0 {
			c.FlushDB(ctx)
		}
	case 9:
		if r.IntN(20) == 0 {
			c.Do(ctx, "SWAPDB", 0, 1)
		}
	default:
		c.Set(ctx, key(), strings.Repeat("v", r.IntN(2000)), 0)
	}
}

// restored is what restore --json says.
type restored struct {
	Number  uint64 `json:"number"`
	Digest  string `json:"digest"`
	Lineage string `json:"lineage"`
	From    string `json:"from_lineage"`
}

// backedUp is what backup --json says.
type backedUp struct {
	Path  string `json:"path"`
	After uint64 `json:"after_number"`
	Last  uint64 `json:"last_number"`
	State string `json:"state"`
}

// answered runs the program, which must work, and reads its JSON.
func answered[T any](t *testing.T, args ...string) (v T) {
	t.Helper()
	got := run(t, args...)
	if got.code != 0 {
		t.Fatalf("%q: exit code %d, %s", args, got.code, got.stderr)
	}
	if got.stdout != "" {
		if err := json.Unmarshal([]byte(got.stdout), &v); err != nil {
			t.Fatalf("%q: %v in %q", args, err, got.stdout)
		}
	}
	return v
}

// backups is how many backups the test takes: BACKUPS, or few.
func backups(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("BACKUPS"))
	if err != nil {
		n = 10
	}
	t.Logf("%d backups; BACKUPS says how many", n)
	return n
}

// kept is a backup and how it is restored.
type kept struct {
	path        string
	open        []string
	first, last uint64
	timed       bool // it goes on for long enough to be restored at a time
}

// A key of age's, and its public half.
const (
	ageIdentity  = "AGE-SECRET-KEY-15NTM9A694LTETGL7UVPQVG49S4AUQFNU7SJZNU23C5LM69RPMZSSFRR325"
	ageRecipient = "age1xchvclhyptmq5ylv7v7hcuzsdfk25np8qefqhvc2esjqdads24fsh8xg9n"
)

// Backups that are taken while clients write, and while the journal is truncated,
// restore at any number, and any time, to the state that was there then. Some add to
// those before them, some are encrypted.
func TestBackupsUnderLoad(t *testing.T) {
	dir, store := t.TempDir(), t.TempDir()
	key := filepath.Join(store, "key")
	if err := os.WriteFile(key, []byte(ageIdentity+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := backups(t)
	every := "1mb"
	if n >= 100 { // so that most go on for a second, and can be restored at a time
		every = "16mb"
	}
	p := start(t, dir, "--nats-listen", freeport.Addr(t), "--snapshot-every", every, "--sync", "interval")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looked, unseen := context.WithCancel(t.Context())
	defer unseen()
	list := sightings(looked, t, p, 5*time.Millisecond)
	busy := loaded(ctx, t, p, 8)
	var all []kept
	for i := range n {
		if i == n/2 { // on a busy machine it takes a while until a block has been filled
			within(t, time.Minute, "the journal is truncated", func() bool { return p.info("journal_first_seq") != "1" })
		}
		k := kept{path: filepath.Join(store, fmt.Sprint("dir", i/8))}
		args := []string{"backup", "--dir", dir, "--json", "--to", k.path}
		switch i % 4 {
		case 1:
			k.path = filepath.Join(store, fmt.Sprintf("file%d.backup", i))
			args[len(args)-1] = k.path
		case 2:
			k.path, k.open = filepath.Join(store, fmt.Sprintf("sealed%d", i/8)), []string{"--identity", key}
			args[len(args)-1] = k.path
			args = append(args, "--encrypt-to", ageRecipient, "--identity", key)
		}
		b := answered[backedUp](t, args...)
		if b.Path == "" {
			continue // nothing was new
		}
		if !strings.HasPrefix(b.State, "verified") {
			t.Errorf("%q: state %q; want it verified", args, b.State)
		}
		k.first, k.last = b.After, b.Last
		all = append(all, k)
	}
	cancel()
	busy.Wait()
	all = append(all, calmBackup(t, p, dir, filepath.Join(store, "calm.backup"), list))
	unseen()
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code = %d; want 0; %s", code, &p.stderr)
	}
	if info := run(t, "journal", "info", "--dir", dir); strings.Contains(info.stdout, "numbers   1 to") {
		t.Errorf("the journal was never truncated:\n%s", info.stdout)
	}
	restoreAll(t, all, list(), store)
}

// calmBackup takes a backup of a node that nobody else writes to, which begins before
// something was seen and goes on for more than a second after it: under load the journal
// may be truncated faster than that.
func calmBackup(t *testing.T, p *process, dir, path string, list func() []seen) kept {
	t.Helper()
	for _, value := range []string{"before", "after"} {
		if err := p.client().Set(t.Context(), "calm", value, 0).Err(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		within(t, time.Minute, "it is seen for more than a second", func() bool {
			all := list()
			return len(all) > 0 && all[len(all)-1].at.Sub(began) > 1200*time.Millisecond
		})
	}
	b := answered[backedUp](t, "backup", "--dir", dir, "--json", "--to", path)
	return kept{path: path, first: b.After, last: b.Last, timed: true}
}

// restoreAll restores backups at random, and holds what that comes to against what
// was seen.
func restoreAll(t *testing.T, all []kept, list []seen, store string) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(len(all)), 200))
	atNumber, inTime := 0, 0
	for i, k := range all {
		var within []int
		for j, s := range list {
			if s.number >= k.first && s.number <= k.last {
				within = append(within, j)
			}
		}
		if len(within) == 0 {
			continue // it has few numbers, and nobody looked meanwhile
		}
		atNumber++
		j := within[r.IntN(len(within))]
		to := filepath.Join(store, fmt.Sprint("restored", i))
		args := append([]string{"restore", "--json", "--from", k.path, "--dir", to}, k.open...)
		got := answered[restored](t, append(args, "--to-number", fmt.Sprint(list[j].number))...)
		if got.Number != list[j].number || got.Digest != list[j].digest || got.Lineage == got.From {
			t.Errorf("%s at number %d comes to %+v; want digest %s, and another lineage", k.path, list[j].number, got, list[j].digest)
		}
		if i%3 == 0 || k.timed {
			if digest := digestOf(t, verified(t, to)); digest != list[j].digest {
				t.Errorf("the restored directory has digest %s; want %s", digest, list[j].digest)
			}
			// What was seen at the backup's first number may have been so before its snapshot was begun.
			later := slices.IndexFunc(within, func(j int) bool { return list[j].number > k.first })
			if later >= 0 && atTime(t, k, list, within[later], to+"t") {
				inTime++
			}
		}
		os.RemoveAll(to)
	}
	t.Logf("%d backups of %d restored at a number, %d at a time", atNumber, len(all), inTime)
	if inTime == 0 {
		t.Error("none was restored at a time; want some")
	}
}

// atTime restores a backup at the moment of what was seen, if it goes on for a
// second after that: it has all that was seen then, and nothing that came later.
func atTime(t *testing.T, k kept, list []seen, j int, to string) bool {
	t.Helper()
	at, later := list[j], j
	for later < len(list) && list[later].at.Sub(at.at) < time.Second {
		later++
	}
	if later == len(list) || list[later].number > k.last {
		return false
	}
	args := append([]string{"restore", "--json", "--from", k.path, "--dir", to}, k.open...)
	got := answered[restored](t, append(args, "--to-time", at.at.Format(time.RFC3339Nano))...)
	if got.Number < at.number || got.Number > list[later].number {
		t.Errorf("%s at %s comes to number %d; want %d, and at most %d", k.path, at.at, got.Number, at.number, list[later].number)
	}
	for _, s := range list {
		if s.number == got.Number && s.digest != got.Digest {
			t.Errorf("%s at number %d has digest %s; want %s", k.path, got.Number, got.Digest, s.digest)
		}
	}
	os.RemoveAll(to)
	return true
}

// A restored node serves what was there, goes on from it, and is not taken for the
// leader of those who followed the node that the backup is of.
func TestRestoredServes(t *testing.T) {
	ctx, dir, store := t.Context(), t.TempDir(), t.TempDir()
	p := start(t, dir, "--nats-listen", freeport.Addr(t))
	c := p.client()
	for i := range 10 {
		if err := c.Set(ctx, "k", i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(store, "b")
	b := answered[backedUp](t, "backup", "--dir", dir, "--json", "--to", to)
	back := filepath.Join(store, "r")
	r := answered[restored](t, "restore", "--json", "--from", to, "--to-number", fmt.Sprint(b.Last-4), "--dir", back)
	got := run(t, "restore", "--from", to, "--dir", back)
	if got.code != 1 || !strings.Contains(got.stderr, "empty directory only") {
		t.Errorf("restore into a node's directory: exit code %d, %q; want 1, and that it is refused", got.code, got.stderr)
	}
	q := start(t, back, "--nats-listen", freeport.Addr(t))
	if v, err := q.client().Get(ctx, "k").Result(); v != "5" || err != nil {
		t.Errorf("GET k = %q, %v; want 5", v, err)
	}
	if got := q.info("journal_lineage"); got != r.Lineage || got == p.info("journal_lineage") {
		t.Errorf("lineage %s; want %s, and not that of the node before", got, r.Lineage)
	}
	if err := q.client().Set(ctx, "k", "on", 0).Err(); err != nil {
		t.Errorf("SET on the restored node: %v", err)
	}
	got = run(t, "backup", "--dir", back, "--to", to)
	if got.code != 1 || !strings.Contains(got.stderr, "lineage") {
		t.Errorf("backup of the restored node into the old one's: exit code %d, %q; want 1, and why", got.code, got.stderr)
	}
	q.end(syscall.SIGTERM)
	if said := verified(t, back); !strings.Contains(said, "ok") {
		t.Errorf("journal verify says %q; want ok", said)
	}
}
