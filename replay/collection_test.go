package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/snapshot"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// elems is what a collection should hold: names with values, scores or
// deadlines as they are shown, or items in order.
type elems struct {
	typ   value.Type
	named map[string]string
	items []string
}

func (e *elems) clone() *elems {
	return &elems{e.typ, maps.Clone(e.named), slices.Clone(e.items)}
}

func (e *elems) len() int { return len(e.named) + len(e.items) }

// show is replaytest.Show for a model.
func (e *elems) show() string {
	out := slices.Clone(e.items)
	for i := range out {
		out[i] = fmt.Sprintf("%q", out[i])
	}
	for name, val := range e.named {
		out = append(out, fmt.Sprintf("%q%s", name, val))
	}
	if e.typ != value.ListType {
		slices.Sort(out)
	}
	return e.typ.String() + "{" + strings.Join(out, " ") + "}"
}

// shown is replaytest.Show with the members of sorted sets sorted by name: the
// model does not know ranks, which the state's own check covers.
func shown(t *testing.T, v *replay.View, key string) string {
	s := replaytest.Show(t, v, key)
	if body, ok := strings.CutPrefix(s, "zset{"); ok {
		parts := strings.Split(strings.TrimSuffix(body, "}"), " ")
		slices.Sort(parts)
		return "zset{" + strings.Join(parts, " ") + "}"
	}
	return s
}

// Random effects on collections, a third of them undone, leave what a naive
// model says, in the draft, in the state, after replaying the journal, and
// after a snapshot.
func TestCollections(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	r := &collector{T: t, Rand: rand.New(rand.NewPCG(seed(t), 0)), model: map[string]*elems{}}
	r.groups(n, 150)
	r.compare(n.State)
	r.compare(n.Replay(t, n.Pos().Seq))
	info, err := n.Snapshot(context.Background(), t.TempDir(), n.Log)
	if err != nil {
		t.Fatal(err)
	}
	loaded, _, err := recovery.Load(context.Background(), info.Path, 2)
	if err != nil {
		t.Fatal(err)
	}
	replaytest.CheckAtEnd(t, loaded)
	r.compare(loaded)
	if got, want := loaded.Pos(), n.Pos(); got != want {
		t.Errorf("the snapshot is at %v; want %v", got, want)
	}
}

type collector struct {
	*testing.T
	*rand.Rand
	model map[string]*elems
}

// groups has the writer take so many groups of commands.
func (r *collector) groups(n *replaytest.Node, count int) {
	for range count {
		var cmds []replaytest.Command
		for range 1 + r.IntN(12) {
			cmds = append(cmds, r.command)
		}
		n.Must(cmds...)
	}
}

// Old versions stay whole while somebody holds them, though the nodes of those
// that nobody holds are used again.
func TestOldVersions(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	r := &collector{T: t, Rand: rand.New(rand.NewPCG(seed(t), 0)), model: map[string]*elems{}}
	for range 20 {
		r.groups(n, 5)
		was := make(map[string]string)
		var keys [][]byte
		for key, e := range r.model {
			was[key] = e.show()
			keys = append(keys, []byte(key))
		}
		old := n.Pin(time.UnixMilli(0), 0, keys)
		dir, saved := t.TempDir(), make(chan error, 1)
		go func() {
			info, err := n.Snapshot(context.Background(), dir, n.Log)
			if err == nil {
				_, err = snapshot.Verify(context.Background(), info.Path)
			}
			saved <- err
		}()
		r.groups(n, 5)
		for key, want := range was {
			if got := shown(t, old, key); got != want {
				t.Errorf("%q, pinned, holds %.300s; want %.300s", key, got, want)
			}
		}
		old.Close()
		if err := <-saved; err != nil {
			t.Errorf("a snapshot beside writes: %v", err)
		}
	}
}

func (r *collector) compare(s *replay.State) {
	r.Helper()
	if got := len(replaytest.Dump(r.T, s)[0]); got != len(r.model) {
		r.Errorf("%d keys; want %d", got, len(r.model))
	}
	(&replaytest.Node{State: s, Clock: new(replaytest.Clock)}).Read(r.T, func(v *replay.View) {
		for key, want := range r.model {
			if got := shown(r.T, v, key); got != want.show() {
				r.Errorf("%q holds %.300s; want %.300s", key, got, want.show())
			}
		}
	})
}

