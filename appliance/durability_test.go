package appliance_test

import (
	"context"
	"maps"
	"math/big"
	"math/rand"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/journal"
)

// TestKill is the promise that the program stands on: what it has acknowledged
// is there, whatever happens to the process.
//
// Fifty clients write, each to keys of its own, so each knows exactly what its
// keys must hold. The process is killed at a random moment, and started again.
// A client's keys must then hold what was acknowledged, or that and one or more
// of the commands that had been sent and not answered, in their order; never
// part of a transaction, never a write that was refused, never anything else.
//
// In some rounds the clients send without waiting for answers just before the
// kill, so that the journal has numbers which nobody was told of; and its last
// file is then cut at a random byte after the last number that somebody was
// told of, as a power cut would.
func TestKill(t *testing.T) {
	t.Parallel()
	const clients = 50
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	s := seed(t)
	rng := rand.New(rand.NewSource(s))
	dir := t.TempDir()
	writers := make([]*writer, clients)
	for i := range writers {
		writers[i] = &writer{id: i, rng: rand.New(rand.NewSource(s + int64(i) + 1)), has: map[string]item{}}
	}
	var tally tally
	p := start(t, dir, killOptions...)
	for round := range rounds {
		opts := killOptions
		if round%3 == 2 { // the next round takes snapshots all the time
			opts = append(opts, "--snapshot-every", "1MiB")
		}
		base := number(t, p.info("journal_last_seq"))
		k := kill{round: round, flood: round%2 == 1, after: 200*time.Millisecond +
			time.Duration(rng.Int63n(int64(200*time.Millisecond))), wait: time.Duration(rng.Intn(int(10 * time.Millisecond)))}
		k.run(t, p, writers)
		if k.flood && round%3 != 0 { // without snapshots, so the whole round is in the journal
			tally.cut(t, dir, base, writers, rng)
		}
		digest := digestOf(t, verified(t, dir))
		p = start(t, dir, opts...)
		if got := p.info("journal_digest"); got != digest {
			t.Fatalf("round %d: digest after recovery is %s; journal verify found %s", round, got, digest)
		}
		tally.check(t, p, writers)
		if t.Failed() {
			t.Fatalf("round %d: %s", round, verified(t, dir))
		}
	}
	p.end(syscall.SIGTERM)
	t.Logf("%d rounds: %d commands acknowledged, %d refused; %d in doubt, of which %d were there; "+
		"%d cuts took %d bytes; at the end %s",
		rounds, tally.acked, tally.refused, tally.doubt, tally.stood, tally.cuts, tally.cutBytes, verified(t, dir))
	if !testing.Short() && (tally.doubt == 0 || tally.cutBytes == 0 || tally.refused == 0) {
		t.Errorf("%+v: the rounds have not tried what they are for", tally)
	}
}

var killOptions = []string{"--sync", "always", "--max-value", "4KiB", "--snapshot-every", "1GiB"}

func number(t *testing.T, s string) journal.Seq {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return journal.Seq(n)
}

// kill is one round: when the process is killed and what clients do then.
type kill struct {
	round       int
	flood       bool
	after, wait time.Duration
}

func (k kill) run(t *testing.T, p *process, writers []*writer) {
	var hush atomic.Bool
	var wg, flooded sync.WaitGroup
	for _, w := range writers {
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatalf("round %d: %v", k.round, err)
		}
		defer conn.Close()
		w.acked, w.refused, w.pending = 0, 0, nil
		flooded.Add(1)
		wg.Go(func() {
			w.write(t, conn, &hush)
			if k.flood {
				w.flood(conn)
			}
			flooded.Done()
		})
	}
	<-time.After(k.after) // how long the round goes on is its parameter
	if k.flood {
		hush.Store(true)
		flooded.Wait()
		<-time.After(k.wait)
	}
	p.end(syscall.SIGKILL)
	wg.Wait()
}

// tally counts what the rounds have seen.
type tally struct {
	acked, refused, doubt, stood, cuts int
	cutBytes                           int64
}

