// Package zsets is the family of commands on sorted sets.
package zsets

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

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

// read returns a row that reads, with what all of the family have in common.
func read(s command.Spec, run func(*replay.View, command.Args) resp.Value) *command.Spec {
	s.Read = run
	s.Flags |= command.ReadOnly
	return row(s)
}

// write returns a row that writes.
func write(s command.Spec, run func(*replay.Draft, command.Args) (resp.Value, error)) *command.Spec {
	s.Write = run
	s.Flags |= command.Write
	return row(s)
}

func row(s command.Spec) *command.Spec {
	if s.Keys.First == 0 && s.NumKeys == 0 {
		s.Keys = command.OneKey
	}
	if s.Complexity == "" {
		s.Complexity = "O(1)"
	}
	s.Cats = append(s.Cats, "sortedset")
	s.Group = "sorted-set"
	return &s
}

// lost notes an event of a key that has lost members, and that it is gone if
// those were the last.
func lost(d *replay.Draft, event string, key []byte) {
	d.Notify(replay.ZSetEvent, event, key)
	if !d.Exists(key) {
		d.Notify(replay.GenericEvent, "del", key)
	}
}
