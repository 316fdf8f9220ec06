package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"ledge/journal/progress"
)

// How often it is shown how far work has come: on a terminal, where one line is drawn
// again and again, and elsewhere, where each time is a line. Lines become rarer as the
// work goes on: no pause between two is shorter than a tenth of what it has taken.
// Work that ends within the first pause shows nothing.
const (
	firstBar  = 2 * time.Second
	barEvery  = 200 * time.Millisecond
	firstLine = 3 * time.Second
	lineEvery = 3 * time.Second
	lineMost  = time.Minute
)

// Bar shows on standard error how far long work has come. Its methods may be called
// from any goroutine.
type Bar struct {
	w     io.Writer
	width func() (int, bool) // of the terminal; false if it is none
	first time.Duration      // how long work goes on before it is shown

	mu    sync.Mutex
	drawn string // mu; the line that is on the terminal
}

// NewBar returns a bar on w: on a terminal one line, elsewhere lines each few seconds.
func NewBar(w io.Writer) *Bar {
	b := &Bar{w: w, width: terminal(w), first: firstLine}
	if b.Terminal() {
		b.first = firstBar
	}
	return b
}

// Terminal reports whether it is drawn on a terminal.
func (b *Bar) Terminal() bool {
	_, ok := b.width()
	return ok
}

// Shown returns ctx with which what is read at a start is shown by the bar, until done is
// called. Elsewhere than on a terminal the node's log has lines. A nil Bar shows nothing.
func (b *Bar) Shown(ctx context.Context, title string) (_ context.Context, done func()) {
	if b == nil || !b.Terminal() {
		return ctx, func() {}
	}
	m := progress.New()
	return progress.With(ctx, m), b.Show(title, m.Look)
}

// Write writes what somebody else says on the same terminal: lines, which come to stand
// above the bar.
func (b *Bar) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.drawn
	b.eraseLocked()
	n, err := b.w.Write(p)
	if was != "" && strings.HasSuffix(string(p), "\n") {
		b.drawLocked(was)
	}
	return n, err
}

// Show shows what look returns, under a title, until done is called, which takes the
// bar away. Work that has ended before that is long shows nothing.
func (b *Bar) Show(title string, look func() progress.Seen) (done func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		if b.Terminal() {
			b.draw(title, look, stop)
		} else {
			b.list(title, look, stop)
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		<-stopped
	})
}

// draw draws the bar again and again.
func (b *Bar) draw(title string, look func() progress.Seen, stop <-chan struct{}) {
	t := time.NewTimer(b.first)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-stop:
			b.mu.Lock()
			defer b.mu.Unlock()
			b.eraseLocked()
			return
		}
		if width, ok := b.width(); ok {
			line := barLine(title, look(), width-1) // the last column would have some terminals go on in the next line
			b.mu.Lock()
			b.drawLocked(line)
			b.mu.Unlock()
		}
		t.Reset(barEvery)
	}
}

// A terminal's line is begun anew and erased to its end.
const (
	lineBegin = "\r"
	lineErase = "\x1b[K"
)

func (b *Bar) drawLocked(line string) {
	if line != b.drawn {
		_, _ = io.WriteString(b.w, lineBegin+line+lineErase) // nobody hears of it if that fails
		b.drawn = line
	}
}

func (b *Bar) eraseLocked() {
	if b.drawn != "" {
		_, _ = io.WriteString(b.w, lineBegin+lineErase)
		b.drawn = ""
	}
}

// list prints a line now and then.
func (b *Bar) list(title string, look func() progress.Seen, stop <-chan struct{}) {
	began := time.Now()
	t := time.NewTimer(b.first)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-stop:
			return
		}
		_, _ = fmt.Fprintf(b, "ledge: %s: %s\n", title, progressWords(look()))
		t.Reset(min(max(lineEvery, time.Since(began)/10), lineMost))
	}
}

// Widths of the bar itself, in columns.
const (
	barLeast = 10
	barMost  = 40
)

// barLine is a bar in no more than width columns. What does not fit is left out: the
// bar, the rate, the step, in this order.
func barLine(title string, s progress.Seen, width int) string {
	share, rest := "", []string{}
	if s.Known {
		share = fmt.Sprintf("%3.0f %%", 100*s.Share)
	}
	if r := rateWords(s); r != "" {
		rest = append(rest, r)
	}
	if s.Left >= 0 {
		rest = append(rest, s.Left.Round(time.Second).String()+" left")
	} else {
		rest = append(rest, s.Took.Round(time.Second).String())
	}
	join := func(bar string, step string, rest []string) string {
		var words []string
		for _, w := range append([]string{title, step, bar, share}, rest...) {
			if w != "" {
				words = append(words, w)
			}
		}
		return clean(strings.Join(words, "  "))
	}
	last := rest[len(rest)-1:]
	for _, try := range []struct {
		step string
		rest []string
	}{{s.Step, rest}, {s.Step, last}, {"", last}, {"", nil}} {
		plain := join("", try.step, try.rest)
		room := width - utf8.RuneCountInString(plain) - len("  []")
		if s.Known && room >= barLeast {
			n := min(room, barMost)
			full := int(s.Share * float64(n))
			return join("["+strings.Repeat("#", full)+strings.Repeat("-", n-full)+"]", try.step, try.rest)
		}
		if room >= -len("  []") {
			return plain
		}
	}
	return string([]rune(title)[:max(0, min(width, utf8.RuneCountInString(title)))])
}

// progressWords says how far work has come, in a line.
func progressWords(s progress.Seen) string {
	words := []string{}
	if s.Step != "" {
		words = append(words, s.Step)
	}
	if s.Known {
		words = append(words, fmt.Sprintf("%.0f %%", 100*s.Share))
	}
	switch {
	case s.Unit == progress.Bytes && s.Total > 0:
		words = append(words, fmt.Sprintf("%s of %s", size(s.Done), size(s.Total)))
	case s.Unit != progress.Unmeasured && s.Total > 0:
		words = append(words, fmt.Sprintf("%d of %d %s", s.Done, s.Total, unitWord(s.Unit)))
	}
	if r := rateWords(s); r != "" {
		words = append(words, r)
	}
	if s.Left >= 0 {
		words = append(words, s.Left.Round(time.Second).String()+" left")
	} else {
		words = append(words, s.Took.Round(time.Second).String()+" so far")
	}
	return clean(strings.Join(words, ", "))
}

// rateWords says how fast it goes; "" if that is not known.
func rateWords(s progress.Seen) string {
	switch {
	case s.Rate <= 0 || s.Unit == progress.Unmeasured:
		return ""
	case s.Unit == progress.Bytes:
		return size(int64(s.Rate)) + "/s"
	}
	return fmt.Sprintf("%.0f %s/s", s.Rate, unitWord(s.Unit))
}

func unitWord(u progress.Unit) string {
	if u == progress.Keys {
		return "keys"
	}
	return "numbers"
}
