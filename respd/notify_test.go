package respd_test

// Keyspace events as subscribers hear them: once the journal has what was done,
// and never of what was not. Which events commands cause is compared with Redis's
// in respd/compat/testdata/pubsubs.

import "testing"

// A write whose append fails is not heard of, whatever it was part of.
func TestFailedEvents(t *testing.T) {
	n := start(t)
	c, p := n.subscriber(2, "PSUBSCRIBE __keyevent*"), n.dial()
	p.want("CONFIG SET notify-keyspace-events KEAn", "OK")
	n.journal.FailNext(errFull)
	p.send(encode("SET a 1", "INCR a", "GET a", "PUBLISH __keyevent@0__:mark m"))
	p.expect(misconf, misconf, "(nil)", "(integer) 1")
	c.expect(message(2, "pmessage", "__keyevent*", "__keyevent@0__:mark", "m"))
}

// The others of a transaction are heard of; the one that fails is not.
func TestEventsOfTransaction(t *testing.T) {
	n := start(t, withHalf)
	c, p := n.subscriber(2, "PSUBSCRIBE __keyevent*"), n.dial()
	p.want("CONFIG SET notify-keyspace-events EAn", "OK")
	p.send(encode("MULTI", "HALF h", "SET a 1", "EXEC"))
	p.expect("OK", "QUEUED", "QUEUED", "[(error) ERR half of it is done OK]")
	c.expect(message(2, "pmessage", "__keyevent*", "__keyevent@0__:new", "a"),
		message(2, "pmessage", "__keyevent*", "__keyevent@0__:set", "a"))
	p.want("HALF h", "(error) ERR half of it is done")
	p.want("DEL a", "(integer) 1")
	c.expect(message(2, "pmessage", "__keyevent*", "__keyevent@0__:del", "a"))
}

// Nobody hears of a write before it is in the journal. Who is told that he
// subscribes while it is under way hears of it.
func TestEventsWait(t *testing.T) {
	n := start(t)
	c, p, writer := n.subscriber(2, "SUBSCRIBE __keyspace@0__:a"), n.dial(), n.dial()
	p.want("CONFIG SET notify-keyspace-events KA", "OK")
	release := n.journal.Hold()
	appends := n.journal.Appends()
	writer.send(encode("SET a 1"))
	n.behind(appends)
	late := n.subscriber(3, "SUBSCRIBE __keyspace@0__:a")
	p.want("PUBLISH __keyspace@0__:a first", "(integer) 2")
	release()
	writer.expect("OK")
	for _, text := range []string{"first", "set"} {
		c.expect(message(2, "message", "__keyspace@0__:a", text))
		late.expect(message(3, "message", "__keyspace@0__:a", text))
	}
}

// A client in RESP3 hears of its own write after the reply: never before a
// reply that may be older.
func TestOwnEvents(t *testing.T) {
	n := start(t)
	n.dial().want("CONFIG SET notify-keyspace-events EA", "OK")
	c := n.subscriber(3, "SUBSCRIBE __keyevent@0__:set")
	c.want("SET a 1", "OK")
	c.expect(message(3, "message", "__keyevent@0__:set", "a"))
}