var errUndo = errors.New("undone")

// command does a few things, and in one of three cases fails in the end.
func (r *collector) command(d *replay.Draft) error {
	before := make(map[string]*elems, len(r.model))
	for k, e := range r.model {
		before[k] = e.clone()
	}
	for range 1 + r.IntN(3) {
		key := fmt.Sprintf("%s%d", []string{"hash", "set", "zset", "list"}[r.IntN(4)], r.IntN(3))
		if err := r.effect(d, key); err != nil {
			return err
		}
		if e := r.model[key]; e != nil && e.len() == 0 {
			delete(r.model, key)
		}
	}
	for key, want := range r.model {
		if got := shown(r.T, &d.View, key); got != want.show() {
			r.Fatalf("in the draft %q holds %.300s; want %.300s", key, got, want.show())
		}
	}
	if r.IntN(3) == 0 {
		r.model = before
		return errUndo
	}
	return nil
}

// many is how many elements a command has: mostly few, now and then enough to
// make a collection wide or its tree high.
func (r *collector) many() int {
	if r.IntN(20) == 0 {
		return 1 + r.IntN(300)
	}
	return 1 + r.IntN(4)
}

func (r *collector) names(n int) (out [][]byte) {
	for range n {
		out = append(out, fmt.Append(nil, r.IntN(400)))
	}
	return out
}

func (r *collector) effect(d *replay.Draft, key string) error {
	e := r.model[key]
	switch n := r.IntN(20); {
	case n == 0:
		_, err := d.Delete([]byte(key))
		delete(r.model, key)
		return err
	case n <= 2 && e != nil:
		to := key[:len(key)-1] + fmt.Sprint(r.IntN(4))
		if to == key {
			return nil
		}
		r.model[to] = e.clone()
		if n == 1 {
			return d.Copy([]byte(key), 0, []byte(to))
		}
		delete(r.model, key)
		return d.Rename([]byte(key), 0, []byte(to))
	}
	if e == nil {
		e = &elems{named: map[string]string{}}
		r.model[key] = e
	}
	switch key[0] {
	case 'h':
		e.typ = value.HashType
		return r.hash(d, []byte(key), e)
	case 's':
		e.typ = value.SetType
		return r.set(d, []byte(key), e)
	case 'z':
		e.typ = value.ZSetType
		return r.zset(d, []byte(key), e)
	}
	e.typ = value.ListType
	return r.list(d, []byte(key), e)
}

func (r *collector) hash(d *replay.Draft, key []byte, e *elems) error {
	names := r.names(r.many())
	switch n := r.IntN(4); {
	case n < 2 || len(e.named) == 0:
		at := int64(0)
		if r.IntN(3) == 0 {
			at = d.Now() + 5000 + r.Int64N(9)
		}
		var pairs [][]byte
		for _, name := range names {
			val := fmt.Append(nil, r.IntN(99))
			if r.IntN(200) == 0 {
				val = bytes.Repeat(val, 40) // too long for a hash that is not wide
			}
			pairs = append(pairs, name, val)
			e.named[string(name)] = fmt.Sprintf("=%q@%d", val, at)
		}
		_, err := d.SetFields(key, at, pairs)
		return err
	case n == 2:
		return r.drop(e, names, func() (int, error) { return d.RemoveFields(key, names) })
	}
	var there [][]byte
	at := d.Now() + 6000
	for _, name := range names {
		if val, ok := e.named[string(name)]; ok {
			e.named[string(name)] = fmt.Sprintf("%s@%d", val[:strings.IndexByte(val, '@')], at)
			there = append(there, name)
		}
	}
	if len(there) == 0 {
		return nil
	}
	return d.ExpireFields(key, at, there)
}

// drop removes names from the model, and says how the count differs.
func (r *collector) drop(e *elems, names [][]byte, do func() (int, error)) error {
	want := 0
	for _, name := range names {
		if _, ok := e.named[string(name)]; ok {
			delete(e.named, string(name))
			want++
		}
	}
	got, err := do()
	if got != want {
		r.Errorf("%d removed; want %d", got, want)
	}
	return err
}

