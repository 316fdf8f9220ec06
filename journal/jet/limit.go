package jet

import (
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Whoever can reach the NATS port can have the broker log: a failed login, a
// handshake, nonsense in place of the protocol, each as often as they like. Such
// lines are logged at a bounded rate, each kind by itself, so that a flood of one
// hides no other.

// clientLine is how the broker begins a line about a client. The rest may be what
// the client has chosen.
var clientLine = regexp.MustCompile(`^\S+ - (cid|wid|mid|rid|gid|lid):\d+`)

// Kinds of lines about clients, as they are counted.
const (
	kindLogin     = "failed logins"
	kindHandshake = "failed handshakes"
	kindClient    = "lines about clients"
)

// kindOf returns of which kind a line is, "" if it is not about a client.
func kindOf(line string) string {
	switch {
	case !clientLine.MatchString(line):
		return ""
	case strings.Contains(line, "authentication error"):
		return kindLogin
	case strings.Contains(line, "handshake error"):
		return kindHandshake
	}
	return kindClient
}

const (
	// limitEvery is how often it is said how many lines of a kind were left out.
	limitEvery = 10 * time.Second
	// maxLine is how much of a line about a client is shown: names have no bound.
	maxLine = 512
)

// limit lets the first line of a kind through at once, and from then on a line
// with a count each time every has gone by, until none has come meanwhile.
type limit struct {
	log   *slog.Logger
	every time.Duration

	mu    sync.Mutex
	kinds map[string]*counted // mu
	over  bool                // mu
}

// counted is what has been left out of a kind since the last line was logged.
type counted struct {
	n     int
	last  string
	timer *time.Timer
}

func newLimit(log *slog.Logger) *limit {
	return &limit{log: log, every: limitEvery, kinds: make(map[string]*counted)}
}

// say logs a line about a client, or counts it.
func (l *limit) say(kind, line string) {
	line = shown(line)
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.kinds[kind]; c != nil {
		c.n, c.last = c.n+1, line
		return
	}
	l.log.Warn(line)
	if !l.over {
		l.kinds[kind] = &counted{timer: time.AfterFunc(l.every, func() { l.tell(kind) })}
	}
}

// tell says what has been left out, and goes on counting; a kind of which nothing
// has come is let through again.
func (l *limit) tell(kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.kinds[kind]
	if c == nil || l.over {
		return
	}
	if c.n == 0 {
		delete(l.kinds, kind)
		return
	}
	l.count(kind, c)
	c.n, c.last = 0, ""
	c.timer.Reset(l.every)
}

func (l *limit) count(kind string, c *counted) {
	l.log.Warn("more "+kind, "count", c.n, "within", l.every, "last", c.last)
}

// close says what has been left out until then.
func (l *limit) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for kind, c := range l.kinds {
		c.timer.Stop()
		if c.n > 0 {
			l.count(kind, c)
		}
		delete(l.kinds, kind)
	}
}

// shown makes a line of bounded length and without what can't be printed.
func shown(line string) string {
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + " …"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, line)
}
