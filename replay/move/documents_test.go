package move_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/move"
)

// controller says who owns which quarter of the slots, and hears of a move some time after it.
type controller struct {
	t       *testing.T
	shards  []*shard
	version uint64
	owners  [4]int            // by the newest document, which of shards
	texts   map[uint64]string // the documents
	has     [2]uint64         // the version that each shard has
}

func quarter(i int) []journal.SlotRange {
	return []journal.SlotRange{{First: uint16(i * 4096), Last: uint16(i*4096 + 4095)}}
}

func masterID(i int) string { return strings.Repeat(string(rune('a'+i)), 40) }

// speak makes another document.
func (c *controller) speak() {
	lines := []string{masterID(0) + " h 1 master -", masterID(1) + " h 2 master -"}
	for q, o := range c.owners {
		lines[o] += " " + journal.SlotsText(quarter(q))
	}
	c.version++
	c.texts[c.version] = strings.Join(lines, "\n")
}

// tell gives a shard a document that it has not got, not always the newest.
func (c *controller) tell(i int, version uint64) {
	n, _ := c.shards[i].up()
	if version <= c.has[i] || n == nil {
		return
	}
	err := n.Do(func(d *replay.Draft) error {
		return d.Moving(&journal.ClusterDocument{Version: version, Master: masterID(i), Text: c.texts[version]})
	})
	if err != nil {
		c.t.Fatalf("document %d: %v", version, err)
	}
	c.has[i] = version
}

// ruledPair is two shards with a controller that gives all slots to the first.
func ruledPair(t *testing.T) *controller {
	w := newWorld(t, left, right)
	c := &controller{t: t, shards: []*shard{w.shards[left], w.shards[right]}, texts: make(map[uint64]string)}
	c.speak()
	c.tell(0, 1)
	c.tell(1, 1)
	return c
}

// owner returns which shard has a quarter, -1 for none. Two is a fault.
func (c *controller) owner(q int) int {
	c.t.Helper()
	found := -1
	for i, s := range c.shards {
		n, _ := s.up()
		all, any, _ := n.Custody().OwnsAll(quarter(q))
		switch {
		case any != all:
			c.t.Fatalf("shard %d has some of quarter %d", i, q)
		case all && found >= 0:
			c.t.Fatalf("two shards have quarter %d: at versions %v", q, c.has)
		case all:
			found = i
		}
	}
	return found
}

// migrate has a quarter moved from its owner to the other shard, and waits for that. The
// documents that come meanwhile have not heard of it.
func (c *controller) migrate(q int, random *rand.Rand) {
	from := c.owner(q)
	if from != c.owners[q] {
		return // it is not known there yet
	}
	_, mover := c.shards[from].up()
	id, err := mover.Begin(c.t.Context(), quarter(q), []journal.Lineage{left, right}[1-from])
	if err != nil {
		return
	}
	for range random.IntN(4) {
		c.speak()
		c.tell(random.IntN(2), c.version)
		c.owner(q)
	}
	c.tell(0, c.version) // or the target waits for the newest
	c.tell(1, c.version)
	moved(c.t, id, c.shards...)
	if got := c.owner(q); got != 1-from {
		c.t.Fatalf("shard %d has quarter %d after it has moved from %d: %s", got, q, from, moveCause(c.shards[from], id))
	}
}

func moveCause(s *shard, id journal.MoveID) string {
	n, _ := s.up()
	for _, m := range n.Moves() {
		if m.ID == id {
			return m.Cause
		}
	}
	return "it is not known"
}

// Whatever order documents and moves come in, a slot has one owner at most, which has its keys,
// and documents that have not heard of a move do not undo it.
func TestMovesBetweenDocuments(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	c := ruledPair(t)
	fill(t, c.shards[0], 60)
	for range 40 {
		q := random.IntN(4)
		switch random.IntN(5) {
		case 0, 1:
			c.migrate(q, random)
		case 2: // it hears of what has moved
			for q := range c.owners {
				if o := c.owner(q); o >= 0 {
					c.owners[q] = o
				}
			}
			c.speak()
		case 3:
			c.tell(random.IntN(2), 1+random.Uint64N(c.version))
		case 4:
			i := random.IntN(2)
			c.shards[i].kill()
			c.shards[i].start()
		}
		for q := range c.owners {
			c.owner(q)
		}
	}
	for q := range c.owners {
		if o := c.owner(q); o >= 0 {
			c.owners[q] = o
		}
	}
	c.speak()
	keys := 0
	for i, s := range c.shards {
		c.tell(i, c.version)
		n, _ := s.up()
		for q := range c.owners {
			if c.owners[q] == i {
				n.Read(t, func(v *replay.View) { keys += v.Slots(quarter(q)).Keys })
			}
		}
	}
	if keys != 60 {
		t.Errorf("%d keys are in slots that have an owner; want all 60", keys)
	}
}

