// Package pubsubs is the family of commands on channels: subscriptions, and
// messages to those who have them. Who subscribes to what is in command.Hub; the
// server brings the messages to the connections.
package pubsubs

import (
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		subscribe(), unsubscribe(), psubscribe(), punsubscribe(), ssubscribe(), sunsubscribe(),
		publish(), spublish(), pubsub(),
	}
}

// row returns a row with what all of the family have in common.
func row(s command.Spec, run func(*command.Session, command.Args) resp.Value) *command.Spec {
	s.Flags |= command.PubSub | command.Loading | command.Stale
	s.Group = "pubsub"
	s.Conn = run
	return &s
}

// shardKeys are places of shard channels. They are no keys, but a cluster would
// look up their slots.
const shardKeys = "not_key"
