package replay

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/progress"
	"ledge/replay/value"
)

// Many keys that a recovery has left are put in order in steps, so that nobody who
// reads the order waits for them, and that ends with its context.
func TestPutInOrder(t *testing.T) {
	const keys = 10 * placeSlice
	s, err := New(1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.loosen()
	s.mu.Lock()
	tab := tables{s: s, ink: value.NewPen(&s.gen)}
	for i := range keys {
		if err := apply(&tab, &journal.StringSet{Key: fmt.Sprint("key:", i), Value: "v"}, made{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tab.commit(); err != nil {
		t.Fatal(err)
	}
	s.mu.Unlock()
	s.tighten()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.PutInOrder(ctx, keys); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v; want its error", err)
	}
	o := &s.dbs[0].order
	if left := len(o.noted) + len(o.sorting) + len(o.run); left == 0 {
		t.Error("with a context that has ended nothing is left to do; want most of it")
	}
	shown := progress.New()
	shown.Plan(progress.Part{Name: progress.StepSort, Unit: progress.Keys, Cost: time.Second},
		progress.Part{Name: progress.StepOrder, Unit: progress.Keys, Cost: time.Second})
	if err := s.PutInOrder(progress.With(t.Context(), shown), 0); err != nil {
		t.Fatal(err)
	}
	if seen := shown.Look(); seen.Step != progress.StepOrder || seen.Done < keys-placeSlice || seen.Total != keys || seen.Share < 0.9 {
		t.Errorf("at the end %+v is shown; want all of %d keys in order", seen, keys)
	}
	if left := len(o.noted) + len(o.sorting) + len(o.run); left > 0 || o.tree.Len() != keys {
		t.Errorf("%d keys are left and %d are in order; want 0 and %d", left, o.tree.Len(), keys)
	}
}