// Slots move, and the source is killed before it knows that they were taken. Until it is back,
// a document says that they have moved, and another one that they are the source's again. The
// move ends by that, though the target will never say that it owns the slots.
func TestGivenBackBeforeKnown(t *testing.T) {
	c := ruledPair(t)
	a, b := c.shards[0], c.shards[1]
	fill(t, a, 60)
	killed := make(chan struct{})
	var once sync.Once
	fails := func(subject string, _ bool) error {
		if subject == move.SubjectTaken {
			once.Do(func() { a.kill(); close(killed) })
		}
		return nil
	}
	a.w.fails.Store(&fails)
	_, mover := a.up()
	id, err := mover.Begin(t.Context(), quarter(0), right)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-killed:
	case <-time.After(30 * time.Second):
		t.Fatalf("the slots are not taken: %+v", standing(c.shards))
	}
	if got, _ := b.up(); !got.Custody().Owns(100) {
		t.Fatal("the target says that it has taken the slots, and does not own them")
	}
	for _, to := range []int{1, 0} {
		c.owners[0] = to
		c.speak()
		c.tell(1, c.version)
	}
	a.start()
	for version := c.version - 1; version <= c.version; version++ {
		c.tell(0, version)
	}
	moved(t, id, a, b)
	// Who reads moves and custody one after the other may see them of two entries.
	until(t, "given back", func() bool { return c.owner(0) == 0 }, func() any { return standing(c.shards) })
}

// Slots are given to a shard that dies before it takes them. A document that is forced has
// the giver serve them again, with all they held; the other one takes nothing when it is back.
func TestForcedBack(t *testing.T) {
	c := ruledPair(t)
	a, b := c.shards[0], c.shards[1]
	fill(t, a, 60)
	before := rows(t, a, true)
	given := func() bool {
		n, _ := a.up()
		return n != nil && len(n.Moves()) > 0 && n.Moves()[0].Phase == cluster.Given
	}
	gone := func(string, bool) error {
		if given() {
			return errAway
		}
		return nil
	}
	a.w.fails.Store(&gone)
	_, mover := a.up()
	id, err := mover.Begin(t.Context(), quarter(0), right)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "given", given, func() any { return standing(c.shards) })
	b.kill()
	c.speak()
	c.tell(0, c.version)
	if got := c.owner0(a); got {
		t.Error("a document that was not forced has brought the slots back; want that it is not settled who has them")
	}
	n, _ := a.up()
	n.Must(func(d *replay.Draft) error {
		return d.Moving(&journal.ClusterDocument{Version: c.version, Master: masterID(0), Force: true, Text: c.texts[c.version]})
	})
	if !c.owner0(a) || !n.Moves()[0].Over() || n.Moves()[0].Cause == "" {
		t.Errorf("after one that was forced the shard owns %v, and the move is %+v; want the slots back", n.Custody().Owned, n.Moves()[0])
	}
	a.w.fails.Store(nil)
	b.start()
	moved(t, id, b)
	c.tell(1, c.version)
	if c.owner(0) != 0 {
		t.Error("the shard that came back has the slots")
	}
	same(t, before, b, a)
}

// owner0 reports whether a shard owns the first quarter.
func (c *controller) owner0(s *shard) bool {
	n, _ := s.up()
	all, _, _ := n.Custody().OwnsAll(quarter(0))
	return all
}

// What a document takes from a shard is kept there, whatever the mover clears, until somebody
// says that it goes.
func TestKeptOfOthers(t *testing.T) {
	c := ruledPair(t)
	fill(t, c.shards[0], 60)
	c.owners = [4]int{0, 1, 1, 1}
	c.speak()
	c.tell(0, c.version)
	n, mover := c.shards[0].up()
	var others cluster.Content
	look := func() int {
		n.Read(t, func(v *replay.View) { others = v.Slots([]journal.SlotRange{{First: 4096, Last: journal.MaxSlot}}) })
		return others.Keys
	}
	had := look()
	for since := time.Now(); time.Since(since) < 1500*time.Millisecond; time.Sleep(5 * time.Millisecond) { // past the mover's second
		if got := look(); got != had || had == 0 {
			t.Fatalf("%d keys of others' slots are left of %d; want all, and some", got, had)
		}
	}
	if err := mover.Discard(t.Context(), quarter(0)); err == nil {
		t.Error("slots of the shard's own are cleared; want that refused")
	}
	if err := mover.Discard(t.Context(), []journal.SlotRange{{First: 4096, Last: journal.MaxSlot}}); err != nil || look() != 0 {
		t.Errorf("Discard: %v, and %d keys are left", err, others.Keys)
	}
	n.Read(t, func(v *replay.View) {
		if got := v.Slots(quarter(0)).Keys; got != 60-had {
			t.Errorf("the shard has %d keys of its own; want %s", got, fmt.Sprint(60-had))
		}
	})
}
