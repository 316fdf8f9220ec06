package pubsubs

import (
	"ledge/respd/command"
	"ledge/respd/glob"
	"ledge/respd/hub"
	"ledge/respd/resp"
)

// PUBSUB <subcommand> [argument ...]
func pubsub() *command.Spec {
	return family.Container(command.Spec{
		Name: "pubsub", Since: "2.8.0", Summary: "Tell who subscribes to what.",
	},
		names("channels", "2.8.0", hub.Channel), numPat(),
		receivers("numsub", "2.8.0", hub.Channel),
		names("shardchannels", "7.0.0", hub.ShardChannel),
		receivers("shardnumsub", "7.0.0", hub.ShardChannel),
		family.Help("6.2.0"))
}

// what is a topic in words.
func what(t hub.Topic) string {
	if t == hub.ShardChannel {
		return "shard channel"
	}
	return "channel"
}

// PUBSUB CHANNELS [pattern]
//
// PUBSUB SHARDCHANNELS [pattern]
func names(name, since string, t hub.Topic) *command.Spec {
	return family.Conn(command.Spec{
		Name: name, Arity: -2, Since: since, Syntax: "[<pattern>]",
		Complexity: "O(N) where N is the number of " + what(t) + "s with subscribers",
		Summary:    "List the " + what(t) + "s that have subscribers and fit the pattern.",
	}, func(s *command.Session, args command.Args) resp.Value {
		if len(args) > 3 {
			return command.BadSubcommand(args)
		}
		return resp.Strings(s.Host.Hub().Names(t, func(name string) bool {
			return len(args) == 2 || glob.Match(string(args[2]), name)
		})...)
	})
}

// PUBSUB NUMSUB [channel ...]
//
// PUBSUB SHARDNUMSUB [shardchannel ...]
func receivers(name, since string, t hub.Topic) *command.Spec {
	return family.Conn(command.Spec{
		Name: name, Arity: -2, Since: since, Syntax: "[<" + what(t) + "> ...]",
		Complexity: "O(N) where N is the number of " + what(t) + "s asked for",
		Summary:    "Count the subscribers to each " + what(t) + ", without those to patterns.",
	}, func(s *command.Session, args command.Args) resp.Value {
		out := make([]resp.Value, 0, 2*len(args))
		for i := 2; i < len(args); i++ {
			n := s.Host.Hub().Receivers(t, args.Str(i))
			out = append(out, resp.Bulk(args.Str(i)), resp.Int(int64(n)))
		}
		return resp.Array(out...)
	})
}

// PUBSUB NUMPAT
func numPat() *command.Spec {
	return family.Conn(command.Spec{
		Name: "numpat", Arity: 2, Since: "2.8.0", Complexity: "O(1)",
		Summary: "Count the different patterns that have subscribers.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		return resp.Int(int64(s.Host.Hub().Topics(hub.Pattern)))
	})
}
