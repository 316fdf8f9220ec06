package move

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// copying is a session and a target that takes in what it sends, piece by piece, without
// what is around them: a test can have the source written to at any place of it.
type copying struct {
	t      *testing.T
	source *replaytest.Node
	target *replaytest.Node
	keys   []string // all of one slot, in the order in which they are copied
	s      *session
	views  int             // that the session has had of the source
	before func(view int)  // what is written before a view, if anything
	at     *journal.MoveAt // that the target has come to
	pieces int             // that it has taken in
	most   int             // bytes of the largest
}

const copyingMove = journal.MoveID(7)

// newCopying is a session of a slot with some keys that are not written yet.
func newCopying(t *testing.T, keys int) *copying {
	c := &copying{t: t, before: func(int) {}, at: &journal.MoveAt{},
		source: replaytest.OpenOn(t, 1, mem.New(), modelSource, writer.Config{}),
		target: replaytest.OpenOn(t, 1, mem.New(), modelTarget, writer.Config{})}
	for i := range keys {
		c.keys = append(c.keys, fmt.Sprintf("{k}%d", i))
	}
	slices.SortFunc(c.keys, func(a, b string) int {
		p, _ := value.RowPos(a)
		q, _ := value.RowPos(b)
		return cmp.Compare(p, q)
	})
	slot := value.Slot("k")
	ranges := []journal.SlotRange{{First: slot, Last: slot}}
	c.source.Must(func(d *replay.Draft) error {
		return d.FoundSlots(modelCluster, []journal.SlotRange{{First: 0, Last: journal.MaxSlot}})
	})
	c.target.Must(func(d *replay.Draft) error { return d.Moving(&journal.ClusterJoin{Cluster: modelCluster}) })
	c.target.Must(func(d *replay.Draft) error {
		return d.Moving(&journal.MoveBegin{ID: copyingMove, Side: journal.Target, Ranges: ranges, Shard: modelSource})
	})
	c.s = &session{id: 1, ranges: ranges, sizes: sizesFor(0)}
	c.source.Read(t, func(v *replay.View) { c.s.at = v.Slots(nil).At })
	return c
}

// set sets a key at the source to a string of so many bytes.
func (c *copying) set(key string, bytes int, fill byte) replaytest.Command {
	return func(d *replay.Draft) error { return d.SetString([]byte(key), slices.Repeat([]byte{fill}, bytes), 0) }
}

// next has the target take in the next piece. It reports whether it has all then.
func (c *copying) next() (all bool) {
	c.t.Helper()
	clock := func() time.Time {
		c.views++
		c.before(c.views)
		return c.source.Clock.Now()
	}
	if err := c.s.next(c.t.Context(), origin{c.source.State, c.source.Log, clock, false}, copyingMove); err != nil {
		c.t.Fatalf("piece %d: %v", c.pieces+1, err)
	}
	b, err := journal.ReadPiece(c.s.piece, modelSource, c.s.n)
	if err != nil {
		c.t.Fatal(err)
	}
	ops := b.Entries[0].Ops
	c.pieces, c.most = c.pieces+1, max(c.most, sizeOf(ops))
	c.at = ops[len(ops)-1].(*journal.MoveAt)
	var refused error
	if err := c.target.Do(func(d *replay.Draft) error {
		if refused = d.Import(ops[:len(ops)-1]); refused != nil {
			return nil
		}
		return d.Moving(c.at)
	}); err != nil || refused != nil {
		c.t.Fatalf("the target does not take piece %d of %d bytes: %v, class %v; want any piece to be taken", c.pieces, len(c.s.piece), refused, fault.Of(err))
	}
	return c.at.Cursor == uint64(journal.MaxPosition)+1
}

// finish copies what is left, and compares both sides.
func (c *copying) finish() {
	c.t.Helper()
	for last := false; !last; {
		pos, _ := c.source.Position()
		if last = c.next() && c.at.Seq >= pos.Seq; c.pieces > 1000 {
			c.t.Fatalf("after %d pieces the target has come to %+v; want all up to %d", c.pieces, c.at, pos.Seq)
		}
	}
	var want, got cluster.Content
	c.source.Read(c.t, func(v *replay.View) { want = v.Slots(c.s.ranges) })
	c.target.Read(c.t, func(v *replay.View) { got = v.Slots(c.s.ranges) })
	if got.Digest != want.Digest || got.Keys != want.Keys {
		c.t.Errorf("the target has %d keys, digest %s; want the source's %d, %s", got.Keys, got.Digest, want.Keys, want.Digest)
	}
	c.t.Logf("%d pieces, the largest of %d bytes", c.pieces, c.most)
}

const longest = journal.MaxEntry/2 - 16 // of a string, with its key

