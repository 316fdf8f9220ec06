package pubsubs

import (
	"ledge/respd/command"
	"ledge/respd/hub"
	"ledge/respd/resp"
)

// PUBLISH channel message
//
// It is not Inline: in a pipeline it waits until the writes before it are
// in the journal, so that nobody hears of what never was. CLIENT PAUSE counts it
// as a write.
func publish() *command.Spec {
	return family.Conn(command.Spec{
		Name: "publish", Arity: 3, Flags: command.Fast | command.MayReplicate, Since: "2.0.0", Syntax: "<channel> <message>",
		Complexity: "O(N+M) where N is the number of subscribers to the channel and M that of all patterns",
		Summary:    "Send a message to all who subscribe to the channel now. It is not kept.",
	}, func(s *command.Session, args command.Args) resp.Value {
		return resp.Int(int64(s.Host.Hub().Announce(hub.Channel, args.Str(1), args.Str(2))))
	})
}

// SPUBLISH shardchannel message
func spublish() *command.Spec {
	return family.Conn(command.Spec{
		Name: "spublish", Arity: 3, Flags: command.Fast | command.MayReplicate, Since: "7.0.0",
		Keys: command.OneKey, KeyFlags: shardKeys, Syntax: "<shardchannel> <message>",
		Complexity: "O(N) where N is the number of subscribers to the shard channel",
		Summary:    "Send a message to all who subscribe to the shard channel now. It is not kept.",
	}, func(s *command.Session, args command.Args) resp.Value {
		return resp.Int(int64(s.Host.Hub().Announce(hub.ShardChannel, args.Str(1), args.Str(2))))
	})
}