// check compares the keys that there are with what the writers know, and tells
// the writers what has become of what was in doubt.
func (y *tally) check(t *testing.T, p *process, writers []*writer) {
	t.Helper()
	c, total := p.client(), 0
	for _, w := range writers {
		got := fetch(t, c, w)
		y.acked += w.acked
		y.refused += w.refused
		y.doubt += len(w.pending)
		want := maps.Clone(w.has)
		stood, found := 0, reflect.DeepEqual(got, want)
		for i := 0; i < len(w.pending) && !found; i++ {
			if w.pending[i].apply != nil {
				w.pending[i].apply(want)
			}
			stood, found = i+1, reflect.DeepEqual(got, want)
		}
		if !found {
			t.Errorf("client %d has %v; acknowledged is %v and in doubt %q", w.id, got, w.has, lines(w.pending))
		}
		y.stood += stood
		w.has = got
		total += len(got)
	}
	if n, err := c.DBSize(t.Context()).Result(); err != nil || int(n) != total {
		t.Errorf("DBSIZE = %d, %v; the clients know of %d keys", n, err, total)
	}
}

func lines(cs []step) (out [][][]string) {
	for _, c := range cs {
		out = append(out, c.lines)
	}
	return out
}

// fetch returns what a writer's keys hold.
func fetch(t *testing.T, c *redis.Client, w *writer) map[string]item {
	t.Helper()
	got := map[string]item{}
	for _, name := range []string{"0", "1", "2", "3", "4", "a", "b", "counter"} {
		k := w.key(name)
		pipe := c.Pipeline()
		value, ttl := pipe.Get(t.Context(), k), pipe.PTTL(t.Context(), k)
		if _, err := pipe.Exec(t.Context()); err == redis.Nil {
			continue
		} else if err != nil {
			t.Fatalf("GET %s: %v", k, err)
		}
		got[k] = item{value.Val(), ttl.Val() > 0}
	}
	fetchCollections(t, c, w, got)
	return got
}

// cut cuts the stopped node's last journal file at a random byte after the
// last number of which any client knows.
func (y *tally) cut(t *testing.T, dir string, base journal.Seq, writers []*writer, rng *rand.Rand) {
	t.Helper()
	known := lastKnown(t, dir, base, writers)
	frames := framesOf(t, dir)
	end := int64(-1)
	for _, f := range frames {
		if f.seq == known {
			end = f.off + int64(f.size) + recordTail
		}
	}
	path := frames[0].path
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if end < 0 || end >= st.Size() {
		return // everything in the last file is known, or all of it is unknown
	}
	at := end + rng.Int63n(st.Size()-end)
	kept := known
	for _, f := range frames {
		if f.off+int64(f.size)+recordTail <= at {
			kept = max(kept, f.seq)
		}
	}
	if witnessed(t, dir) > kept {
		return // no power cut takes what the mark says was synced, whether or not a client was told
	}
	if err := os.Truncate(path, at); err != nil {
		t.Fatal(err)
	}
	y.cuts++
	y.cutBytes += st.Size() - at
}

// witnessed returns the number that the journal's mark says was synced, by its
// layout in FORMAT.md: two slots of 512 bytes, of which the later one counts.
func witnessed(t *testing.T, dir string) (last journal.Seq) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "journal", "mark"))
	if err != nil || len(b) < 1024 {
		t.Fatalf("the mark has %d bytes, %v; want two slots", len(b), err)
	}
	for _, slot := range [][]byte{b[:512], b[512:]} {
		if string(slot[:4]) == "LDGM" {
			n := new(big.Int).SetBytes(slot[28:36])
			last = max(last, journal.Seq(n.Uint64()))
		}
	}
	return last
}

// recordTail is the checksum that the broker puts after each message.
const recordTail = 8

// lastKnown returns the last number behind base with an entry that a client was
// told of. Each command that was acknowledged is one entry with the client's
// keys, so a client that was answered n times knows of its first n entries.
func lastKnown(t *testing.T, dir string, base journal.Seq, writers []*writer) journal.Seq {
	t.Helper()
	s, err := appliance.OpenStopped(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	known, left := base, make(map[string]int)
	for _, w := range writers {
		left[w.key("")] = w.acked
	}
	for c, err := range s.Batches(context.Background(), base+1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Batch().Entries {
			key := reflect.ValueOf(e.Ops[0]).Elem().FieldByName("Key")
			if !key.IsValid() {
				continue // an epoch
			}
			client, _, _ := strings.Cut(key.String(), ":")
			if left[client+":"] > 0 {
				left[client+":"]--
				known = c.Seq()
			}
		}
	}
	for client, n := range left {
		if n > 0 {
			t.Fatalf("%d acknowledged commands of client %s are not in the journal", n, client)
		}
	}
	return known
}
