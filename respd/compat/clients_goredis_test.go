package compat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestGoRedis(t *testing.T) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("resp%d", proto), func(t *testing.T) {
			with := func(run func(*testing.T, context.Context, *redis.Client)) func(*testing.T, string) {
				return func(t *testing.T, addr string) {
					c := redis.NewClient(&redis.Options{Addr: addr, Protocol: proto})
					defer c.Close()
					run(t, t.Context(), c)
				}
			}
			converse(t, []conversation{
				{"strings", with(goRedisStrings)},
				{"keys", with(goRedisKeys)},
				{"transactions", with(goRedisTransactions)},
				{"hashes", with(goRedisHashes)},
				{"lists", with(goRedisLists)},
				{"sets", with(goRedisSets)},
				{"zsets", with(goRedisZsets)},
				{"bits", with(goRedisBits)},
				{"hll", with(goRedisHLL)},
				{"geo", with(goRedisGeo)},
				{"sort", with(goRedisSort)},
				{"scripts", with(goRedisScripts)},
				{"blocking", with(goRedisBlocking)},
				{"pubsub", with(goRedisPubSub)},
			})
		})
	}
}

func goRedisStrings(t *testing.T, ctx context.Context, c *redis.Client) {
	_, err := c.Get(ctx, "none").Result()
	if !errors.Is(err, redis.Nil) {
		t.Errorf("Get of no key: %v; want redis.Nil", err)
	}
	r := two(t)
	r(c.Set(ctx, "k", "v\x00\xff", time.Hour).Result())("Set", "OK")
	r(c.Get(ctx, "k").Result())("Get", "v\x00\xff")
	r(c.SetNX(ctx, "k", "w", 0).Result())("SetNX", false)
	r(c.SetXX(ctx, "k", "w", redis.KeepTTL).Result())("SetXX", true)
	r(c.SetArgs(ctx, "k", "x", redis.SetArgs{Get: true, KeepTTL: true}).Result())("SetArgs", "w")
	r(c.GetDel(ctx, "k").Result())("GetDel", "x")
	r(c.Append(ctx, "a", "Hello").Result())("Append", 5)
	r(c.SetRange(ctx, "a", 6, "World").Result())("SetRange", 11)
	r(c.GetRange(ctx, "a", -5, -1).Result())("GetRange", "World")
	r(c.StrLen(ctx, "a").Result())("StrLen", 11)
	r(c.IncrBy(ctx, "n", 41).Result())("IncrBy", 41)
	r(c.Incr(ctx, "n").Result())("Incr", 42)
	r(c.DecrBy(ctx, "n", 2).Result())("DecrBy", 40)
	r(c.IncrByFloat(ctx, "n", 0.5).Result())("IncrByFloat", 40.5)
	r(c.Get(ctx, "n").Float64())("Get as a number", 40.5)
	r(c.MSet(ctx, map[string]any{"m1": 1, "m2": true}).Result())("MSet", "OK")
	r(c.MGet(ctx, "m1", "none", "m2").Result())("MGet", "[1 <nil> 1]")
	r(c.MSetNX(ctx, "m2", 1, "m3", 2).Result())("MSetNX", false)
	r(c.GetEx(ctx, "m1", time.Hour).Result())("GetEx", "1")
	r(c.LCS(ctx, &redis.LCSQuery{Key1: "a", Key2: "a", Len: true}).Result())("LCS", "&{ [] 11}")
	expectError(t, "Incr", c.Incr(ctx, "a").Err(), "not an integer")
}

func goRedisKeys(t *testing.T, ctx context.Context, c *redis.Client) {
	for i := range 300 {
		c.Set(ctx, fmt.Sprint("key", i), i, 0)
	}
	var keys []string
	it := c.Scan(ctx, 0, "key1*", 20).Iterator()
	for it.Next(ctx) {
		keys = append(keys, it.Val())
	}
	slices.Sort(keys)
	expect(t, "Scan", len(slices.Compact(keys)), it.Err(), 111)
	r := two(t)
	r(c.DBSize(ctx).Result())("DBSize", 300)
	r(c.Del(ctx, "key1", "key2", "none").Result())("Del", 2)
	r(c.Unlink(ctx, "key3").Result())("Unlink", 1)
	r(c.Exists(ctx, "key4", "key4", "key1").Result())("Exists", 2)
	r(c.Expire(ctx, "key4", time.Hour).Result())("Expire", true)
	r(c.ExpireGT(ctx, "key4", time.Minute).Result())("ExpireGT", false)
	if ttl, err := c.TTL(ctx, "key4").Result(); err != nil || ttl < 59*time.Minute || ttl > time.Hour {
		t.Errorf("TTL = %v, %v; want an hour", ttl, err)
	}
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	r(c.ExpireAt(ctx, "key4", at).Result())("ExpireAt", true)
	r(c.ExpireTime(ctx, "key4").Result())("ExpireTime", time.Duration(at.Unix())*time.Second)
	r(c.Persist(ctx, "key4").Result())("Persist", true)
	r(c.TTL(ctx, "key4").Result())("TTL of none", time.Duration(-1))
	r(c.Rename(ctx, "key4", "moved").Result())("Rename", "OK")
	r(c.RenameNX(ctx, "moved", "key5").Result())("RenameNX", false)
	r(c.Copy(ctx, "moved", "copy", 1, false).Result())("Copy", 1)
	r(c.Move(ctx, "moved", 2).Result())("Move", true)
	r(c.Type(ctx, "key5").Result())("Type", "string")
	r(c.ObjectEncoding(ctx, "key5").Result())("ObjectEncoding", "int")
	r(c.Touch(ctx, "key5", "none").Result())("Touch", 1)
	if key, err := c.RandomKey(ctx).Result(); err != nil || key == "" {
		t.Errorf("RandomKey = %q, %v; want a key", key, err)
	}
	expectError(t, "Rename", c.Rename(ctx, "none", "x").Err(), "no such key")
	r(c.FlushDB(ctx).Result())("FlushDB", "OK")
}

