package clusters

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"ledge/replay/cluster"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// CLUSTERX <subcommand>, as in Kvrocks: by it a controller says which node serves which
// slots, where the node is started so.
func clusterX() *command.Spec {
	return family.Container(command.Spec{Name: "clusterx", Since: "7.0.0",
		Summary: "Take the word of a controller, with --cluster-authority external. Kvrocks has this command, Redis not."},
		xVersion(), xMyID(), xSetNodeID(), xSetNodes(), xSetSlot(), xMigrate(), family.Help("7.0.0"))
}

// errUninitialized is what Kvrocks says before the first document.
const errUninitialized resp.Error = "CLUSTERDOWN The cluster is not initialized"

// controlled returns the row of a subcommand of CLUSTERX.
func controlled(s command.Spec, run func(*command.Session, command.Args) resp.Value) *command.Spec {
	s.Since = "7.0.0"
	s.Flags |= command.Admin | command.NoScript | command.Stale
	if s.Complexity == "" {
		s.Complexity = "O(1)"
	}
	return family.Conn(s, run)
}

// xVersion is CLUSTERX VERSION.
func xVersion() *command.Spec {
	return controlled(command.Spec{Name: "version", Arity: 2, Summary: "Tell the version of the newest document, -1 before the first."},
		func(s *command.Session, _ command.Args) resp.Value {
			v, err := s.Host.Node().Documented()
			if err != nil {
				return resp.Errf("ERR %s", err)
			}
			return resp.Bulk(strconv.FormatInt(v, 10))
		})
}

// xMyID is CLUSTERX MYID.
func xMyID() *command.Spec {
	return controlled(command.Spec{Name: "myid", Arity: 2, Summary: "Tell the id that SETNODEID or a document has given to the node."},
		func(s *command.Session, _ command.Args) resp.Value {
			id, err := s.Host.Node().Given()
			switch {
			case err != nil:
				return resp.Errf("ERR %s", err)
			case id == "":
				return resp.Err(errUninitialized)
			}
			return resp.Bulk(id)
		})
}

// xSlow adds what subcommands have in common that wait for the journal.
func xSlow(s command.Spec, run func(*command.Session, command.Args) resp.Value) *command.Spec {
	s.Flags |= command.Slow | command.NoMulti | command.NoAsyncLoading
	return controlled(s, run)
}

// xSetNodeID is CLUSTERX SETNODEID node-id.
func xSetNodeID() *command.Spec {
	return xSlow(command.Spec{Name: "setnodeid", Arity: 3, Syntax: "<node-id>", Summary: "Give the node an id of 40 characters, which it keeps."},
		func(s *command.Session, args command.Args) resp.Value {
			return done(s.Host.Node().SetGiven(s.Context(), args.Str(2)))
		})
}

// xSetNodes is CLUSTERX SETNODES document version [FORCE].
func xSetNodes() *command.Spec {
	return xSlow(command.Spec{Name: "setnodes", Arity: -4, Syntax: "<document> <version> [FORCE]",
		Complexity: "O(N) where N is the number of nodes and slots",
		Summary:    "Say which nodes there are and which slots they serve: a line for each node."},
		func(s *command.Session, args command.Args) resp.Value {
			version, err := strconv.ParseInt(args.Str(3), 10, 64)
			switch {
			case err != nil:
				return resp.Errf("ERR Invalid version")
			case len(args) > 5 || len(args) == 5 && !args.Is(4, "FORCE"):
				return resp.Errf("ERR Invalid setnodes options")
			}
			return done(s.Host.Node().SetDocument(s.Context(), args.Str(2), version, len(args) == 5))
		})
}

// xSetSlot is CLUSTERX SETSLOT slots NODE node-id version.
func xSetSlot() *command.Spec {
	return xSlow(command.Spec{Name: "setslot", Arity: 6, Syntax: "<slots> NODE <node-id> <version>",
		Complexity: "O(N) where N is the number of nodes and slots",
		Summary:    "Give slots to a node, by which the newest document becomes that of the next version."},
		func(s *command.Session, args command.Args) resp.Value {
			if !args.Is(3, "NODE") {
				return resp.Errf("ERR Invalid setslot options")
			}
			version, err := strconv.ParseInt(args.Str(5), 10, 64)
			if err != nil {
				return resp.FromError(command.ErrNotInt)
			}
			return done(s.Host.Node().AssignSlots(s.Context(), args.Str(2), args.Str(4), version))
		})
}

// How long SYNC waits if it says nothing or 0, and at most.
const (
	syncWait = time.Minute
	mostSync = time.Hour
)

// xMigrate is CLUSTERX MIGRATE slots node-id [ASYNC | SYNC [seconds]].
func xMigrate() *command.Spec {
	return xSlow(command.Spec{Name: "migrate", Arity: -4, Syntax: "<slots> <node-id> [ASYNC|SYNC [<seconds>]]",
		Summary: "Begin to move slots of the node's shard to that of another node; SYNC waits for the end."},
		func(s *command.Session, args command.Args) resp.Value {
			wait, problem := migrateWait(args)
			if problem != "" {
				return resp.Err(problem)
			}
			ended, err := s.Host.Node().Migrate(s.Context(), args.Str(2), args.Str(3), wait)
			if err == nil && wait > 0 && !ended {
				return resp.Nil
			}
			return done(err)
		})
}

// migrateWait returns how long MIGRATE is to wait; 0 is not at all.
func migrateWait(args command.Args) (wait time.Duration, problem resp.Error) {
	switch {
	case len(args) == 4:
		return 0, ""
	case args.Is(4, "ASYNC") && len(args) == 5:
		return 0, ""
	case args.Is(4, "ASYNC"):
		return 0, "ERR Async migration does not support timeout"
	case !args.Is(4, "SYNC") || len(args) > 6:
		return 0, "ERR Invalid sync flag"
	case len(args) == 5:
		return syncWait, ""
	}
	n, err := strconv.ParseInt(args.Str(5), 10, 32)
	switch {
	case err != nil:
		return 0, "ERR timeout is not an integer or out of range"
	case n < 0:
		return 0, "ERR timeout is negative"
	case n == 0:
		return syncWait, ""
	}
	return min(time.Duration(n)*time.Second, mostSync), ""
}

// migrationLines are what Kvrocks adds to CLUSTER INFO.
func migrationLines(s *command.Session, m *cluster.Map) string {
	if !m.External {
		return ""
	}
	mv, ok := s.Host.Node().Migration()
	if !ok {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "migrating_slot(s): %s\r\ndestination_node: %s\r\nmigrating_state: %s\r\n", mv.Slots, mv.Node, mv.State)
	return b.String()
}
