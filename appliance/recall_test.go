package appliance_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// pastStep is a command, and what is asked after it: again and again, at its number.
type pastStep struct {
	number  string
	answers []any
}

// questions are asked after each command, and later of the past.
var questions = [][]any{
	{"GET", "k"}, {"LRANGE", "list", 0, -1}, {"HGETALL", "h"}, {"ZRANGE", "z", 0, -1, "WITHSCORES"}, {"TYPE", "moved"},
	{"EXISTS", "k"}, {"STRLEN", "copy"}, {"SMEMBERS", "set"}, {"GETRANGE", "k", 0, 2}, {"LLEN", "moved"},
}

// asked returns the answers to all questions, each after prefix.
func asked(ctx context.Context, t *testing.T, c *redis.Client, prefix ...any) (answers []any) {
	t.Helper()
	for _, q := range questions {
		v, err := c.Do(ctx, append(append([]any{}, prefix...), q...)...).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatalf("%v %v: %v", prefix, q, err)
		}
		answers = append(answers, v)
	}
	return answers
}

// LEDGE AT answers a question about one key as it was answered then: at each number, and
// at each time, whatever was renamed, copied, swapped and cleared since, out of the
// journal alone and out of snapshots.
func TestLedgeAt(t *testing.T) {
	ctx := t.Context()
	p := start(t, t.TempDir())
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: p.addr, MaxRetries: -1, DisableIdentity: true, PoolSize: 1, MaintNotificationsConfig: plainly})
	defer c.Close()
	var steps []pastStep
	var times []time.Time
	for i, args := range [][]any{
		{"SET", "k", "one"}, {"RPUSH", "list", "a", "b"}, {"HSET", "h", "f", "v"}, {"ZADD", "z", 1, "m"}, {"COPY", "k", "copy"},
		{"SET", "k", "two"}, {"RENAME", "list", "moved"}, {"SADD", "set", "x"}, {"SWAPDB", 0, 1}, {"SET", "k", "other"},
		{"SAVE"}, {"RENAME", "k", "copy"}, {"SWAPDB", 1, 0}, {"APPEND", "k", "!"}, {"MOVE", "copy", 1}, {"RENAME", "moved", "list"},
		{"EVAL", "redis.call('SET','k','script') redis.call('RENAME','k','copy')", 2, "k", "copy"}, {"FLUSHDB"}, {"SET", "k", "last"},
	} {
		if err := c.Do(ctx, args...).Err(); err != nil && !errors.Is(err, redis.Nil) {
			t.Fatalf("%v: %v", args, err)
		}
		steps = append(steps, pastStep{p.info("journal_applied_seq"), asked(ctx, t, c)})
		times = append(times, time.Now())
		if i < 18 { // times are told apart by milliseconds
			within(t, time.Second, "a while has passed", func() bool { return time.Since(times[i]) > 5*time.Millisecond })
		}
	}
	for i, s := range steps {
		for _, at := range []string{s.number, times[i].Format(time.RFC3339Nano)} {
			if got := asked(ctx, t, c, "LEDGE", "AT", at); !reflect.DeepEqual(got, s.answers) {
				t.Errorf("at %s the answers are\n%v; want\n%v", at, got, s.answers)
			}
		}
	}
	if err := c.Do(ctx, "LEDGE", "AT", "1h", "GET", "k").Err(); err == nil || !strings.Contains(err.Error(), "the first time that can be had is 20") {
		t.Errorf("LEDGE AT 1h of a node that is younger = %v; want it refused, with the first time that can be had", err)
	}
	m, err := c.Do(ctx, "LEDGE", "HISTORY").Result()
	if text := fmt.Sprint(m); err != nil || !strings.Contains(text, "first_number:0") && !strings.Contains(text, "first_number 0") {
		t.Errorf("LEDGE HISTORY = %v, %v; want it from number 0 on", m, err)
	}
}

// What can't be asked of the past is refused, and says why.
func TestLedgeAtRefuses(t *testing.T) {
	ctx := t.Context()
	p := start(t, t.TempDir(), "--snapshot-every", "1mb")
	c := p.client()
	// It is truncated by the second snapshot, so there have to be writes after the first.
	within(t, 30*time.Second, "the journal is truncated", func() bool {
		for i := range 100 {
			if err := c.Set(ctx, "k", strings.Repeat("v", 10000+i), 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		return p.info("journal_first_seq") != "1"
	})
	for _, q := range []struct {
		args []any
		want string
	}{
		{[]any{"99999", "GET", "k"}, "not written yet"},
		{[]any{"2099-01-02T03:04:05Z", "GET", "k"}, "future"},
		{[]any{"never", "GET", "k"}, "want a number"},
		{[]any{"2", "GET", "k"}, "goes back to number"},
		{[]any{"5h", "GET", "k"}, "goes back to number"},
		{[]any{"300", "SET", "k", "v"}, "only commands that read one key"},
		{[]any{"300", "MGET", "k", "l"}, "only commands that read one key"},
		{[]any{"300", "KEYS", "*"}, "only commands that read one key"},
		{[]any{"300", "GET", "k", "l"}, "wrong number of arguments"},
		{[]any{"300", "NONE", "k"}, "unknown command"},
		{[]any{"300", "LEDGE", "AT", "300", "GET", "k"}, "only commands that read one key"},
	} {
		err := c.Do(ctx, append([]any{"LEDGE", "AT"}, q.args...)...).Err()
		if err == nil || !strings.Contains(err.Error(), q.want) {
			t.Errorf("LEDGE AT %v = %v; want %q", q.args, err, q.want)
		}
	}
	tx := c.TxPipeline()
	tx.Do(ctx, "LEDGE", "AT", "300", "GET", "k")
	if _, err := tx.Exec(ctx); err == nil {
		t.Error("LEDGE AT in MULTI = nil; want an error")
	}
}

// One answer from the past keeps a share of the process's memory at most: what took more
// then is refused, with what serves it, and what stood beside it is answered.
func TestLedgeAtLarge(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	p := start(t, t.TempDir(), "--max-memory", "160mb")
	c := p.client()
	if err := c.Set(ctx, "small", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for range 21 {
		if err := c.RPush(ctx, "large", strings.Repeat("v", 1<<20)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []string{"the journal", "a snapshot"} {
		at := p.info("journal_applied_seq")
		err := c.Do(ctx, "LEDGE", "AT", at, "LLEN", "large").Err()
		if err == nil || !strings.Contains(err.Error(), "too much memory: more than 20 MiB") || !strings.Contains(err.Error(), "--as-of") {
			t.Errorf("from %s: %v; want it refused, and what serves it", from, err)
		}
		if v, err := c.Do(ctx, "LEDGE", "AT", at, "GET", "small").Result(); v != "v" || err != nil {
			t.Errorf("from %s, what stands beside it: %v, %v; want it answered", from, v, err)
		}
		if v, err := c.Do(ctx, "LEDGE", "AT", "10", "LLEN", "large").Result(); from == "the journal" && (v == int64(0) || err != nil) {
			t.Errorf("what it was before: %v, %v; want it answered", v, err)
		}
		if err := c.Save(ctx).Err(); err != nil {
			t.Fatal(err)
		}
	}
}
