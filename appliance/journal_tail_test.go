package appliance

// What a node tells of its journal while it runs: filtered, bounded, followed, and
// never with something left out in silence.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal/fault"
)

// tailed is a node that runs, and a client that writes to it.
type tailed struct {
	*testing.T
	backend
	c *redis.Client
}

func openTailed(t *testing.T) *tailed {
	t.Helper()
	n := running(t, Config{Dir: t.TempDir() + "/data", NATSListen: Off, Live: options.Live{Sync: SyncOff}})
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: n.Status().Listen})
	t.Cleanup(func() { c.Close() })
	return &tailed{t, backendOf(n), c}
}

func (n *tailed) do(args ...any) {
	n.Helper()
	if err := n.c.Do(n.Context(), args...).Err(); err != nil && !errors.Is(err, redis.Nil) {
		n.Fatalf("%.100q: %v", args, err)
	}
}

// all asks on until all has been told, and returns the names and keys of the effects.
func (n *tailed) all(q admin.TailQuery) (words []string, answers int) {
	n.Helper()
	for {
		t, err := n.JournalTail(n.Context(), q)
		if err != nil {
			n.Fatalf("tail %+v: %v", q, err)
		}
		answers++
		for _, e := range t.Entries {
			for _, op := range e.Ops {
				var said struct{ Op, Key, To string }
				if err := json.Unmarshal(op, &said); err != nil {
					n.Fatal(err)
				}
				words = append(words, strings.TrimSpace(said.Op+" "+said.Key+said.To))
			}
		}
		if t.Next > t.Last {
			return words, answers
		}
		q = admin.TailQuery{From: t.Next, Entry: t.NextEntry, Key: q.Key, DB: q.DB}
	}
}

// What is not asked for is left out at the node: by key, by database, by both. What is
// on all keys of a database is on each.
func TestTailFilters(t *testing.T) {
	n := openTailed(t)
	n.do("SET", "user:1", "v")
	n.do("SET", "other", "v")
	n.do("RENAME", "other", "user:2")
	n.do("MSET", "user:3", "v", "else", "v")
	n.do("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 1 end)")
	n.do("FLUSHDB")
	if _, err := n.c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		p.Do(t.Context(), "SELECT", 2)
		p.Do(t.Context(), "SET", "user:4", "v")
		p.Do(t.Context(), "SWAPDB", 2, 3)
		p.Do(t.Context(), "SELECT", 0)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	db := func(i int) *int { return &i }
	for _, c := range []struct {
		query admin.TailQuery
		want  string
	}{
		{admin.TailQuery{From: 1}, "Epoch,StringSet user:1,StringSet other,KeyRename otheruser:2,StringSet user:3,StringSet else," +
			"FunctionSet,RangeClear,StringSet user:4,SwapDB"},
		{admin.TailQuery{From: 1, Key: "user:*"}, "StringSet user:1,KeyRename otheruser:2,StringSet user:3,RangeClear," +
			"StringSet user:4,SwapDB"},
		{admin.TailQuery{From: 1, DB: db(2)}, "StringSet user:4,SwapDB"},
		{admin.TailQuery{From: 1, DB: db(3)}, "SwapDB"},
		{admin.TailQuery{From: 1, Key: "else", DB: db(0)}, "StringSet else,RangeClear"},
		{admin.TailQuery{From: 1, Key: "nothing", DB: db(7)}, ""},
		{admin.TailQuery{Last: 1, Key: "*:4"}, "StringSet user:4,SwapDB"},
	} {
		if got, _ := n.all(c.query); strings.Join(got, ",") != c.want {
			t.Errorf("%+v: %s; want %s", c.query, got, c.want)
		}
	}
	r, err := n.JournalTail(t.Context(), admin.TailQuery{From: 1, Key: "user:3"})
	if err != nil || len(r.Entries) == 0 || r.Entries[0].LeftOut != 1 {
		t.Errorf("%+v, %v; want one effect of MSET left out, and said so", r, err)
	}
}

