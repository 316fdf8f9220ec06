package replay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay/replaytest"
	"ledge/replay/value"
)

// commit returns a batch as if it stood in a journal under number seq.
func commit(t *testing.T, seq journal.Seq, b journal.Batch) journal.Committed {
	t.Helper()
	log := replaytest.NewLog(t, mem.New())
	for range seq - 1 {
		if _, err := log.Append(context.Background(), journal.Batch{}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := log.Append(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func entry(ops ...journal.Op) []journal.Entry {
	return []journal.Entry{{At: time.UnixMilli(1), Ops: ops}}
}

// spanOf returns the effect that clears the position of a key.
func spanOf(key string) *journal.SpanClear {
	pos, _ := value.RowPos(key)
	return &journal.SpanClear{First: journal.Position(pos), Last: journal.Position(pos)}
}

// A batch that does not apply changes nothing, however far it had come, and the
// error says what is wrong with it.
func TestApplyRefuses(t *testing.T) {
	early := &journal.StringSet{Key: "k", Value: "changed", At: 9}
	set := &journal.StringSet{DB: 1, Key: "new", Value: "v", At: 5}
	bad := &journal.KeyDelete{DB: 2, Key: "k"}
	all := &journal.RangeClear{Last: journal.MaxSlot}
	slot := &journal.RangeClear{First: value.Slot("k"), Last: value.Slot("k")}
	key := spanOf("k")
	swap := &journal.SwapDB{A: 0, B: 1}
	del := &journal.KeyDelete{Key: "k"}
	tests := []struct {
		name  string
		seq   journal.Seq
		prev  journal.Digest // added to the right one
		epoch uint64
		ops   []journal.Op
		want  string
	}{
		{"gap", 4, 0, 3, nil, "number 4: cannot follow 2"},
		{"again", 2, 0, 3, nil, "number 2: cannot follow 2"},
		{"other digest", 3, 1, 3, nil, "number 3: written on digest"},
		{"older epoch", 3, 0, 2, nil, "number 3: of epoch 2; the state's is 3"},
		{"database", 3, 0, 3, []journal.Op{early, set, bad}, "number 3: database 2; this node has 2"},
		{"after clear", 3, 0, 3, []journal.Op{all, early, set, bad}, "database 2"},
		{"after two clears", 3, 0, 3, []journal.Op{early, all, set, all, early, bad}, "database 2"},
		{"after slot clear", 3, 0, 3, []journal.Op{slot, early, slot, set, bad}, "database 2"},
		{"after a key's span", 3, 0, 3, []journal.Op{key, early, key, set, bad}, "database 2"},
		{"after swap", 3, 0, 3, []journal.Op{early, swap, early, all, swap, set, bad}, "database 2"},
		{"after delete", 3, 0, 3, []journal.Op{del, early, del, bad}, "database 2"},
		{"no such key", 3, 0, 3, []journal.Op{del, &journal.KeyExpire{Key: "k", At: 1}}, "not there"},
		{"no such source", 3, 0, 3, []journal.Op{&journal.KeyCopy{Key: "x", To: "y"}}, "not there"},
		{"swap", 3, 0, 3, []journal.Op{&journal.SwapDB{A: 0, B: 7}}, "database 7"},
		{"clear", 3, 0, 3, []journal.Op{&journal.RangeClear{DB: 7}}, "database 7"},
		{"span", 3, 0, 3, []journal.Op{&journal.SpanClear{DB: 7}}, "database 7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := replaytest.NewState(t, 2)
			for seq := journal.Seq(1); seq <= 2; seq++ {
				err := s.Apply(commit(t, seq, journal.Batch{Epoch: 3, Prev: s.Pos().Digest, Entries: entry(
					&journal.StringSet{Key: "k", Value: "v", At: 7},
					&journal.StringSet{DB: 1, Key: "other", Value: "w"})}))
				if err != nil {
					t.Fatal(err)
				}
			}
			pos, rows := s.Pos(), replaytest.Dump(t, s)
			err := s.Apply(commit(t, tt.seq, journal.Batch{
				Epoch: tt.epoch, Prev: pos.Digest + tt.prev, Entries: entry(tt.ops...)}))
			if fault.Of(err) != fault.Fatal || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Apply = %v; want a Fatal error with %q", err, tt.want)
			}
			if s.Pos() != pos || s.Epoch() != 3 {
				t.Errorf("position %v of epoch %d; want %v of 3", s.Pos(), s.Epoch(), pos)
			}
			if d := replaytest.Dump(t, s).Diff(rows); d != "" {
				t.Error(d)
			}
		})
	}
}
