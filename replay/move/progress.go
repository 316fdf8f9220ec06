package move

import (
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
)

// Progress is how a move goes, as far as the node knows that does a part in it. It is not in
// the journal: a node that is started again knows none of what was before.
type Progress struct {
	Bytes  int64  // that the target has taken in, or the source has sent
	Lag    int64  // numbers of the source's journal that the target is behind
	Cause  string // why it does not go on at present
	Waits  string // why the target of a move out of the shard said that it does not
	Heard  time.Time
	Holds  int           // how often the slots were held
	RanOut int           // how often for too short a time
	Hold   time.Duration // for how long the last time
	Begins int           // how often the target has begun anew
	// Lost is the epoch at which the target's shard has taken the slots, as the source says, where
	// its journal lacks that, and what was given.
	Lost uint64
	// Paced is for how much of the time writes to the slots wait at the source, since more
	// is written than the target takes in: 0 to 63/64.
	Paced float64
	// Began is when the move began, and Turned when it came to the phase that it is in.
	Began, Turned time.Time

	cursor uint64 // to which the source has sent keys
}

// Status is a move and how it goes. Its cursor is the target's, or how far the source has
// sent keys to it.
type Status struct {
	cluster.Move
	Progress
}

// Why returns why a move has ended without moving its slots, or does not go on at present: on
// this side, or as the target has told its source. "" is that nothing is in its way.
func (s *Status) Why() string {
	switch {
	case s.Over() || s.Move.Cause != "":
		return s.Move.Cause
	case s.Progress.Cause == "" && s.Waits != "":
		return "the target says: " + s.Waits
	}
	return s.Progress.Cause
}

// Moves returns all moves that the journal has, in the order in which they began or ended.
func (m *Mover) Moves() []Status {
	list := m.cfg.State.Moves()
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Status, len(list))
	for i, of := range list {
		all[i].Move = of
		p := m.progress[of.ID]
		if p == nil {
			continue
		}
		if all[i].Progress = *p; of.Side == journal.Source {
			all[i].Cursor = p.cursor
		}
	}
	return all
}

// Keys returns how many keys of a move's slots are copied, while they are: at the target
// those that it has, at the source those that it has sent, and how many there are. Only the
// source knows that; it is 0 elsewhere. Of a slot that is sent in part it is an estimate.
func (m *Mover) Keys(s *Status) (copied, all int) {
	if s.Phase != cluster.Copying && s.Phase != cluster.Ready {
		return 0, 0
	}
	_ = m.cfg.State.View(m.cfg.Clock(), func(v *replay.View) error {
		keys := v.Slots(s.Ranges).Keys
		if s.Side == journal.Target {
			copied = keys
			return nil
		}
		all = keys
		for _, r := range s.Ranges {
			for slot := r.First; ; slot++ {
				copied += sentOf(v.Slots([]journal.SlotRange{{First: slot, Last: slot}}).Keys, slot, s.Cursor)
				if slot == r.Last {
					break
				}
			}
		}
		return nil
	})
	return copied, all
}

// sentOf returns how many of a slot's keys lie below a cursor. Keys are spread evenly over
// the positions of their slot.
func sentOf(keys int, slot uint16, cursor uint64) int {
	first, last := bounds(journal.SlotRange{First: slot, Last: slot})
	switch {
	case cursor > last:
		return keys
	case cursor <= first:
		return 0
	}
	return int(float64(keys) * float64(cursor-first) / float64(last-first))
}

// turned notes when a move has come to another phase.
func (m *Mover) turned(of cluster.Move) {
	now := m.cfg.Clock()
	m.note(of.ID, func(p *Progress) {
		if p.Turned = now; of.Phase == cluster.Copying {
			p.Began = now
		}
	})
}

// sent notes that a part of a session's last piece goes to the target, and how far that
// brings it.
func (m *Mover) sent(id journal.MoveID, s *session, bytes int, last journal.Seq) (behind journal.Seq) {
	cursor, come := s.come()
	behind = last - min(last, come)
	m.note(id, func(p *Progress) {
		p.Bytes, p.Lag, p.cursor, p.Waits = p.Bytes+int64(bytes), int64(behind), cursor, ""
	})
	return behind
}
