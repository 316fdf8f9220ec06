package backup

// chains tells how parts go on from each other. There may be several ways, as where the
// parts of two directories were put into one: the way that comes farthest is taken.
type chains struct {
	heads []*head
	after map[Point][]*head // the parts that begin at a point, and do not end there
	ends  map[Point]*head   // the last part of the way that comes farthest from there on
}

func newChains(heads []*head) *chains {
	c := &chains{heads: heads, after: make(map[Point][]*head), ends: make(map[Point]*head)}
	for _, h := range heads {
		if h.Last.Seq > h.After.Seq {
			c.after[h.After] = append(c.after[h.After], h)
		}
	}
	// The parts are in the order of where they begin, so what follows a part comes after it.
	for i := len(heads) - 1; i >= 0; i-- {
		h := heads[i]
		if end, ok := c.ends[h.After]; !ok || c.end(h).Last.Seq >= end.Last.Seq {
			c.ends[h.After] = c.end(h)
		}
	}
	return c
}

// end returns the last part of the way that comes farthest from a part on.
func (c *chains) end(h *head) *head {
	if end, ok := c.ends[h.Last]; ok && end.Last.Seq > h.Last.Seq {
		return end
	}
	return h
}

// choose returns the last part with which a way begins that comes to the target; if there
// is none, one that begins the way which comes farthest.
func (c *chains) choose(to Target) (best *head) {
	comes := func(h *head) bool { // it is there already when the target is reached
		return (!to.HasSeq || h.After.Seq <= to.Seq) && (to.Time.IsZero() || !h.taken.After(to.Time))
	}
	reaches := func(end *head) bool {
		switch {
		case to.HasSeq:
			return end.Last.Seq >= to.Seq
		case !to.Time.IsZero():
			return !end.Created.Before(to.Time)
		}
		return false
	}
	for _, h := range c.heads {
		if !h.Base() || !comes(h) {
			continue
		}
		if best == nil || reaches(c.end(h)) || !reaches(c.end(best)) && c.end(h).Last.Seq >= c.end(best).Last.Seq {
			best = h
		}
	}
	return best
}

// following returns the part that begins at a point on the way that comes farthest, or nil.
func (c *chains) following(at Point) (best *head) {
	for _, h := range c.after[at] {
		if best == nil || c.end(h).Last.Seq >= c.end(best).Last.Seq {
			best = h
		}
	}
	return best
}