func goRedisTransactions(t *testing.T, ctx context.Context, c *redis.Client) {
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "t", "1", 0)
		p.Incr(ctx, "t")
		p.Get(ctx, "t")
		return nil
	})
	expect(t, "TxPipelined", len(cmds), err, 3)
	expect(t, "its last reply", cmds[2].(*redis.StringCmd).Val(), nil, "2")
	cmds, err = c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 500 {
			p.Set(ctx, fmt.Sprint("p", i), i, 0)
		}
		return nil
	})
	expect(t, "Pipelined", len(cmds), err, 500)
	// Another writes in between, so the first try must fail.
	tries := 0
	for {
		err = c.Watch(ctx, func(tx *redis.Tx) error {
			tries++
			n, err := tx.Get(ctx, "t").Int()
			if err != nil {
				return err
			}
			if tries == 1 {
				c.Incr(ctx, "t")
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, "t", n*10, 0)
				return nil
			})
			return err
		}, "t")
		if !errors.Is(err, redis.TxFailedErr) {
			break
		}
	}
	expect(t, "Watch", tries, err, 2)
	v, err := c.Get(ctx, "t").Result()
	expect(t, "Get", v, err, "30")
	_, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "t", "x", 0)
		p.Incr(ctx, "t")
		return nil
	})
	expectError(t, "TxPipelined", err, "not an integer")
	v, err = c.Get(ctx, "t").Result()
	expect(t, "what stands beside an error", v, err, "x")
}

func goRedisScripts(t *testing.T, ctx context.Context, c *redis.Client) {
	s := redis.NewScript(`redis.call("SET", KEYS[1], ARGV[1]); return {KEYS[1], redis.call("GET", KEYS[1]), 7}`)
	for range 2 { // by text, then by digest
		v, err := s.Run(ctx, c, []string{"k"}, "v").Result()
		expect(t, "Run", v, err, "[k v 7]")
	}
	ok, err := s.Exists(ctx, c).Result()
	expect(t, "Exists", ok, err, "[true]")
	expect(t, "ScriptFlush", "", c.ScriptFlush(ctx).Err(), "")
	expectError(t, "EvalSha", s.EvalSha(ctx, c, []string{"k"}, "v").Err(), "NOSCRIPT")
	n, err := c.Eval(ctx, "return tonumber(ARGV[1]) + 1", nil, 41).Int()
	expect(t, "Eval", n, err, 42)
	expectError(t, "Eval", c.Eval(ctx, "return redis.error_reply('MY word')", nil).Err(), "MY word")
}

func goRedisBlocking(t *testing.T, ctx context.Context, c *redis.Client) {
	addr := c.Options().Addr
	got := make(chan []string, 1)
	failed := make(chan error, 1)
	wait := func(run func() ([]string, error)) {
		go func() {
			v, err := run()
			got <- v
			failed <- err
		}()
		awaitBlocked(t, addr)
	}
	wait(func() ([]string, error) { return c.BLPop(ctx, 10*time.Second, "q1", "q2").Result() })
	c.LPush(ctx, "q2", "job")
	expect(t, "BLPop", <-got, <-failed, "[q2 job]")
	wait(func() ([]string, error) {
		v, err := c.BLMove(ctx, "q1", "q3", "LEFT", "RIGHT", 10*time.Second).Result()
		return []string{v}, err
	})
	c.LPush(ctx, "q1", "job2")
	expect(t, "BLMove", <-got, <-failed, "[job2]")
	wait(func() ([]string, error) {
		v, err := c.BZPopMin(ctx, 10*time.Second, "z").Result()
		if err != nil {
			return nil, err
		}
		return []string{v.Key, fmt.Sprint(v.Member), fmt.Sprint(v.Score)}, nil
	})
	c.ZAdd(ctx, "z", redis.Z{Score: 1.5, Member: "m"})
	expect(t, "BZPopMin", <-got, <-failed, "[z m 1.5]")
	if err := c.BLPop(ctx, time.Second, "none").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("BLPop of nothing: %v; want redis.Nil", err)
	}
}

func goRedisPubSub(t *testing.T, ctx context.Context, c *redis.Client) {
	sub := c.Subscribe(ctx, "news")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if err := sub.PSubscribe(ctx, "n*"); err != nil {
		t.Fatal(err)
	}
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	n, err := c.Publish(ctx, "news", "hello").Result()
	expect(t, "Publish", n, err, 2)
	for _, want := range []string{"Message<news: hello>", "Message<news: hello>"} {
		m, err := sub.ReceiveMessage(ctx)
		expect(t, "ReceiveMessage", m, err, want)
	}
	v, err := c.PubSubNumSub(ctx, "news").Result()
	expect(t, "PubSubNumSub", v, err, "map[news:1]")
	expect(t, "Unsubscribe", "", sub.Unsubscribe(ctx, "news"), "")
	m, err := sub.Receive(ctx)
	expect(t, "Receive", m, err, "unsubscribe: news")
}
