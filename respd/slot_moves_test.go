package respd_test

// What Redis 8.4 and Valkey 9 have for moves of slots, as a node answers that has three moves:
// one to it, one from it, and one that an operator has ended.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
	"ledge/respd"
	"ledge/respd/command"
)

// Nodes of three shards, and of the first a replica.
var (
	idHere  = strings.Repeat("a", 40)
	idThere = strings.Repeat("b", 40)
	idThird = strings.Repeat("c", 40)
	idCopy  = strings.Repeat("d", 40)
)

// mover is a node around a server that notes which moves are begun and cancelled.
type mover struct {
	command.Node
	mu        sync.Mutex
	list      []command.SlotMove // mu
	begun     []string           // mu
	cancelled []journal.MoveID   // mu
	fails     error              // mu; with which moves begin, but for the first
}

// with calls fn while nobody else has what m notes.
func (m *mover) with(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fn()
}

func (m *mover) Moves() []command.SlotMove {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// has compares what was begun and cancelled.
func (m *mover) has(t *testing.T, begun []string, cancelled ...journal.MoveID) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.begun, begun) || !slices.Equal(m.cancelled, cancelled) {
		t.Errorf("begun are %v and cancelled %v; want %v and %v", m.begun, m.cancelled, begun, cancelled)
	}
}

func (m *mover) BeginMove(_ context.Context, ranges []journal.SlotRange, node string) (journal.MoveID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil && len(m.begun) > 0 {
		return 0, m.fails
	}
	m.begun = append(m.begun, journal.SlotsText(ranges)+" to "+node)
	return journal.MoveID(0x100 + len(m.begun)), nil
}

func (m *mover) FindMove(_ context.Context, id journal.MoveID) (mv command.SlotMove, ok bool, err error) {
	if id == 0xfa {
		return mv, false, errors.New("nobody is there")
	}
	list := m.Moves()
	i := slices.IndexFunc(list, func(mv command.SlotMove) bool { return mv.ID == id })
	if i < 0 {
		return mv, false, nil
	}
	return list[i], true, nil
}

func (m *mover) CancelMove(_ context.Context, id journal.MoveID) error {
	switch id {
	case 0xfa:
		return fault.With(fault.Retryable, errors.New("nobody is there"))
	case 1, 2, 0x101:
		m.with(func() { m.cancelled = append(m.cancelled, id) })
		return nil
	}
	return fault.With(fault.Refused, errors.New("it is past that"))
}

// startMover starts a node that has the slots 0 to 99 and takes 200; it leads, or does not.
func startMover(t *testing.T, leads bool) (*client, *mover) {
	t.Helper()
	self := idHere
	if !leads {
		self = idCopy
	}
	m, err := cluster.New("c1", self,
		cluster.Shard{ID: "s1", Slots: slotsOf(0, 99), Nodes: []cluster.Node{{ID: idHere, Host: "h", Port: 1, Leads: true}, {ID: idCopy, Host: "h", Port: 2}}},
		cluster.Shard{ID: "s2", Slots: slotsOf(100, 299), Nodes: []cluster.Node{{ID: idThere, Host: "h", Port: 3, Leads: true}}},
		cluster.Shard{ID: "s3", Slots: slotsOf(300, 399), Nodes: []cluster.Node{{ID: idThird, Host: "h", Port: 4, Leads: true}}})
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_700_000_000_123)
	later := at.Add(2 * time.Second)
	n := &mover{list: []command.SlotMove{
		{ID: 3, Source: "s1", Target: "gone", Ranges: []journal.SlotRange{{First: 7, Last: 7}}, Phase: cluster.Ended, Cause: "cancelled", Cancelled: true},
		{ID: 1, Source: "s2", Target: "s1", Into: true, Ranges: []journal.SlotRange{{First: 200, Last: 209}, {First: 220, Last: 220}},
			Phase: cluster.Copying, Cause: "memory is short here", Retries: 2, Began: at, Turned: at, Heard: later},
		{ID: 2, Source: "s1", Target: "s2", Ranges: []journal.SlotRange{{First: 50, Last: 59}}, Phase: cluster.Given, Began: at, Turned: later, Heard: later},
		{ID: 4, Source: "s1", Target: "s2", Ranges: []journal.SlotRange{{First: 100, Last: 100}}, Phase: cluster.Ended, Began: at, Turned: later, Heard: later,
			Hold: 12 * time.Millisecond},
	}}
	srv := start(t, func(cfg *respd.Config) { cfg.Cluster, cfg.Node = func() *cluster.Map { return m }, n })
	return srv.dial(), n
}

// task is a move as Redis 8.4 tells of it, id being the last digit.
func task(open, shut, id, slots, source, dest, operation, state, cause string, numbers ...int64) string {
	if open == "{" {
		return fmt.Sprintf(`{"id" "%040s" "slots" "%s" "source" "%s" "dest" "%s" "operation" "%s" "state" "%s" "last_error" "%s" `+
			`"retries" (integer) %d "create_time" (integer) %d "start_time" (integer) %d "end_time" (integer) %d "write_pause_ms" (integer) %d}`,
			id, slots, source, dest, operation, state, cause, numbers[0], numbers[1], numbers[1], numbers[2], numbers[3])
	}
	return open + strings.Trim(task("{", "}", id, slots, source, dest, operation, state, cause, numbers...), "{}") + shut
}

