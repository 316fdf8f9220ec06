package appliance_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand"
	"net"
	"os"
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
// file is then cut at a random byte behind the last number that somebody was
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

// item is what a key holds.
type item struct {
	value string
	ttl   bool
}

// step is what a writer sends at once: one command, or a transaction.
type step struct {
	lines [][]string
	// apply changes what the writer's keys hold; nil if it must be refused.
	apply func(map[string]item)
}

// writer is one client's knowledge of its keys.
type writer struct {
	id  int
	rng *rand.Rand
	n   int
	has map[string]item // what has been acknowledged
	// pending has been sent and not answered.
	pending []step
	acked   int // in this round
	refused int
}

func (w *writer) key(name string) string { return fmt.Sprintf("c%d:%s", w.id, name) }

// next makes up a command for keys that hold has. Every one that is not refused
// changes something, and is one journal entry.
func (w *writer) next(has map[string]item) step {
	w.n++
	value := fmt.Sprintf("%d-%d-%s", w.id, w.n, strings.Repeat("x", w.rng.Intn(300)))
	k := w.key(strconv.Itoa(w.rng.Intn(5)))
	counter := w.key("counter")
	set := func(k string) []string { return []string{"SET", k, value} }
	switch i := w.rng.Intn(18); {
	case i >= 12:
		return w.collect(has)
	case i < 4:
		return step{[][]string{set(k)}, func(m map[string]item) { m[k] = item{value: value} }}
	case i < 6:
		return step{[][]string{{"INCR", counter}}, func(m map[string]item) { incr(m, counter) }}
	case i < 9:
		a, b := w.key("a"), w.key("b")
		return step{[][]string{{"MULTI"}, set(a), {"INCR", counter}, set(b), {"EXEC"}},
			func(m map[string]item) {
				m[a], m[b] = item{value: value}, item{value: value}
				incr(m, counter)
			}}
	case i == 9 && has[k].value != "":
		return step{[][]string{{"DEL", k}}, func(m map[string]item) { delete(m, k) }}
	case i == 10 && has[k].value != "":
		ms := strconv.Itoa(3_600_000 + w.n)
		return step{[][]string{{"PEXPIRE", k, ms}}, func(m map[string]item) {
			m[k] = item{value: m[k].value, ttl: true}
		}}
	}
	return w.wrong(k, value)
}

// wrong makes up a command that must be refused and leave nothing.
func (w *writer) wrong(k, value string) step {
	switch w.rng.Intn(3) {
	case 0:
		return step{lines: [][]string{{"SET", k, strings.Repeat("y", 5000)}}}
	case 1:
		return step{lines: [][]string{{"SET", k, value, "PX"}}}
	}
	return step{lines: [][]string{{"MULTI"}, {"SET", k, value}, {"INCR"}, {"EXEC"}}}
}

func incr(m map[string]item, k string) {
	n, _ := strconv.Atoi(m[k].value)
	m[k] = item{value: strconv.Itoa(n + 1)}
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

// write sends commands one by one until told to stop or the connection breaks.
func (w *writer) write(t *testing.T, conn net.Conn, hush *atomic.Bool) {
	r := bufio.NewReader(conn)
	for !hush.Load() {
		c := w.next(w.has)
		w.pending = []step{c}
		if _, err := conn.Write(encode(c)); err != nil {
			return
		}
		var last string
		for range c.lines {
			var err error
			if last, err = readReply(r); err != nil {
				return
			}
		}
		w.pending = nil
		failed := strings.HasPrefix(last, "-")
		switch {
		case c.apply == nil && !failed:
			t.Errorf("%q = %q; want an error", c.lines, last)
			return
		case c.apply == nil:
			w.refused++
		case failed:
			t.Errorf("%q = %q; want no error", c.lines, last)
			return
		default:
			c.apply(w.has)
			w.acked++
		}
	}
}

// flood sends more commands and reads no answers.
func (w *writer) flood(conn net.Conn) {
	will := maps.Clone(w.has)
	for range 20 {
		c := w.next(will)
		if c.apply == nil {
			continue
		}
		if _, err := conn.Write(encode(c)); err != nil {
			return
		}
		c.apply(will)
		w.pending = append(w.pending, c)
	}
}

func encode(c step) []byte {
	var b []byte
	for _, l := range c.lines {
		b = fmt.Appendf(b, "*%d\r\n", len(l))
		for _, a := range l {
			b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
		}
	}
	return b
}

// readReply reads a RESP2 reply and returns its first line.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '$':
		if n >= 0 {
			_, err = r.Discard(n + 2)
		}
	case '*':
		for range n {
			if _, err := readReply(r); err != nil {
				return "", err
			}
		}
	}
	return line, err
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

// cut cuts the stopped node's last journal file at a random byte behind the
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
	if err := os.Truncate(path, at); err != nil {
		t.Fatal(err)
	}
	y.cuts++
	y.cutBytes += st.Size() - at
}

// recordTail is the checksum that the broker puts behind each message.
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
