package move_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// hostile is a target whose source sends what ops returns in place of its first piece, and why
// it does not go on.
func hostile(t *testing.T, ops func(at *journal.MoveAt) []journal.Op) (b *shard, cause func() string) {
	t.Helper()
	w, a, b := pair(t)
	fill(t, a, 50)
	harm := func(subject string, r *nats.Msg) {
		if subject != move.SubjectFetch {
			return
		}
		batch, err := journal.ReadPiece(r.Data, a.lineage, 1)
		if err != nil {
			return
		}
		all := batch.Entries[0].Ops
		at := all[len(all)-1].(*journal.MoveAt)
		batch.Entries[0].Ops = ops(at)
		r.Data = journal.AppendPiece(nil, a.lineage, 1, batch)
		r.Header.Set("Ledge-Size", fmt.Sprint(len(r.Data)))
	}
	w.harm.Store(&harm)
	begin(t, a, b, someSlots)
	return b, func() string {
		text := ""
		until(t, "refused", func() bool {
			for _, m := range b.mover.Moves() {
				if m.Progress.Cause != "" {
					text = m.Progress.Cause
					return true
				}
			}
			return false
		}, func() any { return standing([]*shard{a, b}) })
		return text
	}
}

// A piece may have nothing but effects on the keys of slots that move. Of one that has
// anything else nothing is taken in.
func TestHostilePieces(t *testing.T) {
	here, away := inSlots("h", 1)[0], outside()
	slots := []journal.SlotRange{{First: 1, Last: 2}}
	for name, op := range map[string]journal.Op{
		"another slot":        &journal.StringSet{Key: away, Value: "v"},
		"another database":    &journal.StringSet{DB: 1, Key: here, Value: "v"},
		"renamed out":         &journal.KeyRename{Key: here, To: away},
		"copied in":           &journal.KeyCopy{Key: away, To: here},
		"all slots":           &journal.RangeClear{First: 0, Last: journal.MaxSlot},
		"a span too far":      &journal.SpanClear{First: 0, Last: journal.MaxPosition},
		"founding":            &journal.SlotsFound{Cluster: aCluster, Ranges: slots},
		"another move":        &journal.MoveBegin{ID: 9, Side: journal.Target, Ranges: slots, Shard: 7},
		"taking":              &journal.SlotsTake{ID: 9, Epoch: 9},
		"leaving":             &journal.ClusterLeave{},
		"wrong type":          &journal.ListPush{Key: here, Items: []string{"x"}},
		"no key to expire":    &journal.KeyExpire{Key: here + "none", At: 5},
		"no key to rename":    &journal.KeyRename{Key: here + "none", To: here},
		"somebody's name":     &journal.Who{User: "u"},
		"nothing, and no end": nil,
	} {
		t.Run(name, func(t *testing.T) {
			b, cause := hostile(t, func(at *journal.MoveAt) []journal.Op {
				if op == nil {
					return []journal.Op{&journal.StringSet{Key: here, Value: "v"}}
				}
				return []journal.Op{&journal.StringSet{Key: here, Value: "v"}, op, at}
			})
			if text := cause(); !strings.Contains(text, "piece 1: ") {
				t.Errorf("the cause is %q; want it to say what is wrong with piece 1", text)
			}
			if n := len(rows(t, b, false)) + len(rows(t, b, true)); n > 0 {
				t.Errorf("%d keys were taken in; want none", n)
			}
			if c := b.n.Custody(); len(c.Owned) > 0 || len(b.n.Moves()) != 1 || b.n.Moves()[0].Phase != cluster.Copying {
				t.Errorf("custody %v, moves %+v; want nothing changed", c.Owned, b.n.Moves())
			}
			if err := b.n.Do(func(*replay.Draft) error { return nil }); err != nil {
				t.Errorf("the node does not go on: %v", err)
			}
		})
	}
}

// outside returns a key of a slot that does not move.
func outside() string {
	of := cluster.Move{Ranges: someSlots}
	for i := 0; ; i++ {
		if key := fmt.Sprint("o", i); !of.Has(value.Slot(key)) {
			return key
		}
	}
}