func TestMigrationStatus(t *testing.T) {
	c, _ := startMover(t, true)
	for _, proto := range []struct{ hello, open, shut string }{{"HELLO 2", "[", "]"}, {"HELLO 3", "{", "}"}} {
		c.want(proto.hello, "…")
		tell := func(id, slots, source, dest, operation, state, cause string, numbers ...int64) string {
			return task(proto.open, proto.shut, id, slots, source, dest, operation, state, cause, numbers...)
		}
		in := tell("1", "200-209 220-220", idThere, idHere, "import", "accumulate-buffer", "memory is short here", 2, 1700000000123, -1, 0)
		c.want("CLUSTER MIGRATION STATUS ALL", "["+strings.Join([]string{
			tell("2", "50-59", idHere, idThere, "migrate", "handoff", "", 0, 1700000000123, -1, 0), in,
			tell("4", "100-100", idHere, idThere, "migrate", "completed", "", 0, 1700000000123, 1700000002123, 12),
			tell("3", "7-7", idHere, "", "migrate", "canceled", "cancelled", 0, -1, -1, 0)}, " ")+"]")
		c.want("CLUSTER MIGRATION STATUS ID 0000000000000001", "["+in+"]")
		c.want("cluster migration status id "+fmt.Sprintf("%040d", 1), "["+in+"]")
	}
	for _, id := range []string{"1", "0000000000000009", strings.Repeat("f", 40), fmt.Sprintf("%040d", 9)} {
		c.want("CLUSTER MIGRATION STATUS ID "+id, "[]")
	}
	c.want("CLUSTER MIGRATION STATUS ID 00000000000000fa", "(error) ERR nobody is there")
}

func TestMigrationErrors(t *testing.T) {
	c, n := startMover(t, true)
	const arity, unknown = "(error) ERR wrong number of arguments for 'cluster|migration' command", "(error) ERR unknown argument"
	for line, want := range map[string]string{
		"IMPORT 1": arity, "IMPORT 1 2 3": arity, "STATUS ID": arity, "STATUS ALL x": arity, "CANCEL ALL x": arity, "CANCEL ID a b": arity,
		"STATUS": arity, "FOO x": unknown, "STATUS x": unknown, "CANCEL x": unknown,
		"IMPORT a 1": "(error) ERR Invalid or out of range slot", "IMPORT 1 16384": "(error) ERR Invalid or out of range slot",
		"IMPORT 9 8":             "(error) ERR start slot number 9 is greater than end slot number 8",
		"IMPORT 100 110 105 120": "(error) ERR Slot 105 specified multiple times",
		"IMPORT 205 240":         "(error) ERR overlapping import exists for slot range: 205-240",
		"IMPORT 0 9":             "(error) ERR this node is already the owner of the slot range",
		"IMPORT 290 300":         "(error) ERR slots belong to different source nodes",
		"IMPORT 90 110":          "(error) ERR slots belong to different source nodes",
		"IMPORT 500 500":         "(error) ERR slot has no owner: 500",
		"CANCEL ID x":            "(integer) 0", "CANCEL ID 0000000000000004": "(integer) 0", "CANCEL ID 00000000000000fa": "(error) ERR nobody is there",
	} {
		c.want("CLUSTER MIGRATION "+line, want)
	}
	n.has(t, nil)
	r, _ := startMover(t, false)
	r.want("CLUSTER MIGRATION IMPORT 100 100", "(error) ERR slot migration not allowed on replica.")
	r.want("CLUSTER MIGRATESLOTS SLOTSRANGE 0 0 NODE "+idThere, "(error) ERR Slot migration can only be used on primary nodes.")
}

func TestMigrationOrders(t *testing.T) {
	c, n := startMover(t, true)
	c.want("CLUSTER MIGRATION IMPORT 110 119 100 105", fmt.Sprintf(`"%037d101"`, 0))
	n.has(t, []string{"110-119,100-105 to " + idHere})
	c.want("CLUSTER MIGRATION CANCEL ID 0000000000000001", "(integer) 1")
	c.want("CLUSTER MIGRATION CANCEL ALL", "(integer) 2")
	n.with(func() {
		n.list = append(n.list, command.SlotMove{ID: 0xfa, Phase: cluster.Copying}, command.SlotMove{ID: 5, Phase: cluster.Taken})
	})
	c.want("CLUSTER MIGRATION CANCEL ALL", "(error) ERR 2 moves are cancelled, but not all: move 00000000000000fa: nobody is there")
}

