package replay

import "ledge/journal"

// EventClass is a class of keyspace events, as bits. The letters are those of
// Redis's notify-keyspace-events.
type EventClass uint16

// The classes of events.
const (
	GenericEvent EventClass = 1 << iota // g: commands on keys of any type
	StringEvent                         // $
	ListEvent                           // l
	SetEvent                            // s
	HashEvent                           // h
	ZSetEvent                           // z
	ExpiredEvent                        // x
	EvictedEvent                        // e
	StreamEvent                         // t
	KeyMissEvent                        // m
	NewKeyEvent                         // n
)

// Event is something that a command did to a key, as subscribers hear of it.
type Event struct {
	Class EventClass
	Name  string // "set", "del", "lpush" …
	DB    journal.DB
	Key   string
}

// Notify notes an event for subscribers, who hear of it once the journal has
// what the command did, and not at all if the command is undone. Each command
// calls it as Redis would, with the event names that Redis documents.
func (d *Draft) Notify(class EventClass, name string, key []byte) {
	if d.wanted&class != 0 {
		d.events = append(d.events, Event{class, name, d.db, string(key)})
	}
}
