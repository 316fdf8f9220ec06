package value

import (
	"errors"
	"fmt"
	"slices"
)

// common is what all bodies have: their elements, in one or two trees.
//
//	hash  names: fields by hash, or as they came while it is small
//	      ranks: fields with a deadline, by deadline
//	list  names: the items
//	set   names: members by hash
//	zset  names: members by hash, once it is wide
//	      ranks: members by score
type common struct {
	wide  bool
	gen   uint64 // of the pen that may change it
	names tree
	ranks tree
	sum   uint64 // of the elements' digests, but for lists
	bytes int64  // of names and values
}

// What Redis keeps in one piece: listpacks and intsets at its default settings.
const (
	narrowFields = 512 // of a hash
	narrowScored = 128 // of a sorted set
	narrowBytes  = 64  // of a name or value
	narrowIntset = 512
)

var errNoElem = errors.New("an element that is not there")

// Wide is Body.Wide.
func (c *common) Wide() bool { return c.wide }

// Bytes is Body.Bytes.
func (c *common) Bytes() int64 { return c.bytes }

// Soonest is Body.Soonest of a type whose elements have no deadlines.
func (c *common) Soonest() int64 { return 0 }

// Mine is Body.Mine.
func (c *common) Mine(p *Pen) bool { return c.gen == p.gen }

// Share is Body.Share.
func (c *common) Share() { c.names.copied, c.ranks.copied = true, true }

// Begin is Body.Begin.
func (c *common) Begin(p *Pen) { p.note(step{of: c, did: counted, key: c.sum, at: int(c.bytes)}) }

// summed is the digest of a body whose elements have no order of their own.
func (c *common) summed(n int) uint64 { return Mix(c.sum + uint64(n)) }

func (c *common) tree(w which) *tree {
	if w == names {
		return &c.names
	}
	return &c.ranks
}

// insert, remove and replace are the only ways that a tree changes, but for
// those that write a whole tree anew.
func (c *common) insert(p *Pen, w which, at int, key uint64, e *Block) {
	c.tree(w).insert(p, at, key, e)
	p.note(step{of: c, which: w, did: inserted, at: at})
}

func (c *common) remove(p *Pen, w which, at int, key uint64, e *Block) {
	c.tree(w).remove(p, at, 1)
	p.note(step{of: c, which: w, did: removed, at: at, key: key, block: e})
}

func (c *common) replace(p *Pen, at int, oldKey, key uint64, old, e *Block) {
	p.note(step{of: c, did: replaced, at: at, key: oldKey, block: old})
	c.names.set(p, at, key, e)
}

// place puts e among the names: in place of old, or at the place where it
// belongs if there is none of its name.
func (c *common) place(p *Pen, at int, hash uint64, old, e *Block) {
	if old != nil {
		c.replace(p, at, hash, hash, old, e)
	} else {
		c.insert(p, names, at, hash, e)
	}
}

// rank puts e among the ranks; unrank takes it out.
func (c *common) rank(p *Pen, key uint64, e *Block) {
	c.insert(p, ranks, c.ranks.search(key, e.Name(), byName), key, e)
}

func (c *common) unrank(p *Pen, key uint64, e *Block) {
	at, _ := c.ranks.find(key, e.Name())
	c.remove(p, ranks, at, key, e)
}

// exchange puts other names in place of those that there are.
func (c *common) exchange(p *Pen, t tree, wide bool) {
	if p.keeps {
		was := *c
		p.note(step{of: c, did: exchanged, was: &was})
	}
	c.names, c.wide = t, wide
}

// widen fills the names, in order of their hashes, from another tree.
func (c *common) widen(p *Pen, from tree) {
	var t tree
	from.each(0, func(_ uint64, e *Block) bool {
		hash := Sum(e.Name())
		t.insert(p, t.search(hash, e.Name(), byName), hash, e)
		return true
	})
	c.exchange(p, t, true)
}

// count brings the sums up to date when e comes in place of old; either may be
// nil.
func (c *common) count(hash uint64, old, e *Block) {
	if old != nil {
		c.sum -= uint64(RowDigest(hash, old.elemBytes()))
		c.bytes -= old.weight()
	}
	if e != nil {
		c.sum += uint64(RowDigest(hash, e.elemBytes()))
		c.bytes += e.weight()
	}
}

// finder is a body whose elements are found by their names.
type finder interface {
	Len() int
	get(name string, hash uint64) *Block
}

// room reports whether a body has at most so many elements when e is there.
func room(b finder, e *Block, hash uint64, most int) bool {
	if b.Len() < most {
		return true
	}
	return b.get(e.Name(), hash) != nil
}

// manyNames is from how many names on a map finds doubles faster.
const manyNames = 32

// present returns the names among those given that a body has and shows, each
// once, as strings of their own.
func present(b finder, given [][]byte, shows func(*Block) bool) []string {
	var found []string
	for _, name := range given {
		e := b.get(text(name), Sum(text(name)))
		if e != nil && shows(e) && (len(given) == 1 || !slices.Contains(found, e.Name())) {
			found = append(found, e.Name())
		}
		if len(found) > manyNames {
			return manyPresent(b, given, shows)
		}
	}
	return found
}

// manyPresent is present for many names.
func manyPresent(b finder, given [][]byte, shows func(*Block) bool) []string {
	var found []string
	seen := make(map[*Block]struct{}, len(given))
	for _, name := range given {
		e := b.get(text(name), Sum(text(name)))
		if e == nil || !shows(e) {
			continue
		}
		if _, twice := seen[e]; !twice {
			seen[e] = struct{}{}
			found = append(found, e.Name())
		}
	}
	return found
}

func anyElem(*Block) bool { return true }

// checkTrees looks at the order of both trees.
func (c *common) checkTrees(loose bool) error {
	if err := c.names.check(loose); err != nil {
		return fmt.Errorf("names: %w", err)
	}
	if err := c.ranks.check(false); err != nil {
		return fmt.Errorf("ranks: %w", err)
	}
	return nil
}

// checkSums compares the body's sums with those of a recount.
func (c *common) checkSums(bytes int64, sum uint64) error {
	if c.bytes != bytes || c.sum != sum {
		return fmt.Errorf("%d bytes and sum %x; %d and %x were kept", bytes, sum, c.bytes, c.sum)
	}
	return nil
}

// notFound says that an element can't be found where it should be.
func notFound(e *Block) error {
	return fmt.Errorf("element %.64q can't be found by its name", e.Name())
}
