package replay

import (
	"ledge/journal"
	"ledge/replay/events"
)

// Notify notes an event for subscribers. They hear of it once the journal has
// what the command did, and not at all if the command is undone. Each command
// calls it as Redis would, with the event names that Redis documents.
func (d *Draft) Notify(class events.Class, name string, key []byte) {
	d.NotifyIn(class, name, d.db, key)
}

// NotifyIn is Notify for a key of another database than the selected one.
func (d *Draft) NotifyIn(class events.Class, name string, n journal.DB, key []byte) {
	if d.wanted&class != 0 {
		d.events = append(d.events, events.Event{Class: class, Name: name, DB: n, Key: string(key)})
	}
}

// Say sends a message once the journal has what the command did: Message or
// ShardMessage.
func (d *Draft) Say(class events.Class, channel, text string) {
	d.events = append(d.events, events.Event{Class: class, Name: channel, Key: text})
}

// births makes events of keys that come to exist, for the classes that name no
// command. Where the key of that name has expired and not been swept yet, that
// is an event too: the sweeper will not find it any more.
type births struct{ d *Draft }

// put is told of a row before it is written.
func (b births) put(n journal.DB, key string) {
	d := b.d
	if !d.shown().hasKey(key) {
		return // it is on its way to this shard, and was made elsewhere
	}
	r, ok := d.overlay.get(n, key)
	if ok && r.Expired(d.now) {
		d.note(events.Expired, "expired", n, key)
		ok = false
	}
	// A command that removes a key to store it anew overwrites it, in Redis.
	if !ok && !d.overlay.took(n, key) {
		d.note(events.NewKey, "new", n, key)
	}
}

// note is NotifyIn for a key that may be kept.
func (d *Draft) note(class events.Class, name string, n journal.DB, key string) {
	if d.wanted&class != 0 {
		d.events = append(d.events, events.Event{Class: class, Name: name, DB: n, Key: key})
	}
}

// replaced notes that a key takes the place of another: Redis removes that
// first, so there is a new one.
func (d *Draft) replaced(n journal.DB, key []byte) {
	if d.wanted&events.NewKey != 0 && d.ExistsIn(n, key) {
		d.NotifyIn(events.NewKey, "new", n, key)
	}
}
