package lua

import "sync/atomic"

// Config is what a state is made with.
type Config struct {
	// Check is asked at least every CheckEvery steps whether the script may go
	// on. What it returns ends the script: no pcall of the script catches it.
	Check func() error
	// CheckEvery is in steps; 0 means 1024. An instruction that jumps back or
	// calls is a step, and library functions count theirs (Thread.Step).
	CheckEvery int
}

// State is an independent world of Lua: its globals, its coroutines, and the
// account of its memory. One goroutine uses it at a time.
type State struct {
	// fuel is how many steps are left until Check is asked; room how many
	// bytes may be allocated until what lives is counted again.
	fuel int
	room int64
	// dead is why the script must end, once that is so.
	dead    error
	endedAt place // where it was

	main    *Thread
	running *Thread
	strings *Table // the metatable of strings
	serials uint32
	conf    Config
	heap    heap
}

// New returns a state that has no globals.
func New(c Config) *State {
	if c.CheckEvery <= 0 {
		c.CheckEvery = 1024
	}
	s := &State{conf: c, fuel: c.CheckEvery}
	s.heap.outside()
	s.room = s.heap.roomAtStart
	s.main = s.newThread()
	s.running = s.main
	return s
}

// Main returns the thread that scripts are called on.
func (s *State) Main() *Thread { return s.main }

// SetStringMeta sets the metatable of all strings.
func (s *State) SetStringMeta(t *Table) { s.strings = t }

// serial returns a number that stands for an object's address.
func (s *State) serial() uint32 {
	s.serials++
	return s.serials
}

// step counts n steps, and returns why the script must end, if it must.
func (s *State) step(n int) error {
	if s.fuel -= n; s.fuel < 0 || s.room < 0 {
		return s.tick()
	}
	return nil
}

// tick is asked when fuel or room have run out.
func (s *State) tick() error {
	if s.dead == nil && s.room < 0 {
		s.dead = s.survey()
	}
	if s.dead == nil && s.fuel < 0 {
		s.fuel = s.conf.CheckEvery
		if s.conf.Check != nil {
			s.dead = s.conf.Check()
		}
	}
	if s.dead != nil {
		s.fuel = -1
	}
	return s.dead
}

// walked charges for a long chain of nodes.
func (s *State) walked(nodes int) {
	if nodes > 32 {
		s.fuel -= nodes / 8
	}
}

// hash returns a string's hash, which is made when it is needed first.
func (s *State) hash(k *str) uint32 {
	if !k.hashed {
		s.makeHash(k)
	}
	return k.hash
}

// makeHash goes over a string from its end. If the script is ended meanwhile,
// it leaves it at that.
func (s *State) makeHash(k *str) {
	const piece = 1 << 16
	h, text := uint32(len(k.s)), k.s
	for len(text) > piece {
		if s.step(piece/256) != nil {
			return
		}
		h = hashMore(h, text[len(text)-piece:])
		text = text[:len(text)-piece]
	}
	s.fuel -= len(text) / 256
	k.hash, k.hashed = hashMore(h, text), true
}

// sameText reports whether two strings of the same hash are equal, and charges
// for it if they are long.
func (s *State) sameText(a, b *str) bool {
	if len(a.s) != len(b.s) {
		return false
	}
	if len(a.s) > 256 && a != b {
		s.fuel -= len(a.s) / 256
	}
	return a.s == b.s
}

// sameKey is Equal that charges for long strings.
func (s *State) sameKey(a, b Value) bool {
	if a.IsString() && b.IsString() {
		return s.sameText((*str)(a.p), (*str)(b.p))
	}
	return Equal(a, b)
}

// userdata counts userdata of all states, which may share them.
var userdata uint32

// serial returns a number that stands for the userdata's address.
func (u *Userdata) serial() uint32 {
	if n := atomic.LoadUint32(&u.id); n != 0 {
		return n
	}
	atomic.CompareAndSwapUint32(&u.id, 0, atomic.AddUint32(&userdata, 1))
	return atomic.LoadUint32(&u.id)
}
