package clusters

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// What Redis 8.4 has for moves of slots, which the node that takes them is asked for.

const (
	errArgument resp.Error = "ERR unknown argument"
	errRange    resp.Error = "ERR Invalid or out of range slot"
)

// CLUSTER MIGRATION IMPORT first last [first last ...] | STATUS ID id | STATUS ALL | CANCEL ID id | CANCEL ALL
func migration() *command.Spec {
	row := command.Spec{Name: "migration", Arity: -4, Since: "8.4.0", Tips: tipsVaries,
		Syntax:     "<IMPORT first last [first last ...]|STATUS ID id|STATUS ALL|CANCEL ID id|CANCEL ALL>",
		Complexity: "O(N) where N is the number of slots", Summary: "Move slots here, tell how moves go, and cancel them."}
	return slow(row, func(s *command.Session, m *cluster.Map, args command.Args) resp.Value {
		switch {
		case args.Is(2, "IMPORT") && len(args)%2 == 1:
			return importSlots(s, m, args)
		case args.Is(2, "IMPORT"):
			return wrongArity("cluster|migration")
		case !args.Is(2, "STATUS") && !args.Is(2, "CANCEL"):
			return resp.Err(errArgument)
		case len(args) > 5:
			return wrongArity("cluster|migration")
		}
		one := args.Is(3, "ID")
		switch {
		case !one && !args.Is(3, "ALL"):
			return resp.Err(errArgument)
		case one != (len(args) == 5):
			return wrongArity("cluster|migration")
		case args.Is(2, "STATUS") && one:
			return statusOfOne(s, m, args.Str(4))
		case args.Is(2, "STATUS"):
			return statusOfAll(s, m)
		case one:
			return cancelOne(s, args.Str(4))
		}
		return cancelAll(s)
	})
}

func wrongArity(name string) resp.Value {
	return resp.Errf("ERR wrong number of arguments for '%s' command", name)
}

// slotAt returns the slot that an argument is.
func slotAt(args command.Args, i int) (uint16, bool) {
	n, ok := number.ParseInt(args[i])
	return uint16(n), ok && isSlot(n)
}

// rangesFrom reads pairs of slots from an argument on.
func rangesFrom(args command.Args, at int) (ranges []journal.SlotRange, err error) {
	for ; at+1 < len(args); at += 2 {
		first, ok1 := slotAt(args, at)
		last, ok2 := slotAt(args, at+1)
		if !ok1 || !ok2 {
			return nil, errRange
		}
		ranges = append(ranges, journal.SlotRange{First: first, Last: last})
	}
	var used [journal.MaxSlot + 1]bool
	for _, r := range ranges {
		if r.First > r.Last {
			return nil, resp.Error(fmt.Sprintf("ERR start slot number %d is greater than end slot number %d", r.First, r.Last))
		}
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if used[slot] {
				return nil, resp.Error(fmt.Sprintf("ERR Slot %d specified multiple times", slot))
			}
			used[slot] = true
		}
	}
	return ranges, nil
}

// leading reports whether the node leads its shard, or should by a controller's document.
func leading(m *cluster.Map) bool {
	me := m.Me()
	return me != nil && (me.Leads || me.Outdone)
}

// importSlots begins a move of slots to the node's shard.
func importSlots(s *command.Session, m *cluster.Map, args command.Args) resp.Value {
	ranges, err := rangesFrom(args, 3)
	if err != nil {
		return resp.FromError(err)
	}
	if !leading(m) {
		return resp.Errf("ERR slot migration not allowed on replica.")
	}
	for _, mv := range s.Host.Node().Moves() {
		for _, r := range ranges {
			if mv.Into && !mv.Over() && meets(mv.Ranges, r) {
				return resp.Errf("ERR overlapping import exists for slot range: %d-%d", r.First, r.Last)
			}
		}
	}
	var owner *cluster.Shard
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			switch o := m.Owner(uint16(slot)); {
			case o == nil:
				return resp.Errf("ERR slot has no owner: %d", slot)
			case owner != nil && o != owner:
				return resp.Errf("ERR slots belong to different source nodes")
			default:
				owner = o
			}
		}
	}
	if owner == &m.Shards[0] {
		return resp.Errf("ERR this node is already the owner of the slot range")
	}
	id, err := s.Host.Node().BeginMove(s.Context(), ranges, m.Self)
	if err != nil {
		return resp.Errf("ERR %s", err)
	}
	return resp.Bulk(taskID(id))
}

// meets reports whether a range has slots of others.
func meets(ranges []journal.SlotRange, with journal.SlotRange) bool {
	for _, r := range ranges {
		if r.First <= with.Last && with.First <= r.Last {
			return true
		}
	}
	return false
}

// taskID is a move's id as long as Redis's are.
func taskID(id journal.MoveID) string { return strings.Repeat("0", 24) + id.String() }

