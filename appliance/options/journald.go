package options

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
)

// Priority returns what begins a line of that level on w, as sd-daemon(3) has it, if w
// is systemd's journal, which takes it off again: "<4>" for a warning. Elsewhere it is
// "".
func Priority(w io.Writer, level slog.Level) string {
	f, ok := w.(*os.File)
	if !ok || !isJournal(f, os.Getenv("JOURNAL_STREAM")) {
		return ""
	}
	return priorityOf(level)
}

func priorityOf(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "<3>"
	case level >= slog.LevelWarn:
		return "<4>"
	case level >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

// isJournal reports whether a file is the one of the device and inode that systemd says
// is its journal. Whoever is started with another standard error, from a shell of the
// unit's, has the variable as well.
func isJournal(f *os.File, stream string) bool {
	info, err := f.Stat()
	if err != nil || stream == "" {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// prioritized writes records with their priority before them.
type prioritized struct {
	slog.Handler
	to *prefixed
}

// prefixed writes a prefix before what is written. A handler writes each record with
// one call, while mu is held.
type prefixed struct {
	mu     sync.Mutex
	w      io.Writer
	prefix string
}

func (p *prefixed) Write(b []byte) (int, error) {
	_, err := p.w.Write(append([]byte(p.prefix), b...))
	return len(b), err
}

func (p prioritized) Handle(ctx context.Context, r slog.Record) error {
	p.to.mu.Lock()
	defer p.to.mu.Unlock()
	p.to.prefix = priorityOf(r.Level)
	return p.Handler.Handle(ctx, r)
}

func (p prioritized) WithAttrs(attrs []slog.Attr) slog.Handler {
	return prioritized{p.Handler.WithAttrs(attrs), p.to}
}

func (p prioritized) WithGroup(name string) slog.Handler {
	return prioritized{p.Handler.WithGroup(name), p.to}
}
