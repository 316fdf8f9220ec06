package respd_test

// Transactions: WATCH in pipelines and among many clients, and the commands
// about the server inside MULTI.

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// A client's own writes count from WATCH on, even if all of it is one pipeline.
func TestWatchPipelined(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.send(encode("SET k 1", "WATCH k", "MULTI", "INCR k", "EXEC"))
	c.expect("OK", "OK", "OK", "QUEUED", "[(integer) 2]")
	c.send(encode("WATCH k", "SET k 5", "MULTI", "INCR k", "EXEC", "GET k"))
	c.expect("OK", "OK", "OK", "QUEUED", "(nil array)", `"5"`)
	c.send(encode("SET k 6", "WATCH k", "GET k", "MULTI", "INCR k", "EXEC", "WATCH k", "INCR k",
		"MULTI", "GET k", "EXEC"))
	c.expect("OK", "OK", `"6"`, "OK", "QUEUED", "[(integer) 7]", "OK", "(integer) 8",
		"OK", "QUEUED", "(nil array)")
	c.send(encode("WATCH k", "SET k 1", "UNWATCH", "MULTI", "INCR k", "EXEC"))
	c.expect("OK", "OK", "OK", "OK", "QUEUED", "[(integer) 2]")
	c.send(encode("WATCH k", "SET other 1", "FLUSHALL", "MULTI", "PING", "EXEC"))
	c.expect("OK", "OK", "OK", "OK", "QUEUED", "(nil array)")
}

// Counters that clients raise by WATCH, GET and SET lose nothing.
func TestWatchCounters(t *testing.T) {
	const clients, raises = 8, 25
	n := start(t)
	var aborted atomic.Int64
	parallel(clients, func(int) {
		c := n.dial()
		for done := 0; done < raises; {
			c.want("WATCH n", "OK")
			v, _ := strconv.Atoi(strings.Trim(c.do("GET n"), `"`)) // (nil) is 0
			c.send(encode("MULTI", fmt.Sprintf("SET n %d", v+1), "EXEC"))
			c.expect("OK", "QUEUED")
			switch got := c.next(); got {
			case "[OK]":
				done++
			case "(nil array)":
				aborted.Add(1)
			default:
				t.Errorf("EXEC = %s; want [OK] or (nil array)", got)
				return
			}
		}
	})
	n.dial().want("GET n", fmt.Sprintf("%q", strconv.Itoa(clients*raises)))
	t.Logf("%d of %d transactions were aborted", aborted.Load(), aborted.Load()+clients*raises)
}

// Commands about the server run inside EXEC once its writes stand, and answer
// in their places.
func TestServerCommandsInExec(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.send(encode("MULTI", "SET a 1", "CONFIG GET maxclients", "GET a", "INFO keyspace", "CLIENT ID",
		"INCR a", "DBSIZE", "EXEC", "GET a"))
	c.expect("OK", "QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUEUED",
		`[OK ["maxclients" "10000"] "1" "…db0:keys=1…" (integer) 1 (integer) 2 (integer) 1]`, `"2"`)
	c.send(encode("MULTI", "CONFIG GET maxclients", "INFO keyspace", "EXEC", "MULTI", "DEBUG SLEEP 1", "EXEC"))
	c.expect("OK", "QUEUED", "QUEUED", `[["maxclients" "10000"] …`, "OK",
		"(error) ERR Command not allowed inside a transaction", "(error) EXECABORT …")
	c.send(encode("MULTI", "SELECT 4", "SET a four", "SELECT 0", "EXEC", "GET a", "SELECT 4", "GET a"))
	c.expect("OK", "QUEUED", "QUEUED", "QUEUED", "[OK OK OK]", `"2"`, "OK", `"four"`)
}

// A real client library gets along: its greeting, pipelines, transactions and
// optimistic locks.
func TestGoRedis(t *testing.T) {
	n := start(t)
	ctx := context.Background()
	for _, proto := range []int{2, 3} {
		db := redis.NewClient(&redis.Options{Addr: n.srv.Addr().String(), Protocol: proto, PoolSize: 4})
		defer db.Close()
		if err := db.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		cmds, err := db.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range 1000 {
				p.Set(ctx, fmt.Sprint("k", i), i, 0)
			}
			p.Get(ctx, "k999")
			return nil
		})
		if got := cmds[len(cmds)-1].(*redis.StringCmd).Val(); err != nil || got != "999" {
			t.Errorf("pipeline: %q, %v; want 999", got, err)
		}
		cmds, err = db.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, "k999")
			p.Get(ctx, "k999")
			return nil
		})
		if got := cmds[1].(*redis.StringCmd).Val(); err != nil || got != "1000" {
			t.Errorf("TxPipeline: %q, %v; want 1000", got, err)
		}
		if _, err := db.Get(ctx, "none").Result(); !errors.Is(err, redis.Nil) {
			t.Errorf("Get(none) = %v; want redis.Nil", err)
		}
		raises(t, db)
		n := 0
		for it := db.Scan(ctx, 0, "k*", 100).Iterator(); it.Next(ctx); n++ {
		}
		if n != 1000 {
			t.Errorf("Scan found %d keys; want 1000", n)
		}
	}
	failsWhole(t, n)
}

// raises has clients raise k0 in transactions that watch it, until it is 40.
func raises(t *testing.T, db *redis.Client) {
	t.Helper()
	ctx := t.Context()
	raise := func(tx *redis.Tx) error {
		v, err := tx.Get(ctx, "k0").Int()
		if err != nil {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			return p.Set(ctx, "k0", v+1, 0).Err()
		})
		return err
	}
	parallel(4, func(int) {
		for done := 0; done < 10; {
			switch err := db.Watch(ctx, raise, "k0"); {
			case err == nil:
				done++
			case !errors.Is(err, redis.TxFailedErr):
				t.Errorf("Watch: %v", err)
				return
			}
		}
	})
	if got := db.Get(ctx, "k0").Val(); got != "40" {
		t.Errorf("k0 = %s; want 40", got)
	}
}

// failsWhole checks that nothing is left of a transaction that the journal refuses.
func failsWhole(t *testing.T, n *node) {
	t.Helper()
	ctx := t.Context()
	db := redis.NewClient(&redis.Options{Addr: n.srv.Addr().String(), MaxRetries: -1})
	defer db.Close()
	n.journal.FailNext(errFull)
	_, err := db.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "k0", "lost", 0)
		p.Incr(ctx, "k1")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "MISCONF") {
		t.Errorf("TxPipeline with a sick journal: %v; want MISCONF in it", err)
	}
	if got := db.Get(ctx, "k0").Val(); got != "40" {
		t.Errorf("k0 after the failed transaction = %s; want 40", got)
	}
}
