package pubsubs

import (
	"strings"

	"ledge/respd/command"
	"ledge/respd/hub"
	"ledge/respd/resp"
)

// SUBSCRIBE channel [channel ...]
func subscribe() *command.Spec {
	return joinRow(command.Spec{
		Name: "subscribe", Since: "2.0.0", Syntax: "<channel> [<channel> ...]",
		Complexity: "O(N) where N is the number of channels to subscribe to",
		Summary:    "Hear what is published to channels.",
	}, hub.Channel)
}

// PSUBSCRIBE pattern [pattern ...]
func psubscribe() *command.Spec {
	return joinRow(command.Spec{
		Name: "psubscribe", Since: "2.0.0", Syntax: "<pattern> [<pattern> ...]",
		Complexity: "O(N) where N is the number of patterns to subscribe to",
		Summary:    "Hear what is published to any channel that fits one of the patterns.",
	}, hub.Pattern)
}

// SSUBSCRIBE shardchannel [shardchannel ...]
func ssubscribe() *command.Spec {
	return joinRow(command.Spec{
		Name: "ssubscribe", Since: "7.0.0", Syntax: "<shardchannel> [<shardchannel> ...]",
		Keys: command.AllKeys, KeyFlags: shardKeys,
		Complexity: "O(N) where N is the number of shard channels to subscribe to",
		Summary:    "Hear what is published to shard channels.",
	}, hub.ShardChannel)
}

// joinRow returns the row of a command that subscribes.
func joinRow(s command.Spec, t hub.Topic) *command.Spec {
	s.Arity = -2
	s.Flags = command.NoScript | command.Listening
	name := s.Name
	return family.Conn(s, func(s *command.Session, args command.Args) resp.Value {
		// For the sake of old clients Redis takes the other two inside MULTI.
		if s.InExec && t == hub.ShardChannel {
			return resp.Errf("ERR %s isn't allowed for a DENY BLOCKING client", strings.ToUpper(name))
		}
		most := 0
		for _, name := range args[1:] {
			most += hub.Cost(len(name))
		}
		if !s.Conn.HasRoom(most) {
			return resp.Err(command.ErrKeptFull)
		}
		out := make([]resp.Value, 0, len(args)-1)
		for i := 1; i < len(args); i++ {
			s.Host.Hub().Subscribe(&s.Member, s.Conn, t, args.Str(i))
			out = append(out, confirmation(s, t, name, resp.Bulk(args.Str(i))))
		}
		return resp.Series(out...)
	})
}

// UNSUBSCRIBE [channel [channel ...]]
func unsubscribe() *command.Spec {
	return leaveRow(command.Spec{
		Name: "unsubscribe", Since: "2.0.0", Syntax: "[<channel> ...]",
		Complexity: "O(N) where N is the number of channels to leave",
		Summary:    "Hear no more of channels, or of any.",
	}, hub.Channel)
}

// PUNSUBSCRIBE [pattern [pattern ...]]
func punsubscribe() *command.Spec {
	return leaveRow(command.Spec{
		Name: "punsubscribe", Since: "2.0.0", Syntax: "[<pattern> ...]",
		Complexity: "O(N) where N is the number of patterns to leave",
		Summary:    "Hear no more of patterns, or of any.",
	}, hub.Pattern)
}

// SUNSUBSCRIBE [shardchannel [shardchannel ...]]
func sunsubscribe() *command.Spec {
	return leaveRow(command.Spec{
		Name: "sunsubscribe", Since: "7.0.0", Syntax: "[<shardchannel> ...]",
		Keys: command.AllKeys, KeyFlags: shardKeys,
		Complexity: "O(N) where N is the number of shard channels to leave",
		Summary:    "Hear no more of shard channels, or of any.",
	}, hub.ShardChannel)
}

// leaveRow returns the row of a command that ends subscriptions: to what it
// names, whether there are such or not, or to all.
func leaveRow(s command.Spec, t hub.Topic) *command.Spec {
	s.Arity = -1
	s.Flags = command.NoScript | command.Listening
	name := s.Name
	return family.Conn(s, func(s *command.Session, args command.Args) resp.Value {
		var names []string
		for i := 1; i < len(args); i++ {
			names = append(names, args.Str(i))
		}
		if len(args) == 1 {
			names = s.Host.Hub().Subscriptions(&s.Member, t)
		}
		if len(names) == 0 {
			return resp.Series(confirmation(s, t, name, resp.Nil))
		}
		out := make([]resp.Value, 0, len(names))
		for _, n := range names {
			s.Host.Hub().Unsubscribe(&s.Member, t, n)
			out = append(out, confirmation(s, t, name, resp.Bulk(n)))
		}
		return resp.Series(out...)
	})
}

// confirmation tells how many subscriptions there are left. Shard channels
// are counted apart.
func confirmation(s *command.Session, t hub.Topic, name string, what resp.Value) resp.Value {
	n := s.Channels.Load() + s.Patterns.Load()
	if t == hub.ShardChannel {
		n = s.Shards.Load()
	}
	return resp.Push(resp.Bulk(name), what, resp.Int(int64(n)))
}
