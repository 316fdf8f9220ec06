// Package pubsubs is the family of commands on channels: subscriptions, and
// messages to those who have them. Who subscribes to what is in respd/hub; the
// server brings the messages to the connections.
package pubsubs

import (
	"ledge/respd/command"
)

// family is what all rows here have in common.
var family = command.Family{Group: "pubsub", Flags: command.PubSub | command.Loading | command.Stale}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		subscribe(), unsubscribe(), psubscribe(), punsubscribe(), ssubscribe(), sunsubscribe(),
		publish(), spublish(), pubsub(),
	}
}

// shardKeys are places of shard channels. They are no keys, but a cluster would
// look up their slots.
const shardKeys = "not_key"