// Requests that are not as they may be are refused, or told that it is not so, and change
// nothing.
func TestHostileRequests(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 50)
	noOffer := func(string, bool) error { return errAway }
	w.fails.Store(&noOffer)
	id := begin(t, a, b, someSlots).String()
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, "%d-%d,", i%8000*2, i%8000*2)
	}
	before := a.n.Pos()
	for name, q := range map[string]struct {
		subject, body string
	}{
		"offer of owned slots":     {move.SubjectOffer, `{"move":"00000000000000ff","cluster":"` + aCluster + `","shard":"000000000000000b","slots":"5-6"}`},
		"offer in another cluster": {move.SubjectOffer, `{"move":"00000000000000ff","cluster":"` + strings.Repeat("d", 40) + `","shard":"000000000000000b","slots":"5-6"}`},
		"offer of 10,000 ranges":   {move.SubjectOffer, `{"move":"00000000000000ff","cluster":"` + aCluster + `","shard":"000000000000000b","slots":"` + many.String() + `0"}`},
		"offer of slots too high":  {move.SubjectOffer, `{"move":"00000000000000ff","cluster":"` + aCluster + `","shard":"000000000000000b","slots":"5-16384"}`},
		"offer of its own move":    {move.SubjectOffer, `{"move":"` + id + `","cluster":"` + aCluster + `","shard":"000000000000000b","slots":"100-4999"}`},
		"hello, cursor too high":   {move.SubjectHello, `{"move":"` + id + `","cursor":4611686018427387905}`},
		"hello of no move":         {move.SubjectHello, `{}`},
		"fetch without session":    {move.SubjectFetch, `{"move":"` + id + `","session":"0000000000000001","piece":1,"offset":0}`},
		"fetch of piece 0":         {move.SubjectFetch, `{"move":"` + id + `","session":"0000000000000001","piece":0,"offset":0}`},
		"fetch from before":        {move.SubjectFetch, `{"move":"` + id + `","session":"0000000000000001","piece":1,"offset":-1}`},
		"ready without hold":       {move.SubjectReady, `{"move":"` + id + `","number":0,"digest":"0000000000000000"}`},
		"taken without give":       {move.SubjectTaken, `{"move":"` + id + `"}`},
		"end of no move":           {move.SubjectEnd, `{"move":"00000000000000ff"}`},
		"no JSON":                  {move.SubjectReady, `{"move":`},
	} {
		r, err := a.mover.Handlers()[q.subject](&nats.Msg{Data: []byte(q.body)})
		if class := fault.Of(err); err == nil || class == fault.Fatal {
			t.Errorf("%s: %v, %v; want an error with a class that does not end the node", name, r, err)
		}
	}
	hi, err := ask(a, move.SubjectHello, map[string]any{"move": id, "cursor": 77, "number": 99999, "digest": "0000000000000001", "epoch": 3})
	if err != nil || !strings.Contains(string(hi.Data), `"anew":true`) {
		t.Errorf("hello from a number that is not there: %s, %v; want it to begin anew", hi.Data, err)
	}
	if a.n.Pos() != before || len(a.n.Moves()) != 1 {
		t.Errorf("the journal has come to %v, with moves %+v; want nothing changed", a.n.Pos(), a.n.Moves())
	}
	w.fails.Store(nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := a.mover.Begin(ctx, someSlots, b.lineage); err == nil {
		t.Error("the slots move twice at once")
	}
	moved(t, a.n.Moves()[0].ID, a, b)
}

// offer offers slots to a shard, once that has cleared what was left in them.
func (s *shard) offer(t *testing.T, id string) (err error) {
	until(t, "done with clearing", func() bool {
		_, err = s.mover.Handlers()[move.SubjectOffer](&nats.Msg{Data: []byte(`{"move":"` + id + `","cluster":"` + aCluster + `","shard":"000000000000000b","slots":"5-6"}`)})
		return err == nil || !strings.Contains(err.Error(), "is being cleared")
	}, func() any { return err })
	return err
}

// An offer of slots of which another move is not over yet is made again, and not given up.
func TestOfferMeets(t *testing.T) {
	w, _, b := pair(t)
	away := func(string, bool) error { return errAway } // so that no move comes further
	w.fails.Store(&away)
	if err := b.offer(t, "00000000000000f1"); err != nil {
		t.Fatal(err)
	}
	if err := b.offer(t, "00000000000000f2"); fault.Of(err) != fault.Retryable {
		t.Errorf("a second move of the slots: %v; want a Retryable error", err)
	}
}

// A target that takes no writes at present, as one that hands over its lead, has the source
// offer the move again.
func TestOfferWhileHandingOver(t *testing.T) {
	_, _, b := pair(t)
	why := fault.With(fault.Refused, errors.New("TRYAGAIN the node hands over its lead"))
	b.short.Store(&why)
	if err := b.offer(t, "00000000000000f1"); fault.Of(err) != fault.Retryable {
		t.Errorf("an offer to a node that hands over its lead: %v, of class %v; want a Retryable error", err, fault.Of(err))
	}
	b.short.Store(nil)
	for _, why := range []error{why, writer.ErrBusy} {
		b.refuses.Store(&why)
		if err := b.offer(t, "00000000000000f1"); fault.Of(err) != fault.Retryable {
			t.Errorf("an offer to a node whose writer refuses it: %v, of class %v; want a Retryable error", err, fault.Of(err))
		}
	}
}
