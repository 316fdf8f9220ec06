package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"ledge/admin"
)

// tally is what is counted of an act. Any goroutine may add to it.
type tally struct {
	restarts bool // the act restarts the node, so connections may end

	mu             sync.Mutex
	acked          int
	last           time.Time // when any client was last told that a write is done
	gap, oneGap    time.Duration
	restart, other int
	texts          map[string]int
	lost, doubled  int64
	apart          time.Duration // how long the replica was seen without its leader
}

func newTally(restarts bool) *tally { return &tally{restarts: restarts, texts: make(map[string]int)} }

// ack counts writes that were acknowledged, to a client that was last told of some at
// that time; it returns the time of these.
func (t *tally) ack(n int, before time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.acked += n
	if !t.last.IsZero() {
		t.gap = max(t.gap, now.Sub(t.last))
	}
	if !before.IsZero() {
		t.oneGap = max(t.oneGap, now.Sub(before))
	}
	t.last = now
	return now
}

func (t *tally) lose(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost += n
}

func (t *tally) double(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.doubled += n
}

func (t *tally) leave(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apart += d
}

// varies is what differs between errors of a kind.
var varies = regexp.MustCompile(`(127\.0\.0\.1)?:\d+(->127\.0\.0\.1:\d+)?|: (reading|putting|checking|opening) .*`)

// fail counts an error.
func (t *tally) fail(who string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind := "other"
	if t.restarts && who != "operator" && ofRestart(err) {
		kind = "restart"
		t.restart++
	} else {
		t.other++
	}
	t.texts[fmt.Sprintf("%s: %s: %s", kind, who, varies.ReplaceAllString(err.Error(), ""))]++
}

// ofRestart says whether a restart of the node gives that error: the connection ends or
// can't be made, or the node says that it loads its data or stops. NATS clients hear that
// nobody answers for the node while its listener is there already, or still.
func ofRestart(err error) bool {
	for _, one := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, one) {
			return true
		}
	}
	text := err.Error()
	if errors.Is(err, admin.ErrUnreachable) {
		return strings.HasSuffix(text, "nats: connection closed") || strings.HasSuffix(text, `there is no node "a"`)
	}
	return strings.HasPrefix(text, "LOADING ") || errors.Is(err, errNotReady)
}

// list returns the errors by text, with how often each was.
func (t *tally) list() (texts []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for text, n := range t.texts {
		texts = append(texts, fmt.Sprintf("%s (%d)", text, n))
	}
	slices.Sort(texts)
	return texts
}

func (t *tally) row(name string, rounds int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |", name, rounds, t.acked, t.restart, t.other,
		t.gap.Milliseconds(), t.oneGap.Milliseconds(), t.lost, t.doubled, t.apart.Milliseconds())
}
