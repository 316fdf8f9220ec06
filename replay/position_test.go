package replay

import (
	"runtime"
	"testing"
	"time"
)

// Whoever has a view may ask how far the state has come, also while a batch waits for the
// view to be closed: the loop draws a cluster's map in the middle of its reads.
func TestPositionWithView(t *testing.T) {
	const patience = 20 * time.Second
	s, err := New(1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v := s.OpenView(time.Now())
	applied := make(chan error, 1)
	go func() { applied <- s.Apply() }()
	for began := time.Now(); s.mu.TryRLock(); runtime.Gosched() { // until it waits
		if s.mu.RUnlock(); time.Since(began) > patience {
			t.Fatal("Apply does not wait for the view")
		}
	}
	asked := make(chan struct{})
	go func() {
		s.Pos()
		s.Epoch()
		s.Position()
		close(asked)
	}()
	select {
	case <-asked:
	case <-time.After(patience):
		t.Error("the position waits for a view")
	}
	v.Close()
	if err := <-applied; err != nil {
		t.Error(err)
	}
	<-asked
}
