package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/nats-io/nats-server/v2/server"

	"ledge/journal/blocks"
	"ledge/journal/rare"
)

// What the broker logs when it can't write. It says so to nobody else.
const (
	// WriteError: the stream answers no publisher until it is loaded anew.
	WriteError = "critical write error"
	// shutsDown: it has no permission, and shuts JetStream down as a whole.
	shutsDown = "disabling JetStream"
	// syncError: fsync failed. The frame is whole in the file, and the kernel
	// has forgotten that it isn't on the disk.
	syncError = "error: sync "
)

// leads begin the lines that are the broker's own about the journal. Lines about
// clients begin with an address and hold names that clients choose: somebody
// who logs in as "critical write error" must not suspend the journal.
var leads = []string{
	"Filestore [" + blocks.Stream + "] ", "JetStream stream '" + blocks.Account + " > ",
	"Filesystem permission denied", "File system permission denied",
}

// own reports whether a line is the broker's own about the journal.
func own(line string) bool {
	return slices.ContainsFunc(leads, func(lead string) bool { return strings.HasPrefix(line, lead) })
}

// IsWriteError reports whether err speaks of a write error of the stream's.
func IsWriteError(err error) bool {
	s := err.Error()
	return strings.Contains(strings.ToLower(s), WriteError) || strings.Contains(s, shutsDown)
}

// brokerLog takes what the broker logs. It watches for two things that the
// broker tells nobody else: that it can't run, and that the stream has taken a
// write error, after which no publisher gets an answer.
type brokerLog struct {
	log  *slog.Logger
	rare *rare.Log     // of what clients can cause
	sick chan struct{} // has one token while there is an unread write error

	mu    sync.Mutex
	fatal string
	cause string // the write error
	last  string // the latest warning, for errors that only the log explains
}

func newBrokerLog(l *slog.Logger) *brokerLog {
	if l == nil {
		l = slog.New(slog.DiscardHandler)
	}
	l = l.With("part", "broker")
	return &brokerLog{log: l, rare: rare.New(l), sick: make(chan struct{}, 1)}
}

// aboutClient is how a line about a client from outside begins: with its address
// and its number.
var aboutClient = regexp.MustCompile(`^(\S+:\d+) - (?:cid|wid|mid|rid|gid|lid):\d+ - `)

// maxClientLine is how much of a line about a client is shown: names that
// clients choose have no bound.
const maxClientLine = 512

// shown makes a line of bounded length and without what can't be printed.
func shown(line string) string {
	if len(line) > maxClientLine {
		line = strings.ToValidUTF8(line[:maxClientLine], "") + " …"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, line)
}

// ofClient logs a line about a client, of which each may cause as many as it
// likes, and reports whether it is one.
func (b *brokerLog) ofClient(line string) bool {
	m := aboutClient.FindStringSubmatch(line)
	if m == nil || own(line) {
		return false
	}
	text := "a NATS client was refused"
	switch {
	case strings.Contains(line, server.ErrAuthentication.Error()):
		text = "a NATS client's login failed"
	case strings.Contains(line, "TLS handshake error"):
		text = "a NATS client's handshake with TLS failed"
	}
	b.rare.Add(slog.LevelWarn, text, "client", m[1], "cause", shown(line[len(m[0]):]))
	return true
}

// Noticef logs at debug level: the broker's notices are of no use to whoever
// runs a node.
func (b *brokerLog) Noticef(format string, v ...any) { b.log.Debug(fmt.Sprintf(format, v...)) }

// Debugf is not called: the broker runs with debug off.
func (b *brokerLog) Debugf(format string, v ...any) {}

// Tracef is not called: the broker runs with trace off.
func (b *brokerLog) Tracef(format string, v ...any) {}

// advice is what the broker warns of at each start, and what is so on purpose: the
// payload limit is that of an entry.
var advice = []string{"Maximum payloads over"}

// Warnf logs a warning and keeps it.
func (b *brokerLog) Warnf(format string, v ...any) {
	s := fmt.Sprintf(format, v...)
	for _, a := range advice {
		if strings.HasPrefix(s, a) {
			b.log.Debug(s)
			return
		}
	}
	b.log.Warn(s)
	b.mu.Lock()
	b.last = strings.TrimSpace(s)
	b.mu.Unlock()
	if own(s) && strings.Contains(s, shutsDown) {
		b.setSick(s)
	}
}

// Errorf logs an error and raises the alarm if it is a write error.
func (b *brokerLog) Errorf(format string, v ...any) {
	s := fmt.Sprintf(format, v...)
	if b.ofClient(s) {
		return
	}
	b.log.Error(s)
	if own(s) && IsWriteError(errors.New(s)) {
		b.setSick(s)
	}
}

// Fatalf remembers why the broker can't start. The broker goes on half
// started, so Start asks.
func (b *brokerLog) Fatalf(format string, v ...any) {
	s := fmt.Sprintf(format, v...)
	b.log.Error(s)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fatal == "" {
		b.fatal = s
	}
}

func (b *brokerLog) setSick(s string) {
	b.mu.Lock()
	if b.cause == "" {
		b.cause = s
	}
	b.mu.Unlock()
	select {
	case b.sick <- struct{}{}:
	default:
	}
}

// isSick reports whether there is a write error that nobody has taken.
func (b *brokerLog) isSick() bool { return len(b.sick) > 0 }

// clearCause returns the write error, if there is one, and forgets it.
func (b *brokerLog) clearCause() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.cause
	b.cause = ""
	select {
	case <-b.sick:
	default:
	}
	return s
}

func (b *brokerLog) fatalText() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fatal
}

func (b *brokerLog) lastWarning() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}
