package appliance_test

// The clients of the tests that kill: what they send, and what they know of their
// keys.

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// item is what a key holds.
type item struct {
	value string
	ttl   bool
}

// step is what a writer sends at once: one command, or a transaction.
type step struct {
	lines [][]string
	// apply changes what the writer's keys hold; nil if it must be refused.
	apply func(map[string]item)
}

// writer is one client's knowledge of its keys.
type writer struct {
	id  int
	rng *rand.Rand
	n   int
	has map[string]item // what has been acknowledged
	// pending has been sent and not answered.
	pending []step
	acked   int // in this round
	refused int
}

func (w *writer) key(name string) string { return fmt.Sprintf("c%d:%s", w.id, name) }

// next makes up a command for keys that hold has. Every one that is not refused
// changes something, and is one journal entry.
func (w *writer) next(has map[string]item) step {
	w.n++
	value := fmt.Sprintf("%d-%d-%s", w.id, w.n, strings.Repeat("x", w.rng.Intn(300)))
	k := w.key(strconv.Itoa(w.rng.Intn(5)))
	counter := w.key("counter")
	set := func(k string) []string { return []string{"SET", k, value} }
	switch i := w.rng.Intn(18); {
	case i >= 12:
		return w.collect(has)
	case i < 4:
		return step{[][]string{set(k)}, func(m map[string]item) { m[k] = item{value: value} }}
	case i < 6:
		return step{[][]string{{"INCR", counter}}, func(m map[string]item) { incr(m, counter) }}
	case i < 9:
		a, b := w.key("a"), w.key("b")
		return step{[][]string{{"MULTI"}, set(a), {"INCR", counter}, set(b), {"EXEC"}},
			func(m map[string]item) {
				m[a], m[b] = item{value: value}, item{value: value}
				incr(m, counter)
			}}
	case i == 9 && has[k].value != "":
		return step{[][]string{{"DEL", k}}, func(m map[string]item) { delete(m, k) }}
	case i == 10 && has[k].value != "":
		ms := strconv.Itoa(3_600_000 + w.n)
		return step{[][]string{{"PEXPIRE", k, ms}}, func(m map[string]item) {
			m[k] = item{value: m[k].value, ttl: true}
		}}
	}
	return w.wrong(k, value)
}

// wrong makes up a command that must be refused and leave nothing.
func (w *writer) wrong(k, value string) step {
	switch w.rng.Intn(3) {
	case 0:
		return step{lines: [][]string{{"SET", k, strings.Repeat("y", 5000)}}}
	case 1:
		return step{lines: [][]string{{"SET", k, value, "PX"}}}
	}
	return step{lines: [][]string{{"MULTI"}, {"SET", k, value}, {"INCR"}, {"EXEC"}}}
}

func incr(m map[string]item, k string) {
	n, _ := strconv.Atoi(m[k].value)
	m[k] = item{value: strconv.Itoa(n + 1)}
}

// write sends commands one by one until told to stop or the connection breaks.
func (w *writer) write(t *testing.T, conn net.Conn, hush *atomic.Bool) {
	r := bufio.NewReader(conn)
	for !hush.Load() {
		c := w.next(w.has)
		w.pending = []step{c}
		if _, err := conn.Write(encode(c)); err != nil {
			return
		}
		var last string
		for range c.lines {
			var err error
			if last, err = readReply(r); err != nil {
				return
			}
		}
		w.pending = nil
		failed := strings.HasPrefix(last, "-")
		switch {
		case c.apply == nil && !failed:
			t.Errorf("%q = %q; want an error", c.lines, last)
			return
		case c.apply == nil:
			w.refused++
		case failed:
			t.Errorf("%q = %q; want no error", c.lines, last)
			return
		default:
			c.apply(w.has)
			w.acked++
		}
	}
}

// flood sends more commands and reads no answers.
func (w *writer) flood(conn net.Conn) {
	will := maps.Clone(w.has)
	for range 20 {
		c := w.next(will)
		if c.apply == nil {
			continue
		}
		if _, err := conn.Write(encode(c)); err != nil {
			return
		}
		c.apply(will)
		w.pending = append(w.pending, c)
	}
}

func encode(c step) []byte {
	var b []byte
	for _, l := range c.lines {
		b = fmt.Appendf(b, "*%d\r\n", len(l))
		for _, a := range l {
			b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
		}
	}
	return b
}

// readReply reads a RESP2 reply and returns its first line.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '$':
		if n >= 0 {
			_, err = r.Discard(n + 2)
		}
	case '*':
		for range n {
			if _, err := readReply(r); err != nil {
				return "", err
			}
		}
	}
	return line, err
}
