package main

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"ledge/respd/resp"
)

// told returns a client whose node answers what it is asked with these replies, one after
// the other, and ends the connection after the last.
func told(t *testing.T, depth int, replies ...string) *client {
	t.Helper()
	here, there := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer there.Close()
		asked := resp.NewReader(bufio.NewReader(there))
		for _, reply := range replies {
			if _, err := asked.ReadValue(); err != nil {
				return
			}
			if _, err := there.Write([]byte(reply)); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		here.Close()
		<-done
	})
	return &client{t: newTally(false), name: "c", depth: depth, maybe: make(map[int64]bool),
		conn: &conn{nc: here, r: resp.NewReader(bufio.NewReader(here))}}
}

// What a client was told is held against what it is told later: a write that is gone is
// counted as lost, and one that was done twice as doubled.
func TestCount(t *testing.T) {
	const loading = "-LOADING soon\r\n"
	for _, c := range []struct {
		name          string
		replies       []string // to pipelines of one, INCR and SET in turn
		then          string   // to GET of the counter
		lost, doubled int64
		maybe, acked  int
	}{
		{"all is well", []string{":1\r\n", "+OK\r\n", ":2\r\n", "+OK\r\n"}, "$1\r\n2\r\n", 0, 0, 0, 4},
		{"an increment is gone", []string{":1\r\n", "+OK\r\n", ":2\r\n", "+OK\r\n", ":2\r\n"}, "$1\r\n2\r\n", 1, 0, 0, 5},
		{"an increment is done twice", []string{":2\r\n"}, "$1\r\n2\r\n", 0, 1, 0, 1},
		{"the counter is behind", []string{":1\r\n", "+OK\r\n"}, "$-1\r\n", 1, 0, 0, 2},
		{"the counter is ahead", []string{":1\r\n"}, "$1\r\n4\r\n", 0, 3, 0, 1},
		{"a write is refused", []string{loading, loading, ":1\r\n", "+OK\r\n"}, "$1\r\n1\r\n", 0, 0, 1, 2},
		{"what was refused is done", []string{loading, loading}, "$1\r\n1\r\n", 0, 1, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := told(t, 1, append(c.replies, c.then)...)
			for range c.replies {
				if err := cl.batch(); err != nil && !strings.HasPrefix(err.Error(), "LOADING") {
					t.Fatal(err)
				}
			}
			if err := cl.reconcile(cl.conn); err != nil {
				t.Fatal(err)
			}
			if got := cl.t; got.lost != c.lost || got.doubled != c.doubled || len(cl.maybe) != c.maybe || got.acked != c.acked {
				t.Errorf("lost %d, doubled %d, maybe %d, acknowledged %d; want %d, %d, %d, %d", got.lost, got.doubled, len(cl.maybe),
					got.acked, c.lost, c.doubled, c.maybe, c.acked)
			}
		})
	}
}

// A pipeline that was cut short leaves its rest in doubt: the counter may be anything
// between, and the keys there or not.
func TestCutShort(t *testing.T) {
	for _, c := range []struct {
		counter       int64
		lost, doubled int64
	}{{0, 1, 0}, {1, 0, 0}, {4, 0, 0}, {5, 0, 1}} {
		cl := told(t, 8, ":1\r\n", "+OK\r\n")
		if err := cl.batch(); err == nil {
			t.Fatal("a pipeline that was cut short is taken for whole")
		}
		if cl.acked != 1 || cl.sent != 4 || len(cl.maybe) != 3 {
			t.Fatalf("acknowledged %d, sent %d, %d keys in doubt; want 1, 4, 3", cl.acked, cl.sent, len(cl.maybe))
		}
		cl.count(c.counter, cl.acked, cl.sent)
		if got := cl.t; got.lost != c.lost || got.doubled != c.doubled {
			t.Errorf("a counter of %d: lost %d, doubled %d; want %d, %d", c.counter, got.lost, got.doubled, c.lost, c.doubled)
		}
	}
}

// Each key is read again: one that was acknowledged must be there, and none may have
// another's value.
func TestReadKeys(t *testing.T) {
	bulk := func(n int64) string { return string(resp.AppendBulk(nil, value(n))) }
	for _, c := range []struct {
		name, reply string
		lost        int64
	}{
		{"all are there", "*3\r\n" + bulk(0) + bulk(1) + bulk(2), 0},
		{"the one in doubt is not", "*3\r\n" + bulk(0) + "$-1\r\n" + bulk(2), 0},
		{"another is not", "*3\r\n$-1\r\n" + bulk(1) + bulk(2), 1},
		{"two have each other's", "*3\r\n" + bulk(2) + bulk(1) + bulk(0), 2},
	} {
		cl := told(t, 1, c.reply)
		cl.keys, cl.maybe = 3, map[int64]bool{1: true}
		if err := cl.readKeys(cl.conn); err != nil || cl.t.lost != c.lost {
			t.Errorf("%s: lost %d, %v; want %d", c.name, cl.t.lost, err, c.lost)
		}
	}
}