// A piece is an entry at the target. Whatever is written during the copy, none is larger
// than an entry may be: a target could never take it, and the move would not end.
func TestPiecesFitInEntries(t *testing.T) {
	for name, write := range map[string]func(c *copying){
		"a long string, when one comes next": func(c *copying) {
			c.source.Must(c.set(c.keys[0], longest, 'b'))
		},
		"an entry that is full, after another": func(c *copying) {
			c.source.Must(c.set(c.keys[0], journal.SoftBatch-1000, 'b'))
			c.source.Must(func(d *replay.Draft) error {
				if err := c.set(c.keys[0], longest-1000, 'c')(d); err != nil {
					return err
				}
				return c.set(c.keys[1], longest-1000, 'd')(d)
			})
		},
		"copies of a long string that is not copied yet": func(c *copying) {
			for _, to := range c.keys[:3] {
				c.source.Must(func(d *replay.Draft) error { return d.Copy([]byte(c.keys[3]), 0, []byte(to)) })
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopying(t, 4)
			c.source.Must(c.set(c.keys[0], 1, 'a'), c.set(c.keys[1], 1, 'a'))
			c.source.Must(c.set(c.keys[2], mostBytes/4, 'a'))
			c.source.Must(c.set(c.keys[3], longest, 'a'))
			if c.next() {
				t.Fatal("the target has all by one piece; want the last key not to be in it")
			}
			write(c)
			c.finish()
		})
	}
}

// What a key gets that comes next is copied, though it was written while keys were read
// again that have come from others: both are read at one number.
func TestRowsAreAsOfTheirNumber(t *testing.T) {
	c := newCopying(t, 5)
	c.source.Must(c.set(c.keys[0], 1, 'a'), c.set(c.keys[2], 1, 'a'), c.set(c.keys[3], 1, 'a'))
	c.source.Must(c.set(c.keys[1], mostBytes/4, 'a'))
	if c.next() {
		t.Fatal("the target has all by one piece; want the last keys not to be in it")
	}
	c.source.Must(func(d *replay.Draft) error { return d.Copy([]byte(c.keys[3]), 0, []byte(c.keys[0])) })
	first := c.views
	c.before = func(view int) {
		if view == first+2 { // the one by which the copied key is read again
			c.source.Must(c.set(c.keys[2], 2, 'b'))
		}
	}
	c.finish()
	if c.views < first+2 {
		t.Errorf("the session had %d views; want one more, in which a key is read again", c.views-first)
	}
}

// A target whose memory is bounded gets pieces that it can take, whatever they are of: many
// strings, a large collection, and very many short effects.
func TestPiecesFitSmallTargets(t *testing.T) {
	for _, bound := range []int64{1 << 20, 8 << 20, 64 << 20, 1 << 30} {
		t.Run(fmt.Sprint(bound>>20, " MiB"), func(t *testing.T) {
			c := newCopying(t, 40)
			c.target.State.SetBound(bound)
			c.s.sizes = sizesFor(c.target.State.MostImport())
			for _, key := range c.keys[2:] {
				c.source.Must(c.set(key, 60_000, 'a'))
			}
			c.source.Must(c.set(c.keys[0], 1, 'a'), func(d *replay.Draft) error {
				for i := range 3000 {
					if _, err := d.SetFields([]byte(c.keys[1]), 0, [][]byte{fmt.Append(nil, i), make([]byte, 1000)}); err != nil {
						return err
					}
				}
				return nil
			})
			if c.next() {
				t.Fatal("the target has all by one piece; want several")
			}
			for range 8 {
				c.source.Must(func(d *replay.Draft) error {
					for i := range 10_000 {
						if err := c.set(c.keys[0], 1, byte(i))(d); err != nil {
							return err
						}
					}
					return nil
				})
			}
			c.finish()
			if most := c.target.State.MostImport(); c.most > max(most, leastBytes)*9/8 {
				t.Errorf("a piece of %d bytes; want at most about %d", c.most, most)
			}
		})
	}
}

// Who has to wait since a value does not fit is told what to set.
func TestTooLargeForTarget(t *testing.T) {
	st, err := replay.New(1)
	if err != nil {
		t.Fatal(err)
	}
	st.SetBound(8 << 20)
	a := &target{m: &Mover{cfg: Config{State: st}}}
	no := fault.With(fault.Refused, errors.New("no"))
	if got := a.explain(no, 1<<20).Error(); !strings.Contains(got, "no; a value of 1048576 bytes") || !strings.Contains(got, "--max-memory") {
		t.Errorf("explain = %s; want the size and the option", got)
	}
	for _, err := range []error{a.explain(no, 1<<18), a.explain(errOvertaken, 1<<20)} {
		if strings.Contains(err.Error(), "max-memory") {
			t.Errorf("explain = %v; want the error as it is", err)
		}
	}
}
