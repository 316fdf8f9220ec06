package replay

import (
	"ledge/journal"
	"ledge/journal/fault"
)

// What a draft holds is more than what its entries take once they are encoded: an
// edit of a long string is a few bytes there, and here a copy of the whole string,
// of which each is kept until nobody can ask to have it undone.
const (
	maxHeld   = 256 << 20 // one entry, or the draft is given up
	softShare = 4         // a group has that part: what comes after it is another one's
	opHeld    = 192       // an effect, its row and what finds it, beside their bytes

	// Where the process is bounded, an entry has a part of the bound; but always room
	// for an edit of the longest value.
	heldShare = 8
	leastHeld = 9 << 20
	// So has an entry as it is journaled.
	encodedShare = 8
	leastEncoded = 1 << 20

	// An entry that is on its way to the disk is there so many times beside the draft:
	// as a frame, as the broker's message and in what is written.
	onTheWay = 3
	// For each such part of the bound that a draft takes, it is looked whether the
	// process has room. What needs little is not looked at: a command that only
	// deletes is never in want of room.
	askShare = 16
	askFrom  = 4 << 10
)

// errNoRoom refuses what the process has no room for.
var errNoRoom = fault.With(fault.Refused, noRoom{})

// noRoom is Redis's word where memory is short.
type noRoom struct{}

func (noRoom) Error() string { return "OOM command not allowed when used memory > 'maxmemory'." }

// SetBound says what the process may take, in bytes; 0 is any. What a draft may take
// follows it. Any goroutine may call it.
func (s *State) SetBound(bytes int64) { s.bound.Store(bytes) }

// SetRoom gives what reports whether the process has room for so many bytes more within
// its bound. It is called before the first draft; without it there is always room.
func (s *State) SetRoom(room func(bytes int64) bool) { s.room = room }

// mostHeld returns how much memory one entry of a draft may take.
func (s *State) mostHeld() int64 {
	if b := s.bound.Load(); b > 0 {
		return min(maxHeld, max(leastHeld, b/heldShare))
	}
	return maxHeld
}

// mostEncoded returns how much one entry may take as it is journaled: on its way to the
// disk there are several copies of it at once.
func (s *State) mostEncoded() int {
	if b := s.bound.Load(); b > 0 {
		return int(min(journal.MaxEntry, max(leastEncoded, b/encodedShare)))
	}
	return journal.MaxEntry
}

// MostImport returns how many bytes of effects one Import is sure to have room for within the
// process's bound, whatever they are: the shortest effects take eight times as much in a draft.
func (s *State) MostImport() int { return int(min(int64(s.mostEncoded())/2, s.mostHeld()/8)) }

// Held returns how much memory the draft takes, about.
func (d *Draft) Held() int { return d.held }

// hold counts memory that the draft is about to take.
func (d *Draft) hold(n int) error {
	if err := d.check(n, 0); err != nil {
		return err
	}
	d.held += n
	return nil
}

// check refuses n bytes that the draft can't take beside what it has, for an effect
// that takes so many bytes encoded; 0 is none.
func (d *Draft) check(n, encoded int) error {
	if most := d.s.mostEncoded(); d.opBytes+encoded+journal.EntryOverhead+journal.MaxWho > most {
		return tooLarge("transaction of more than %d bytes of changes; the journal takes %d in one entry",
			d.opBytes+encoded, most)
	}
	if most := d.s.mostHeld(); int64(d.held)+int64(n) > most {
		return tooLarge("transaction that takes more than %d bytes of memory", most)
	}
	if n >= askFrom && !d.hasRoom(n, encoded) {
		return errNoRoom
	}
	return nil
}

// StringFits refuses a string of n bytes under key that is too long, or that the draft
// can't take. A command that makes a long one asks first: what it has made and can't
// keep is in the way of others until it is collected.
func (d *Draft) StringFits(key []byte, n int) error {
	if err := d.fits(len(key), n); err != nil || n < askFrom {
		return err
	}
	return d.check(len(key)+n+opHeld, len(key)+n)
}

// hasRoom reports whether the process has room for n bytes more, and for what the draft
// will take on its way to the disk. The bounds of a draft follow the process's bound, and
// not what the process has taken by now: in a control group of 64 MiB, entries of 4 MB
// upon 25 MB of data had the kernel kill the node.
func (d *Draft) hasRoom(n, encoded int) bool {
	bound := d.s.bound.Load()
	if bound == 0 || d.s.room == nil {
		return true
	}
	way := onTheWay * (d.bytes + d.opBytes + encoded)
	all := d.held + n + way
	if int64(all-d.asked) < bound/askShare {
		return true
	}
	if !d.s.room(int64(n + way)) {
		return false
	}
	d.asked = all
	return true
}