// An answer is bounded whatever is in the journal, and asking on brings all of it.
func TestTailBounds(t *testing.T) {
	n := openTailed(t)
	if _, err := n.c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for i := range 3 * admin.MaxTailEntries {
			p.Set(t.Context(), fmt.Sprint("many:", i), strings.Repeat("v", 200), 0)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	got, answers := n.all(admin.TailQuery{From: 1, Key: "many:*"})
	if len(got) != 3*admin.MaxTailEntries || answers < 3 {
		t.Errorf("%d effects in %d answers; want %d in several", len(got), answers, 3*admin.MaxTailEntries)
	}
	seen := make(map[string]bool)
	for _, w := range got {
		seen[w] = true
	}
	if len(seen) != len(got) {
		t.Errorf("%d of %d effects are told twice", len(got)-len(seen), len(got))
	}

	n.do("SET", "long", strings.Repeat("é", 1<<20))
	n.do("SET", "raw", strings.Repeat("\xff", 1<<20))
	args := []any{"RPUSH", "list"}
	for i := range 50000 {
		args = append(args, i)
	}
	n.do(args...)
	many := []any{"MSET"}
	for i := range 20000 {
		many = append(many, fmt.Sprint("mset:", i), strings.Repeat("w", 100))
	}
	n.do(many...)
	for i, want := range []string{`"begins":"éé`, `"begins":{"base64":"////`, `{"more":49984}`, ""} {
		r, err := n.JournalTail(t.Context(), admin.TailQuery{From: uint64(n.n.state.Pos().Seq) - 3 + uint64(i)})
		text, _ := json.Marshal(r)
		if err != nil || len(r.Entries) == 0 {
			t.Fatalf("entry %d: %+v, %v", i, r, err)
		}
		e := r.Entries[0]
		if first, _ := json.Marshal(e); len(first) > admin.MaxTailBytes*11/10 || len(text) > admin.MaxTailBytes*5/2 ||
			!strings.Contains(string(first), want) || (want != "") != e.Cut || (want == "") != (e.LeftOut > 0) {
			t.Errorf("entry %d takes %d bytes of %d, cut %t, %d left out: %.300s; want %s", i, len(first), len(text), e.Cut, e.LeftOut, first, want)
		}
		if want == "" && len(e.Ops)+e.LeftOut != 20000 {
			t.Errorf("%d effects are shown and %d left out; want 20000 together", len(e.Ops), e.LeftOut)
		}
	}
}

// tailAnswer is what a request for the journal's tail comes back with.
type tailAnswer struct {
	t   admin.Tail
	err error
}

// ask asks in the background.
func (n *tailed) ask(ctx context.Context, q admin.TailQuery) chan tailAnswer {
	came := make(chan tailAnswer, 1)
	go func() {
		t, err := n.JournalTail(ctx, q)
		came <- tailAnswer{t, err}
	}()
	return came
}

// With a wait, what doesn't match costs no answer, and what does comes at once. The
// wait ends by itself.
func TestTailWaits(t *testing.T) {
	n := openTailed(t)
	n.do("SET", "k", "v")
	next := uint64(n.n.state.Pos().Seq) + 1
	came := n.ask(t.Context(), admin.TailQuery{From: next, Key: "wanted", Wait: 20})
	for i := range 20 {
		n.do("SET", fmt.Sprint("other", i), "v")
	}
	select {
	case a := <-came:
		t.Fatalf("answered with %+v, %v; nothing matches", a.t, a.err)
	default:
	}
	n.do("SET", "wanted", "v")
	select {
	case a := <-came:
		if a.err != nil || len(a.t.Entries) != 1 || a.t.Next != next+21 {
			t.Errorf("%+v, %v; want the one entry, and to go on at %d", a.t, a.err, next+21)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("what matches is not told")
	}

	last := uint64(n.n.state.Pos().Seq) + 1
	if a := <-n.ask(t.Context(), admin.TailQuery{From: last, Wait: 0.05}); a.err != nil || len(a.t.Entries) > 0 || a.t.Next != last {
		t.Errorf("after a wait: %+v, %v; want nothing, and to go on at %d", a.t, a.err, last)
	}
}

// Requests that wait are in nobody's way, and those that read are: of these there may be
// only so many at a time, and one more is refused. A wait ends with its request.
func TestTailWaitsBound(t *testing.T) {
	n := openTailed(t)
	n.do("SET", "k", "v")
	last := uint64(n.n.state.Pos().Seq) + 1
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var waiting []chan tailAnswer
	for range maxTails {
		waiting = append(waiting, n.ask(ctx, admin.TailQuery{From: last, Wait: 20}))
	}
	within(t, "all wait", func() bool { return len(n.n.tails.idle) == maxTails && len(n.n.tails.reading) == 0 })
	if a := <-n.ask(t.Context(), admin.TailQuery{From: last}); a.err != nil || a.t.Next != last {
		t.Errorf("one more: %+v, %v; want it answered", a.t, a.err)
	}
	for range maxTails {
		if err := n.n.tails.enter(); err != nil {
			t.Fatal(err)
		}
		defer n.n.tails.leave()
	}
	if a := <-n.ask(t.Context(), admin.TailQuery{From: last}); fault.Of(a.err) != fault.Retryable {
		t.Errorf("one more than may read: %v; want it refused as retryable", a.err)
	}
	for range maxTails { // those that waited have to answer before they end
		n.n.tails.leave()
	}
	defer func() {
		for range maxTails {
			n.n.tails.reading <- struct{}{}
		}
	}()
	cancel()
	for _, w := range waiting {
		if a := <-w; !errors.Is(a.err, context.Canceled) {
			t.Errorf("a wait whose request has ended: %v", a.err)
		}
	}
}

// within waits for a condition.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// What is truncated is refused with the first number there is, or, asked for by its
// time, begun late and said so. A time finds its number.
func TestTailTruncated(t *testing.T) {
	n := openTailed(t)
	for i := range 10 {
		n.do("SET", "k", i)
	}
	if _, err := n.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.do("SET", "k", "last")
	st, err := n.n.log.Stat(t.Context())
	if err != nil || st.First < 2 {
		t.Fatalf("the journal spans %+v, %v; want it truncated", st, err)
	}
	want := fmt.Sprintf("number 1 is truncated: the journal begins with number %d", st.First)
	if _, err := n.JournalTail(t.Context(), admin.TailQuery{From: 1}); fault.Of(err) != fault.Refused || err.Error() != want {
		t.Errorf("from 1: %v; want %s", err, want)
	}
	if _, err := n.JournalTail(t.Context(), admin.TailQuery{From: uint64(st.Last) + 2}); fault.Of(err) != fault.Refused {
		t.Errorf("past the end: %v; want it refused", err)
	}
	long, soon := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	r, err := n.JournalTail(t.Context(), admin.TailQuery{Since: &long})
	if err != nil || !r.Truncated || len(r.Entries) == 0 || r.Entries[0].Number != uint64(st.First) {
		t.Errorf("since an hour ago: %+v, %v; want it from number %d, and said so", r, err, st.First)
	}
	r, err = n.JournalTail(t.Context(), admin.TailQuery{Since: &soon})
	if err != nil || r.Truncated || len(r.Entries) > 0 || r.Next != uint64(st.Last)+1 {
		t.Errorf("since a time to come: %+v, %v; want nothing yet", r, err)
	}
	r, err = n.JournalTail(t.Context(), admin.TailQuery{Last: 100})
	if err != nil || !r.Truncated {
		t.Errorf("the last 100: %+v, %v; want it said that there are fewer", r, err)
	}
}

// A time finds the first number that is no earlier.
func TestNumberAt(t *testing.T) {
	n := openTailed(t)
	marks := make(map[uint64]time.Time)
	for i := range 12 {
		before := time.Now()
		within(t, "a millisecond has passed", func() bool { return time.Since(before) > 3*time.Millisecond })
		at := time.Now().Add(-time.Millisecond)
		n.do("SET", "k", i)
		marks[uint64(n.n.state.Pos().Seq)] = at
	}
	st, err := n.n.log.Stat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for want, at := range marks {
		if got, err := numberAt(t.Context(), n.n.log.Read, st, at); err != nil || uint64(got) != want {
			t.Errorf("number at %s = %d, %v; want %d", at, got, err, want)
		}
	}
}