func TestMigrateSlots(t *testing.T) {
	c, n := startMover(t, true)
	to := func(id string) string { return " NODE " + id }
	const syntax, slot = "(error) ERR syntax error", "(error) ERR Invalid or out of range slot"
	for line, want := range map[string]string{
		"SLOTSRANGE 0 9": syntax, "SLOTSRANGE 0 9 NODE": syntax, "SLOT 0 9": syntax, "SLOTSRANGE 0 9" + to(idThere) + " 1": syntax,
		"SLOTSRANGE 0 9 FOO " + idThere: syntax, "SLOTSRANGE 0 x" + to(idThere): "(error) ERR No end slot for final slot range",
		"SLOTSRANGE" + to(idThere):                                        "(error) ERR No slot ranges specified",
		"SLOTSRANGE 1 16384" + to(idThere):                                slot,
		"SLOTSRANGE -1 4" + to(idThere):                                   slot,
		"SLOTSRANGE 9 8" + to(idThere):                                    "(error) ERR Start slot number 9 is greater than end slot number 8.",
		"SLOTSRANGE 0 5 5 9" + to(idThere):                                "(error) ERR Slot range 5-9 overlaps with previous range 0-5.",
		"SLOTSRANGE 500 500" + to(idThere):                                "(error) ERR Slot 500 has no node served.",
		"SLOTSRANGE 90 100" + to(idThere):                                 "(error) ERR Requested slots span multiple shards",
		"SLOTSRANGE 100 100" + to(idThere):                                "(error) ERR Slots are not served by this node.",
		"SLOTSRANGE 45 50" + to(idThere):                                  "(error) ERR I am already migrating slot 50.",
		"SLOTSRANGE 0 9" + to("b"):                                        "(error) ERR Invalid node name: b",
		"SLOTSRANGE 0 9" + to(flip(idThere)):                              "(error) ERR Unknown node name: " + flip(idThere),
		"SLOTSRANGE 0 9" + to(idHere):                                     "(error) ERR Target node can not be this node.",
		"SLOTSRANGE 0 9" + to(idCopy):                                     "(error) ERR Target node can not be this node.",
		"SLOTSRANGE 0 9" + to(idThere) + " SLOTSRANGE 9 10" + to(idThird): "(error) ERR Slot ranges in migrations overlap",
	} {
		c.want("CLUSTER MIGRATESLOTS "+line, want)
	}
	c.want("CLUSTER MIGRATESLOTS SLOTSRANGE", "(error) ERR wrong number of arguments for 'cluster|migrateslots' command")
	n.has(t, nil)
	c.want("cluster migrateslots slotsrange 20 29 0 9 node "+idThere+" slotsrange 10 19 node "+idThird, "OK")
	n.has(t, []string{"20-29,0-9 to " + idThere, "10-19 to " + idThird})
	n.with(func() { n.begun, n.fails = nil, errors.New("no more at a time") })
	c.want("CLUSTER MIGRATESLOTS SLOTSRANGE 0 9 NODE "+idThere+" SLOTSRANGE 10 19 NODE "+idThird, "(error) ERR no more at a time")
	n.has(t, []string{"0-9 to " + idThere}, 0x101)
}

func flip(id string) string { return id[1:] + "e" }

func TestGetSlotMigrations(t *testing.T) {
	c, n := startMover(t, true)
	for _, proto := range []struct{ hello, open, shut string }{{"HELLO 2", "[", "]"}, {"HELLO 3", "{", "}"}} {
		c.want(proto.hello, "…")
		job := func(id, operation, slots, target, source, state, message string, times ...int) string {
			return proto.open + fmt.Sprintf(`"name" "%040s" "operation" "%s" "slot_ranges" "%s" "target_node" "%s" "source_node" "%s" "create_time" (integer) %d `+
				`"last_update_time" (integer) %d "last_ack_time" (integer) %d "state" "%s" "message" "%s" "cow_size" (integer) 0 "remaining_repl_size" (integer) 0`,
				id, operation, slots, target, source, times[0], times[1], times[2], state, message) + proto.shut
		}
		c.want("CLUSTER GETSLOTMIGRATIONS", "["+strings.Join([]string{
			job("4", "EXPORT", "100-100", idThere, idHere, "success", "", 1700000000, 1700000002, 1700000002),
			job("2", "EXPORT", "50-59", idThere, idHere, "failover-granted", "", 1700000000, 1700000002, 1700000002),
			job("1", "IMPORT", "200-209 220-220", idHere, idThere, "snapshotting", "memory is short here", 1700000000, 1700000000, 1700000002),
			job("3", "EXPORT", "7-7", "", idHere, "cancelled", "cancelled", 0, 0, 0)}, " ")+"]")
	}
	c.want("CLUSTER CANCELSLOTMIGRATIONS", "OK")
	n.has(t, nil, 2) // the one from here
	n.with(func() { n.list[2].ID = 6 })
	c.want("CLUSTER CANCELSLOTMIGRATIONS", "(error) ERR 1 of 1 moves are not cancelled: it is past that")
	n.with(func() { n.list = n.list[:2] })
	c.want("CLUSTER CANCELSLOTMIGRATIONS", "(error) ERR No migrations ongoing")
}
