// Package logtest holds what a log says, for tests that read it while others
// still write.
package logtest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

// Log is a log's text. Its zero value is empty and ready for use.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer // mu
}

// Logger returns a logger that writes to it, in slog's text form.
func (l *Log) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Take returns the text and empties the log.
func (l *Log) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// Count returns how many times s is in the text.
func (l *Log) Count(s string) int { return strings.Count(l.String(), s) }