func (r *collector) set(d *replay.Draft, key []byte, e *elems) error {
	names := r.names(r.many())
	switch r.IntN(8) {
	case 0, 1, 2:
		return r.drop(e, names, func() (int, error) { return d.RemoveMembers(key, names) })
	case 3:
		return r.dropMembers(d, key, e)
	case 4:
		clear(e.named)
		for _, name := range names {
			e.named[string(name)] = ""
		}
		return d.ReplaceSet(key, slices.Collect(maps.Keys(e.named)))
	}
	before := len(e.named)
	for _, name := range names {
		e.named[string(name)] = ""
	}
	got, err := d.AddMembers(key, names)
	if want := len(e.named) - before; got != want {
		r.Errorf("%d added; want %d", got, want)
	}
	return err
}

// dropMembers takes members that the set itself has named.
func (r *collector) dropMembers(d *replay.Draft, key []byte, e *elems) error {
	s, err := d.Set(key)
	if err != nil || s.Len() == 0 {
		return err
	}
	var gone []string
	for i := range s.Len() {
		name := s.At(i)
		if !s.HasName(name) {
			r.Errorf("HasName(%q) = false; want true", name)
		}
		if r.IntN(3) == 0 {
			gone = append(gone, name)
			delete(e.named, name)
		}
	}
	return d.DropMembers(key, gone)
}

func (r *collector) zset(d *replay.Draft, key []byte, e *elems) error {
	names := r.names(r.many())
	switch n := r.IntN(6); {
	case n == 5:
		return r.replaceZSet(d, key, e, names)
	case n < 3 || len(e.named) == 0:
		var ms []value.Scored
		for _, name := range names {
			m := value.Scored{Member: name, Score: float64(r.IntN(20) - 10)}
			ms = append(ms, m)
			e.named[string(name)] = fmt.Sprintf("=%v", m.Score)
		}
		return d.SetScores(key, ms)
	case n == 3:
		return r.drop(e, names, func() (int, error) { return d.RemoveScored(key, names) })
	}
	z, err := d.ZSet(key)
	if err != nil {
		return err
	}
	first := r.IntN(z.Len())
	count := r.IntN(z.Len()-first) + 1
	for i := first; i < first+count; i++ {
		m, _ := z.At(i)
		if rank, ok := z.Rank([]byte(m)); rank != i || !ok {
			r.Errorf("Rank(%q) = %d, %v; want %d", m, rank, ok, i)
		}
		delete(e.named, m)
	}
	return d.RemoveRanks(key, first, count)
}

func (r *collector) replaceZSet(d *replay.Draft, key []byte, e *elems, names [][]byte) error {
	clear(e.named)
	var ms []journal.Scored
	for _, name := range names {
		if _, twice := e.named[string(name)]; !twice {
			m := journal.Scored{Member: string(name), Score: float64(r.IntN(20) - 10)}
			ms = append(ms, m)
			e.named[m.Member] = fmt.Sprintf("=%v", m.Score)
		}
	}
	if err := d.ReplaceZSet(key, ms); err != nil {
		return err
	}
	z, err := d.ZSet(key)
	for _, m := range ms {
		if got, ok := z.ScoreOf(m.Member); got != m.Score || !ok {
			r.Errorf("ScoreOf(%q) = %v, %v; want %v", m.Member, got, ok, m.Score)
		}
	}
	return err
}

func (r *collector) list(d *replay.Draft, key []byte, e *elems) error {
	n := len(e.items)
	if n == 0 || r.IntN(3) == 0 {
		items, left := r.names(r.many()), r.IntN(2) == 0
		for _, item := range items {
			if left {
				e.items = slices.Insert(e.items, 0, string(item))
			} else {
				e.items = append(e.items, string(item))
			}
		}
		_, err := d.Push(key, left, items)
		return err
	}
	i, item := r.IntN(n), r.names(1)[0]
	switch r.IntN(3) {
	case 0:
		e.items[i] = string(item)
		return d.SetItem(key, i, item)
	case 1:
		e.items = slices.Insert(e.items, i, string(item))
		return d.InsertItem(key, i, item)
	}
	count := 1 + r.IntN(min(n-i, r.many()))
	e.items = slices.Delete(e.items, i, i+count)
	return d.RemoveItems(key, i, count)
}
