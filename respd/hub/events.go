package hub

import (
	"strconv"
	"strings"

	"ledge/replay/events"
)

// EventFlags say which keyspace events are sent, and as what: the classes of
// package replay, and the flags below.
type EventFlags uint32

// The flags beside the classes.
const (
	// KeyspaceEvents sends the event's name to a channel named by the key.
	KeyspaceEvents EventFlags = 1 << (16 + iota)
	// KeyeventEvents sends the key to a channel named by the event.
	KeyeventEvents
	// moduleEvents is taken and printed for clients; there are no modules.
	moduleEvents
)

// eventLetters are in the order in which Redis prints them.
var eventLetters = []struct {
	letter byte
	flag   EventFlags
}{
	{'g', EventFlags(events.Generic)}, {'$', EventFlags(events.String)},
	{'l', EventFlags(events.List)}, {'s', EventFlags(events.Set)},
	{'h', EventFlags(events.Hash)}, {'z', EventFlags(events.ZSet)},
	{'x', EventFlags(events.Expired)}, {'e', EventFlags(events.Evicted)},
	{'t', EventFlags(events.Stream)}, {'d', moduleEvents},
	{'n', EventFlags(events.NewKey)},
	{'K', KeyspaceEvents}, {'E', KeyeventEvents},
	{'m', EventFlags(events.KeyMiss)},
}

// allEvents is "A": the letters before "n".
var allEvents = func() (all EventFlags) {
	for _, e := range eventLetters {
		if e.letter == 'n' {
			break
		}
		all |= e.flag
	}
	return all
}()

// ParseEvents reads the value of notify-keyspace-events.
func ParseEvents(s string) (flags EventFlags, ok bool) {
	for i := range len(s) {
		f := EventFlags(0)
		if s[i] == 'A' {
			f = allEvents
		}
		for _, e := range eventLetters {
			if e.letter == s[i] {
				f = e.flag
			}
		}
		if f == 0 {
			return 0, false
		}
		flags |= f
	}
	return flags, true
}

// String prints the flags as Redis does. Beside "A" Redis leaves "n" out.
func (f EventFlags) String() string {
	var b strings.Builder
	all := f&allEvents == allEvents
	if all {
		b.WriteByte('A')
		f &^= allEvents | EventFlags(events.NewKey)
	}
	for _, e := range eventLetters {
		if f&e.flag != 0 {
			b.WriteByte(e.letter)
		}
	}
	return b.String()
}

// SetEvents chooses which keyspace events are sent from here on.
func (h *Hub) SetEvents(f EventFlags) { h.events.Store(uint32(f)) }

// Events returns which keyspace events are sent.
func (h *Hub) Events() EventFlags { return EventFlags(h.events.Load()) }

// Wanted returns the classes of events that commands must note. It does not ask
// whether anybody listens: who subscribes while a write is under way, and is
// told so, must hear of the write.
func (h *Hub) Wanted() events.Class {
	f := h.Events()
	if f&(KeyspaceEvents|KeyeventEvents) == 0 {
		return 0
	}
	return events.Class(f & 0xffff)
}

// Notify sends events, in order, to those who listen.
func (h *Hub) Notify(es []events.Event) {
	if h.listening.Load() == 0 && h.others.Load() == nil {
		return
	}
	f := h.Events()
	for _, e := range es {
		switch e.Class {
		case events.Message:
			h.Announce(Channel, e.Name, e.Key)
			continue
		case events.ShardMessage:
			h.Announce(ShardChannel, e.Name, e.Key)
			continue
		}
		db := strconv.Itoa(int(e.DB))
		if f&KeyspaceEvents != 0 {
			h.Publish(Channel, "__keyspace@"+db+"__:"+e.Key, e.Name)
		}
		if f&KeyeventEvents != 0 {
			h.Publish(Channel, "__keyevent@"+db+"__:"+e.Name, e.Key)
		}
	}
}
