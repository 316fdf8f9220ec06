package clusters

import (
	"fmt"
	"strings"
	"time"

	"ledge/journal"
	"ledge/replay/cluster"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// What Valkey 9 has for moves of slots, which the node that gives them is asked for.

// group is slots that go to one node.
type group struct {
	ranges []journal.SlotRange
	node   string
}

// CLUSTER MIGRATESLOTS SLOTSRANGE first last [first last ...] NODE node-id [SLOTSRANGE ...]
func migrateSlots() *command.Spec {
	row := command.Spec{Name: "migrateslots", Arity: -4, Since: "9.0.0",
		Syntax:     "SLOTSRANGE <first> <last> [<first> <last> ...] NODE <node-id> [SLOTSRANGE ...]",
		Complexity: "O(N) where N is the number of slots", Summary: "Move slots of the node to others."}
	return slow(row, func(s *command.Session, m *cluster.Map, args command.Args) resp.Value {
		if !leading(m) {
			return resp.Errf("ERR Slot migration can only be used on primary nodes.")
		}
		groups, err := groupsOf(m, args)
		if err == nil {
			err = startable(s.Host.Node().Moves(), groups)
		}
		if err != nil {
			return resp.FromError(err)
		}
		return beginAll(s, groups)
	})
}

// beginAll begins the moves of some groups, or none of them.
func beginAll(s *command.Session, groups []group) resp.Value {
	n := s.Host.Node()
	var begun []journal.MoveID
	for _, g := range groups {
		id, err := n.BeginMove(s.Context(), g.ranges, g.node)
		if err == nil {
			begun = append(begun, id)
			continue
		}
		stay := 0
		for _, id := range begun {
			if n.CancelMove(s.Context(), id) != nil {
				stay++
			}
		}
		if stay > 0 {
			err = fmt.Errorf("%w; %d of the moves before it go on", err, stay)
		}
		return resp.Errf("ERR %s", err)
	}
	return resp.OK
}

// groupsOf reads groups of slots that the node's shard has, each with the node to which they
// are to go.
func groupsOf(m *cluster.Map, args command.Args) (groups []group, err error) {
	var used [journal.MaxSlot + 1]bool
	for at := 2; at < len(args); {
		if !args.Is(at, "SLOTSRANGE") {
			return nil, command.ErrSyntax
		}
		end := at + 1
		for end < len(args) {
			if _, ok := number.ParseInt(args[end]); !ok {
				break
			}
			end++
		}
		g := group{}
		if g.ranges, err = ownRanges(m, args[at+1:end]); err != nil {
			return nil, err
		}
		for _, r := range g.ranges {
			for slot := int(r.First); slot <= int(r.Last); slot++ {
				if used[slot] {
					return nil, resp.Error("ERR Slot ranges in migrations overlap")
				}
				used[slot] = true
			}
		}
		if end+1 >= len(args) || !args.Is(end, "NODE") {
			return nil, command.ErrSyntax
		}
		if g.node, err = targetOf(m, args.Str(end+1)); err != nil {
			return nil, err
		}
		groups, at = append(groups, g), end+2
	}
	return groups, nil
}

// ownRanges reads ranges of slots, all of which must be of the node's shard.
func ownRanges(m *cluster.Map, args command.Args) (ranges []journal.SlotRange, err error) {
	var owner *cluster.Shard
	for i := 0; i < len(args); i += 2 {
		first, ok := slotAt(args, i)
		switch {
		case !ok:
			return nil, errRange
		case i+1 == len(args):
			return nil, resp.Error("ERR No end slot for final slot range")
		}
		last, ok := slotAt(args, i+1)
		switch {
		case !ok:
			return nil, errRange
		case first > last:
			return nil, resp.Error(fmt.Sprintf("ERR Start slot number %d is greater than end slot number %d.", first, last))
		}
		for slot := int(first); slot <= int(last); slot++ {
			switch o := m.Owner(uint16(slot)); {
			case o == nil:
				return nil, resp.Error(fmt.Sprintf("ERR Slot %d has no node served.", slot))
			case owner != nil && o != owner:
				return nil, resp.Error("ERR Requested slots span multiple shards")
			default:
				owner = o
			}
		}
		for _, r := range ranges {
			if meets([]journal.SlotRange{r}, journal.SlotRange{First: first, Last: last}) {
				return nil, resp.Error(fmt.Sprintf("ERR Slot range %d-%d overlaps with previous range %d-%d.", first, last, r.First, r.Last))
			}
		}
		ranges = append(ranges, journal.SlotRange{First: first, Last: last})
	}
	switch {
	case len(ranges) == 0:
		return nil, resp.Error("ERR No slot ranges specified")
	case owner != &m.Shards[0]:
		return nil, resp.Error("ERR Slots are not served by this node.")
	}
	return ranges, nil
}

// nodeIDLen is how long a node's id is.
const nodeIDLen = 40

// targetOf returns the node to which slots of the node's shard may go.
func targetOf(m *cluster.Map, id string) (string, error) {
	if len(id) != nodeIDLen {
		return "", resp.Error(fmt.Sprintf("ERR Invalid node name: %.64s", id))
	}
	switch shard, n := m.Find(id); {
	case n == nil:
		return "", resp.Error("ERR Unknown node name: " + id)
	case shard == &m.Shards[0]:
		return "", resp.Error("ERR Target node can not be this node.")
	}
	return id, nil
}

// startable refuses slots that are being moved.
func startable(list []command.SlotMove, groups []group) error {
	for _, g := range groups {
		for _, r := range g.ranges {
			for slot := r.First; ; slot++ {
				for i := range list {
					if !list[i].Over() && meets(list[i].Ranges, journal.SlotRange{First: slot, Last: slot}) {
						return resp.Error(fmt.Sprintf("ERR I am already migrating slot %d.", slot))
					}
				}
				if slot == r.Last {
					break
				}
			}
		}
	}
	return nil
}

// CLUSTER CANCELSLOTMIGRATIONS
func cancelSlotMigrations() *command.Spec {
	return slow(command.Spec{Name: "cancelslotmigrations", Arity: 2, Since: "9.0.0", Complexity: "O(N) where N is the number of moves",
		Summary: "Cancel all moves of the node's slots to others."},
		func(s *command.Session, _ *cluster.Map, _ command.Args) resp.Value {
			n := s.Host.Node()
			under := 0
			var failed []string
			for _, mv := range n.Moves() {
				if mv.Into || mv.Over() {
					continue
				}
				under++
				if err := n.CancelMove(s.Context(), mv.ID); err != nil {
					failed = append(failed, err.Error())
				}
			}
			switch {
			case under == 0:
				return resp.Errf("ERR No migrations ongoing")
			case len(failed) > 0:
				return resp.Errf("ERR %d of %d moves are not cancelled: %s", len(failed), under, strings.Join(failed, "; "))
			}
			return resp.OK
		})
}

// CLUSTER GETSLOTMIGRATIONS
func getSlotMigrations() *command.Spec {
	return order(command.Spec{Name: "getslotmigrations", Arity: 2, Since: "9.0.0", Flags: command.NoAsyncLoading, Tips: tipsVaries,
		Complexity: "O(N) where N is the number of moves", Summary: "Tell how moves of slots of the node, and to it, go."},
		func(s *command.Session, m *cluster.Map, _ command.Args) resp.Value {
			list := s.Host.Node().Moves()
			rows := make([]resp.Value, len(list))
			for i := range list { // the newest first
				rows[len(list)-1-i] = job(m, &list[i])
			}
			return resp.Array(rows...)
		})
}

// job is a move as Valkey tells of it. Nothing is forked for a move, and none is queued for
// its target, which fetches it: both sizes are 0.
func job(m *cluster.Map, mv *command.SlotMove) resp.Value {
	operation := "EXPORT"
	if mv.Into {
		operation = "IMPORT"
	}
	return resp.Map(
		resp.Bulk("name"), resp.Bulk(taskID(mv.ID)),
		resp.Bulk("operation"), resp.Bulk(operation),
		resp.Bulk("slot_ranges"), resp.Bulk(rangesText(mv.Ranges)),
		resp.Bulk("target_node"), resp.Bulk(leaderOf(m, mv.Target)),
		resp.Bulk("source_node"), resp.Bulk(leaderOf(m, mv.Source)),
		resp.Bulk("create_time"), resp.Int(seconds(mv.Began)),
		resp.Bulk("last_update_time"), resp.Int(seconds(mv.Turned)),
		resp.Bulk("last_ack_time"), resp.Int(seconds(mv.Heard)),
		resp.Bulk("state"), resp.Bulk(jobState(mv)),
		resp.Bulk("message"), resp.Bulk(mv.Cause),
		resp.Bulk("cow_size"), resp.Int(0),
		resp.Bulk("remaining_repl_size"), resp.Int(0))
}

// jobState is how far a move is, in Valkey's words. Those who wait look for the ones of
// moves that have ended.
func jobState(mv *command.SlotMove) string {
	switch {
	case mv.Over() && mv.Cause == "":
		return "success"
	case mv.Over() && mv.Cancelled:
		return "cancelled"
	case mv.Over():
		return "failed"
	case mv.Heard.IsZero():
		return "connecting"
	case mv.Phase == cluster.Copying && mv.Copied:
		return "replicating"
	}
	return map[cluster.Phase]string{cluster.Copying: "snapshotting", cluster.Ready: "failover-requested",
		cluster.Given: "failover-granted", cluster.Taken: "cleaning-up"}[mv.Phase]
}

// seconds is a time as Valkey tells it, 0 for none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