// moveID is the opposite of taskID. The zeros may be missing, as in what ledge shows.
func moveID(text string) (id journal.MoveID, ok bool) {
	if len(text) == 40 {
		var zeros bool
		if text, zeros = strings.CutPrefix(text, strings.Repeat("0", 24)); !zeros {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(text, 16, 64)
	return journal.MoveID(n), err == nil && len(text) == 16
}

// statusOfOne tells how a move goes, which may be another shard's alone.
func statusOfOne(s *command.Session, m *cluster.Map, text string) resp.Value {
	id, ok := moveID(text)
	if !ok {
		return resp.Array()
	}
	mv, ok, err := s.Host.Node().FindMove(s.Context(), id)
	switch {
	case err != nil:
		return resp.Errf("ERR %s", err)
	case !ok:
		return resp.Array()
	}
	return resp.Array(task(m, &mv))
}

// statusOfAll tells how all moves go that the shard has a part in: those under way first, and
// of those that have ended the last one first.
func statusOfAll(s *command.Session, m *cluster.Map) resp.Value {
	list := s.Host.Node().Moves()
	var under, ended []resp.Value
	for i := len(list) - 1; i >= 0; i-- {
		if t := task(m, &list[i]); list[i].Over() {
			ended = append(ended, t)
		} else {
			under = append(under, t)
		}
	}
	return resp.Array(append(under, ended...)...)
}

// cancelOne cancels a move, and tells how many those are.
func cancelOne(s *command.Session, text string) resp.Value {
	id, ok := moveID(text)
	if !ok {
		return resp.Int(0)
	}
	switch err := s.Host.Node().CancelMove(s.Context(), id); {
	case err == nil:
		return resp.Int(1)
	case fault.Of(err) == fault.Refused: // there is none, or it is past that
		return resp.Int(0)
	default:
		return resp.Errf("ERR %s", err)
	}
}

// cancelAll cancels all moves under way that the shard has a part in and whose slots are not
// given yet.
func cancelAll(s *command.Session) resp.Value {
	var failed error
	n := s.Host.Node()
	count := 0
	for _, mv := range n.Moves() {
		if mv.Over() {
			continue
		}
		switch err := n.CancelMove(s.Context(), mv.ID); {
		case err == nil:
			count++
		case fault.Of(err) != fault.Refused:
			failed = errors.Join(failed, fmt.Errorf("move %s: %w", mv.ID, err))
		}
	}
	if failed != nil {
		return resp.Errf("ERR %d moves are cancelled, but not all: %s", count, strings.ReplaceAll(failed.Error(), "\n", "; "))
	}
	return resp.Int(int64(count))
}

// task is a move as Redis tells of it.
func task(m *cluster.Map, mv *command.SlotMove) resp.Value {
	operation := "migrate"
	if mv.Into {
		operation = "import"
	}
	ended, pause := int64(-1), int64(0)
	if mv.Over() {
		ended = milliseconds(mv.Turned)
		if !mv.Into && mv.Cause == "" {
			pause = mv.Hold.Milliseconds()
		}
	}
	return resp.Map(
		resp.Bulk("id"), resp.Bulk(taskID(mv.ID)),
		resp.Bulk("slots"), resp.Bulk(rangesText(mv.Ranges)),
		resp.Bulk("source"), resp.Bulk(leaderOf(m, mv.Source)),
		resp.Bulk("dest"), resp.Bulk(leaderOf(m, mv.Target)),
		resp.Bulk("operation"), resp.Bulk(operation),
		resp.Bulk("state"), resp.Bulk(taskState(mv)),
		resp.Bulk("last_error"), resp.Bulk(mv.Cause),
		resp.Bulk("retries"), resp.Int(int64(mv.Retries)),
		resp.Bulk("create_time"), resp.Int(milliseconds(mv.Began)),
		resp.Bulk("start_time"), resp.Int(milliseconds(mv.Began)),
		resp.Bulk("end_time"), resp.Int(ended),
		resp.Bulk("write_pause_ms"), resp.Int(pause))
}

// taskState is how far a move is, in Redis's words. Those who wait look for the ones of
// moves that have ended.
func taskState(mv *command.SlotMove) string {
	switch {
	case mv.Over() && mv.Cause == "":
		return "completed"
	case mv.Over() && mv.Cancelled:
		return "canceled"
	case mv.Over():
		return "failed"
	case mv.Heard.IsZero():
		return "none"
	}
	side := map[cluster.Phase]string{cluster.Copying: "send-bulk-and-stream", cluster.Given: "handoff", cluster.Taken: "handoff"}
	if mv.Into {
		side = map[cluster.Phase]string{cluster.Copying: "accumulate-buffer", cluster.Ready: "wait-stream-eof", cluster.Taken: "takeover"}
	}
	return side[mv.Phase]
}

// milliseconds is a time as Redis tells it, -1 for none.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}

// rangesText is slots as Redis and Valkey show them: 0-99 120-120.
func rangesText(ranges []journal.SlotRange) string {
	words := make([]string, len(ranges))
	for i, r := range ranges {
		words[i] = fmt.Sprintf("%d-%d", r.First, r.Last)
	}
	return strings.Join(words, " ")
}

// leaderOf returns the id of the node that leads a shard, or of one of its nodes if none is
// known to, or nothing if the cluster has no such shard any more.
func leaderOf(m *cluster.Map, shard string) string {
	for i := range m.Shards {
		if s := &m.Shards[i]; s.ID == shard && len(s.Nodes) > 0 {
			return s.Nodes[0].ID
		}
	}
	return ""
}
