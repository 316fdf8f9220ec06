// Package logtest holds what a log says, for tests that read it while others
// still write.
package logtest

import (
	"bytes"
	"log/slog"
	"regexp"
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

// howFar is a line in which a command says how far its work has come.
var howFar = regexp.MustCompile(`(?m)^ledge: .*\b[0-9hms.]+ (so far|left)\n`)

// WithoutProgress returns what a command said on standard error, without the lines
// that say how far it has come: any command says so where it takes more than 3 s, and
// on a machine that stands still for a while each of them may.
func WithoutProgress(said string) string { return howFar.ReplaceAllString(said, "") }
