package lua

import "unsafe"

// surveyStep is how many values a survey goes over between two questions to
// Check.
const surveyStep = 1 << 16

// survey counts what a script can reach, from the stacks of the threads that
// run. It returns ErrMemory if that is more than the limit, or what Check says.
//
// Objects are marked with the number of the survey, so that each is counted
// once, and those that refer to others wait in a list to be gone over. Data in
// Go, as what a library function has in its variables, is not seen; Reserve is
// for what counts.
func (s *State) survey() error {
	h := &s.heap
	h.spent += h.roomAtStart - s.room
	s.room, h.roomAtStart = 0, 0
	h.epoch++
	c := count{state: s, epoch: h.epoch, work: h.work[:0]}
	for t := s.running; t != nil; t = t.resumer {
		c.value(FromThread(t))
	}
	c.value(FromThread(s.main))
	c.value(FromTable(s.strings))
	err := c.all()
	h.work = nil
	if cap(c.work) <= 4096 {
		h.work = c.work[:0]
	}
	if err != nil {
		return err
	}
	h.live = c.bytes
	if h.live > h.limit {
		return ErrMemory
	}
	s.room = max(h.limit-h.live, (h.limit-h.base)/16)
	h.roomAtStart = s.room
	return nil
}

// count is a survey under way.
type count struct {
	state *State
	epoch uint32
	bytes int64
	work  []Value // marked, but not gone over
	done  int     // values gone over since Check was asked
}

// all goes over everything that waits.
func (c *count) all() error {
	for len(c.work) > 0 {
		v := c.work[len(c.work)-1]
		c.work = c.work[:len(c.work)-1]
		var err error
		switch v.Kind() {
		case KindTable:
			err = c.table((*Table)(v.p))
		case KindFunction:
			c.function((*Function)(v.p))
		case KindThread:
			err = c.thread((*Thread)(v.p))
		case KindUserdata:
			c.value(FromTable((*Userdata)(v.p).Meta))
		}
		if err == nil {
			err = c.pause(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pause asks Check now and then.
func (c *count) pause(n int) error {
	if c.done += n; c.done < surveyStep || c.state.conf.Check == nil {
		return nil
	}
	c.done = 0
	return c.state.conf.Check()
}

// value counts a value, and lets it wait if it refers to others.
func (c *count) value(v Value) {
	if v.p == nil || v.n&^0xf != bitsKind || v.IsNumber() {
		return
	}
	var seen *uint32
	switch Kind(v.n & 0xf) {
	case KindString:
		s := (*str)(v.p)
		if !s.shared && s.seen != c.epoch {
			s.seen = c.epoch
			c.bytes += strBytes + int64(len(s.s))
		}
		return
	case KindTable:
		seen = &(*Table)(v.p).seen
	case KindFunction:
		seen = &(*Function)(v.p).seen
	case KindThread:
		seen = &(*Thread)(v.p).seen
	case KindUserdata:
		// Userdata may belong to several states and can't be marked. It is
		// cheap to go over it again.
		c.bytes += userdataBytes
		c.value(FromTable((*Userdata)(v.p).Meta))
		return
	default:
		return
	}
	if *seen != c.epoch {
		*seen = c.epoch
		c.work = append(c.work, v)
	}
}

func (c *count) values(vs []Value) error {
	for len(vs) > 0 {
		n := min(len(vs), surveyStep)
		for i := range vs[:n] {
			c.value(vs[i])
		}
		if err := c.pause(n); err != nil {
			return err
		}
		vs = vs[n:]
	}
	return nil
}

func (c *count) table(t *Table) error {
	c.bytes += tableBytes + int64(len(t.arr))*valueBytes + int64(len(t.nodes))*nodeBytes
	c.value(FromTable(t.meta))
	if err := c.values(t.arr); err != nil {
		return err
	}
	for nodes := t.nodes; len(nodes) > 0; {
		n := min(len(nodes), surveyStep)
		for i := range nodes[:n] {
			c.value(nodes[i].key)
			c.value(nodes[i].val)
		}
		if err := c.pause(n); err != nil {
			return err
		}
		nodes = nodes[n:]
	}
	return nil
}

func (c *count) function(f *Function) {
	c.bytes += functionBytes + int64(len(f.ups))*int64(unsafe.Sizeof(f.ups[0]))
	c.value(FromTable(f.env))
	for _, u := range f.ups {
		if u.seen != c.epoch {
			u.seen = c.epoch
			c.bytes += upvalBytes
			c.value(*u.v)
		}
	}
}

// thread counts a thread's stack as far as it is used, and clears the rest, so
// that nothing lives on there.
func (c *count) thread(t *Thread) error {
	top := t.used()
	clear(t.stack[top:])
	c.bytes += threadBytes + int64(len(t.stack))*valueBytes + int64(t.made)*frameBytes
	n := 0
	for f := t.ci; f != nil; f = f.prev {
		c.bytes += f.held
		c.value(FromFunction(f.fn))
		n++
	}
	if t.resumer != nil {
		c.value(FromThread(t.resumer))
	}
	if err := c.pause(n + (len(t.stack)-top)/8); err != nil {
		return err
	}
	return c.values(t.stack[:top])
}
