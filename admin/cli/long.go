package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/journal/progress"
)

// What is so after an interrupt: of work that only looks, and of what a running node
// does, which does not hear of the interrupt.
const (
	nothingChanged = "nothing is changed"
	nodeGoesOn     = "the node goes on with it; ledge status says how far it is"
)

// barOf returns the bar of a command, nil for none: what prints for programs says
// nothing beside that, unless a person sits at a terminal.
func barOf(c *cli.Context) *Bar {
	b := NewBar(c.App.ErrWriter)
	if c.Bool("json") && !b.Terminal() {
		return nil
	}
	return b
}

// show shows how far work has come, until what it returns is called.
func (b *Bar) show(title string, look func() progress.Seen) (done func()) {
	if b == nil {
		return func() {}
	}
	return b.Show(title, look)
}

// lengthy is work of a command that may take long.
type lengthy struct {
	title string
	after string // what is so after an interrupt
	// remote asks how far it is at a node, while the work itself has not said; nil is
	// that no node does it.
	remote func(context.Context) (progress.Seen, error)
	bar    *Bar // nil is the command's own
	// look says how far it is, if the work doesn't say so on the Meter of its context.
	look func() progress.Seen
	// shown is given what takes the bar away, for work that prints its answer itself; nil
	// is that it prints none.
	shown func(done func())
}

// long is run for work that the command does itself.
func long(c *cli.Context, title, after string, work func(context.Context) error) error {
	return lengthy{title: title, after: after}.run(c.Context, c, work)
}

// endGrace is how long work that was interrupted may take to end before it is said that
// it is waited for.
const endGrace = 300 * time.Millisecond

// run does the work: it is shown how far it has come, and an interrupt ends it. A second
// one ends the program at once.
func (l lengthy) run(ctx context.Context, c *cli.Context, work func(context.Context) error) error {
	outer := ctx
	ctx, stop := Interrupts(ctx)
	defer stop()
	m := progress.New()
	bar := l.bar
	if bar == nil {
		bar = barOf(c)
	}
	look := m.Look
	if l.look != nil {
		look = l.look
	}
	if l.remote != nil && bar != nil {
		asked, ended := l.ask(ctx, m)
		defer ended()
		look = asked
	}
	done := bar.show(l.title, look)
	defer done()
	if l.shown != nil {
		l.shown(done)
	}
	ended := make(chan struct{})
	defer close(ended)
	defer context.AfterFunc(ctx, func() {
		stop()
		done()
		select {
		case <-ended:
		case <-time.After(endGrace):
			if outer.Err() == nil {
				fmt.Fprintf(errWriter(c), "ledge: %s is being ended; once more ends it at once\n", l.title)
			}
		}
	})()
	err := work(progress.With(ctx, m))
	if ctx.Err() != nil && outer.Err() == nil && err != nil {
		return &ExitError{ExitInterrupted, fmt.Errorf("%s was interrupted: %s", l.title, l.after)}
	}
	return err
}

// A node is asked how far it is once its work has taken remoteFirst, and then each
// remoteEvery. An answer that takes longer than remoteWait is not waited for.
const (
	remoteFirst = 500 * time.Millisecond
	remoteEvery = 500 * time.Millisecond
	remoteWait  = 2 * time.Second
)

// ask asks the node again and again, until ended is called, and returns how to look at
// what it has said last. Once the work speaks for itself on m, that is what counts.
func (l lengthy) ask(ctx context.Context, m *progress.Meter) (look func() progress.Seen, ended func()) {
	var last atomic.Pointer[progress.Seen]
	ctx, cancel := context.WithCancel(ctx)
	asking := make(chan struct{})
	go func() {
		defer close(asking)
		t := time.NewTimer(remoteFirst)
		defer t.Stop()
		for {
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			}
			if m.Look().Step != "" {
				return
			}
			soon, cancel := context.WithTimeout(ctx, remoteWait)
			if s, err := l.remote(soon); err == nil { // an error is for the work itself to say
				last.Store(&s)
			}
			cancel()
			t.Reset(remoteEvery)
		}
	}()
	look = func() progress.Seen {
		s := m.Look()
		if r := last.Load(); r != nil && s.Step == "" {
			took := s.Took
			s = *r
			s.Took = took
		}
		return s
	}
	return look, func() {
		cancel()
		<-asking
	}
}

// errWriter is where a command says what is neither its answer nor an error.
func errWriter(c *cli.Context) io.Writer {
	if c.Bool("json") && !NewBar(c.App.ErrWriter).Terminal() {
		return io.Discard
	}
	return c.App.ErrWriter
}

// interrupted reports whether a command was ended by an interrupt.
func interrupted(err error) bool {
	var coded *ExitError
	return errors.As(err, &coded) && coded.Code == ExitInterrupted
}
