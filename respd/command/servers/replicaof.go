package servers

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"ledge/replay/standing"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// REPLICAOF host port | NO ONE
func replicaof() *command.Spec {
	return following("replicaof", "5.0.0", "Follow the leader with that NATS address, or lead.")
}

// SLAVEOF host port | NO ONE
func slaveof() *command.Spec {
	return following("slaveof", "1.0.0", "Follow the leader with that NATS address, or lead. REPLICAOF replaces it.")
}

// promoteLimit bounds how long a client waits for its node to lead.
const promoteLimit = 30 * time.Second

func following(name, since, summary string) *command.Spec {
	return family.Conn(command.Spec{
		Name: name, Arity: 3, Flags: admin&^command.Loading | command.NoMulti | command.Slow,
		Syntax: "<host> <port> | NO ONE", Since: since, Complexity: "O(1)", Summary: summary,
		Clustered: command.NotInCluster("ERR REPLICAOF not allowed in cluster mode."),
	}, func(s *command.Session, args command.Args) resp.Value {
		node := s.Host.Node()
		ctx, cancel := context.WithTimeout(s.Context(), promoteLimit)
		defer cancel()
		if args.Is(1, "NO") && args.Is(2, "ONE") {
			return outcome(node.Promote(ctx))
		}
		port, ok := number.ParseInt(args[2])
		if !ok || port < 0 || port > 65535 {
			return resp.Err("ERR Invalid master port")
		}
		addr := net.JoinHostPort(string(args[1]), strconv.FormatInt(port, 10))
		if l := node.Link(); strings.HasSuffix(l.Leader, "://"+addr) {
			return resp.Simple("OK Already connected to specified master")
		}
		return outcome(node.Follow(ctx, addr))
	})
}

func outcome(err error) resp.Value {
	if err != nil {
		return resp.FromError(err)
	}
	return resp.OK
}

// WAIT numreplicas timeout
func wait() *command.Spec {
	return family.Conn(command.Spec{
		Name: "wait", Arity: 3, Flags: command.NoScript | command.Slow | command.Waits, Cats: []string{"connection", "blocking"},
		Syntax: "<numreplicas> <timeout>", Since: "3.0.0", Complexity: "O(1)",
		Summary: "Wait until so many replicas have applied all that was written up to here.",
	}, func(s *command.Session, args command.Args) resp.Value {
		want, ok := number.ParseInt(args[1])
		if !ok {
			return resp.FromError(command.ErrNotInt)
		}
		ctx, end, err := waitLimit(s, args, 2)
		if err != nil {
			return resp.FromError(err)
		}
		defer end()
		return resp.Int(int64(s.Host.Node().Await(ctx, s.Host.State().Pos().Seq, int(want), false)))
	})
}

// WAITAOF numlocal numreplicas timeout
func waitaof() *command.Spec {
	return family.Conn(command.Spec{
		Name: "waitaof", Arity: 4, Flags: command.NoScript | command.Slow | command.Waits, Cats: []string{"connection", "blocking"},
		Syntax: "<numlocal> <numreplicas> <timeout>", Since: "7.2.0", Complexity: "O(1)",
		Summary: "Wait until what was written up to here is on the disk, of this node and of replicas.",
	}, func(s *command.Session, args command.Args) resp.Value {
		local, ok := number.ParseInt(args[1])
		if !ok || local < 0 || local > 1 {
			return resp.Err("ERR value is out of range, must be between 0 and 1")
		}
		want, ok := number.ParseInt(args[2])
		if !ok || want < 0 {
			return resp.Err("ERR value is out of range, must be positive")
		}
		ctx, end, err := waitLimit(s, args, 3)
		if err != nil {
			return resp.FromError(err)
		}
		defer end()
		node, seq := s.Host.Node(), s.Host.State().Pos().Seq
		if local > 0 && !node.Syncs() {
			return resp.Err(errNeverSynced)
		}
		replicas := node.Await(ctx, seq, int(want), true)
		if local == 0 {
			end() // it only looks
		}
		synced := int64(0)
		switch {
		case node.AwaitSync(ctx, seq):
			synced = 1
		case local > 0 && !node.Syncs(): // since the wait began
			return resp.Err(errNeverSynced)
		}
		return resp.Array(resp.Int(synced), resp.Int(int64(replicas)))
	})
}

// errNeverSynced refuses to wait for what nobody does, as Redis does without an
// AOF.
const errNeverSynced resp.Error = "ERR WAITAOF cannot be used when numlocal is set but the journal is never synced (sync off)."

// waitLimit returns the context of a wait of at most the milliseconds in
// argument i; 0 is for as long as the client is there.
func waitLimit(s *command.Session, args command.Args, i int) (context.Context, context.CancelFunc, error) {
	ms, ok := number.ParseInt(args[i])
	switch {
	case !ok:
		return nil, nil, resp.Error("ERR timeout is not an integer or out of range")
	case ms < 0:
		return nil, nil, resp.Error("ERR timeout is negative")
	case s.Host.Node().Link().State != standing.LinkNone:
		return nil, nil, resp.Error("ERR " + strings.ToUpper(string(args[0])) + " cannot be used with replica " +
			"instances. Please also note that since Redis 4.0 if a replica is configured to be writable " +
			"(which is not the default) writes to replicas are just local and are not propagated.")
	}
	ctx, end := patience(s, time.Duration(ms)*time.Millisecond)
	return ctx, end, nil
}

// patience is how long a client waits: until it is released if the limit is 0.
func patience(s *command.Session, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit > 0 {
		return context.WithTimeout(s.Context(), limit)
	}
	return context.WithCancel(s.Context())
}
