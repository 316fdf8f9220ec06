package conns

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// clientTypes are what CLIENT LIST and KILL may ask for. Replicas are not
// clients here, so there are only the first two.
var clientTypes = []string{"normal", "pubsub", "master", "replica", "slave"}

// typeOf returns a client's type.
func typeOf(c *command.Session) string {
	if c.Subscribed() {
		return "pubsub"
	}
	return "normal"
}

// readType reads argument i as a client type.
func readType(args command.Args, i int) (string, error) {
	name := strings.ToLower(args.Str(i))
	if !slices.Contains(clientTypes, name) {
		return "", resp.Error(fmt.Sprintf("ERR Unknown client type '%s'", args.Printed(i)))
	}
	return name, nil
}

// CLIENT LIST [TYPE NORMAL | MASTER | REPLICA | PUBSUB] [ID client-id [client-id ...]]
func clientList() *command.Spec {
	return others(command.Spec{
		Name: "list", Arity: -2, Since: "2.4.0",
		Complexity: "O(N) where N is the number of client connections",
		Syntax:     "[TYPE NORMAL|MASTER|REPLICA|PUBSUB] [ID <id> [<id> ...]]",
		Summary:    "List the connections.",
		Tips:       []string{"nondeterministic_output"},
	}, runList)
}

func runList(s *command.Session, args command.Args) resp.Value {
	keep, err := listFilter(args)
	if err != nil {
		return resp.FromError(err)
	}
	var b strings.Builder
	s.Host.Clients(func(c *command.Session) {
		if keep(c) {
			b.WriteString(describe(c, s, "client|list"))
			b.WriteByte('\n')
		}
	})
	return resp.Verbatim("txt", b.String())
}

// listFilter reads which clients are asked for.
func listFilter(args command.Args) (func(*command.Session) bool, error) {
	switch {
	case len(args) == 2:
		return func(*command.Session) bool { return true }, nil
	case len(args) == 4 && args.Is(2, "TYPE"):
		name, err := readType(args, 3)
		return func(c *command.Session) bool { return typeOf(c) == name }, err
	case len(args) > 3 && args.Is(2, "ID"):
		ids := make(map[int64]bool)
		for i := 3; i < len(args); i++ {
			id, ok := number.ParseInt(args[i])
			if !ok {
				return nil, resp.Error("ERR Invalid client ID")
			}
			ids[id] = true
		}
		return func(c *command.Session) bool { return ids[c.ID] }, nil
	}
	return nil, command.ErrSyntax
}

// CLIENT INFO
func clientInfo() *command.Spec {
	return own(command.Spec{
		Name: "info", Arity: 2, Since: "6.2.0", Complexity: "O(1)",
		Summary: "Describe this connection.",
		Tips:    []string{"nondeterministic_output"},
	}, func(s *command.Session, _ command.Args) resp.Value {
		return resp.Verbatim("txt", describe(s, s, "client|info")+"\n")
	})
}

// describe is c's line in the list. The caller is inside the command running,
// which is not yet the last one that it is known to have run.
func describe(c, caller *command.Session, running string) string {
	now := time.Now()
	idle := max(0, now.UnixMilli()-c.LastUsed.Load()) / 1000
	cmd := "NULL"
	if c == caller {
		cmd, idle = running, 0
	} else if last := c.LastCmd.Load(); last != nil {
		cmd = last.FullName()
	}
	f := c.Facts()
	in, out := c.Conn.Buffers()
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=%d "+
		"sub=%d psub=%d ssub=%d multi=%d qbuf=%d qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 "+
		"obl=%d oll=0 omem=0 tot-mem=%d events=r cmd=%s user=%s redir=-1 resp=%d",
		c.ID, c.Addr, c.LAddr, c.FD, f.Name, int(now.Sub(c.Created).Seconds()), idle, flagsOf(c, f),
		c.DBSeen.Load(), c.Channels.Load(), c.Patterns.Load(), c.Shards.Load(), c.Queued.Load(), in, out, in+out,
		cmd, f.User, c.ProtoSeen.Load())
}

// flagsOf returns the letters that say what a client is doing.
func flagsOf(c *command.Session, f command.Facts) string {
	var b strings.Builder
	if typeOf(c) == "pubsub" {
		b.WriteByte('P')
	}
	if c.Queued.Load() >= 0 {
		b.WriteByte('x')
	}
	if c.Blocked.Load() {
		b.WriteByte('b')
	}
	if f.NoEvict {
		b.WriteByte('e')
	}
	if b.Len() == 0 {
		return "N"
	}
	return b.String()
}
