package respd_test

import (
	"sync/atomic"
	"testing"
	"time"

	"ledge/replay"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// A read beside the loop that takes long has all processors until it has ended; a short
// one asks for nothing.
func TestSpread(t *testing.T) {
	needsLoop(t)
	var given, back atomic.Int32
	spread := make(chan struct{}, 9)
	n := start(t, func(cfg *respd.Config) {
		cfg.Beside = func() func() {
			given.Add(1)
			spread <- struct{}{}
			return func() { back.Add(1) }
		}
		row := func(name string, run func()) *command.Spec {
			return &command.Spec{Name: name, Arity: 2, Flags: command.Slow | command.ReadOnly, Keys: command.OneKey,
				Read: func(*replay.View, command.Args) resp.Value {
					run()
					return resp.OK
				}}
		}
		cfg.Table = command.NewTable(respd.Commands().All(), []*command.Spec{
			row("brief", func() {}),
			row("linger", func() {
				select {
				case <-spread:
				case <-time.After(patience):
				}
			})})
	})
	c := n.dial()
	c.want("LINGER k", "OK")
	if given.Load() < 1 || back.Load() != given.Load() {
		t.Errorf("all processors were given %d times and given back %d times; want it once at least, and all given back", given.Load(), back.Load())
	}
	before := given.Load()
	for range 20 {
		c.want("BRIEF k", "OK")
	}
	if got := given.Load() - before; got > 10 { // on a busy machine a brief one may take long, too
		t.Errorf("%d of 20 brief reads were given all processors; want none", got)
	}
	if back.Load() != given.Load() {
		t.Errorf("all processors were given %d times and given back %d times", given.Load(), back.Load())
	}
}
