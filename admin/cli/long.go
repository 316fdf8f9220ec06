package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"ledge/journal/progress"
)

// nothingChanged is what is so after an interrupt of work that only looks.
const nothingChanged = "nothing is changed"

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

// long does the work of a command that may take long: it is shown how far it has come,
// and an interrupt ends it. A second one ends the program at once. after says what is
// so after an interrupt.
func long(c *cli.Context, title, after string, work func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	m := progress.New()
	bar := barOf(c)
	done := bar.show(title, m.Look)
	defer done()
	defer context.AfterFunc(ctx, func() {
		stop()
		done()
		if c.Context.Err() == nil {
			fmt.Fprintf(errWriter(c), "ledge: %s is being ended; once more ends it at once\n", title)
		}
	})()
	err := work(progress.With(ctx, m))
	if ctx.Err() != nil && c.Context.Err() == nil && err != nil {
		return &ExitError{ExitInterrupted, fmt.Errorf("%s was interrupted: %s", title, after)}
	}
	return err
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
