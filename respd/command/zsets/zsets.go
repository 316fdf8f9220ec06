// Package zsets is the family of commands on sorted sets.
package zsets

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
)

// family is what all rows here have in common.
var family = command.Family{Group: "sorted-set", Cats: []string{"sortedset"}, Keys: command.OneKey}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		zadd(), zincrby(), zrem(), zcard(), zscore(), zmscore(), zrank(), zrevrank(),
		zcount(), zlexcount(), zscan(),
		zrange(), zrevrange(), zrangebyscore(), zrevrangebyscore(), zrangebylex(), zrevrangebylex(),
		zrangestore(), zremrangebyrank(), zremrangebyscore(), zremrangebylex(),
		zpopmin(), zpopmax(), zmpop(), bzpopmin(), bzpopmax(), bzmpop(), zrandmember(),
		zunion(), zinter(), zdiff(), zintercard(), zunionstore(), zinterstore(), zdiffstore(),
	}
}

// What several rows share.
const (
	takes   = "RW access delete"
	logCost = "O(log N) where N is the number of members"
)

// lost notes an event of a key that has lost members, and that it is gone if
// those were the last.
func lost(d *replay.Draft, event string, key []byte) {
	d.Notify(events.ZSet, event, key)
	if !d.Exists(key) {
		d.Notify(events.Generic, "del", key)
	}
}
