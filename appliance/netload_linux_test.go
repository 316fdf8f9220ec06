package appliance_test

import (
	"context"
	"strings"
	"testing"
	"time"
)

// load is what is written on the leader while a cell runs.
type load struct {
	key   string
	acked int // belongs to the writer until end has returned
	stop  context.CancelFunc
	over  chan struct{}
}

// write begins to write, more than a slow reader can take.
func (f *faults) write(t *testing.T) *load {
	ctx, stop := context.WithCancel(t.Context())
	l := &load{key: "load:" + t.Name(), stop: stop, over: make(chan struct{})}
	filler := strings.Repeat("x", 8<<10)
	tick := time.NewTicker(50 * time.Millisecond)
	go func() {
		defer close(l.over)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			within, cancel := context.WithTimeout(ctx, time.Second)
			p := f.writer.Pipeline()
			n := p.Incr(within, l.key)
			p.Set(within, "filler", filler, 0)
			if _, err := p.Exec(within); err == nil {
				l.acked = int(n.Val())
			}
			cancel()
		}
	}()
	return l
}

func (l *load) end() {
	l.stop()
	<-l.over
}
