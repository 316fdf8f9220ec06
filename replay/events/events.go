// Package events names what subscribers hear of what commands do to keys. Drafts
// note events, and whoever writes tells of them once the journal has the command.
package events

import "ledge/journal"

// Class is a class of keyspace events, as bits. The letters are those of Redis's
// notify-keyspace-events.
type Class uint16

// The classes of events.
const (
	Generic Class = 1 << iota // g: commands on keys of any type
	String                    // $
	List                      // l
	Set                       // s
	Hash                      // h
	ZSet                      // z
	Expired                   // x
	Evicted                   // e
	Stream                    // t
	KeyMiss                   // m
	NewKey                    // n

	// A message that a command sends, with the channel for a name and its text
	// for a key. It is not asked for whether anybody wants it.
	Message
	ShardMessage
)

// Event is something that a command did to a key, as subscribers hear of it.
type Event struct {
	Class Class
	Name  string // "set", "del", "lpush" …
	DB    journal.DB
	Key   string
}
