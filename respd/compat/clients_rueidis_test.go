package compat_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

func TestRueidis(t *testing.T) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("resp%d", proto), func(t *testing.T) {
			with := func(run func(*testing.T, context.Context, rueidis.Client, rueidisDo)) func(*testing.T, string) {
				return func(t *testing.T, addr string) {
					c, err := rueidis.NewClient(rueidis.ClientOption{
						InitAddress: []string{addr}, AlwaysRESP2: proto == 2, DisableCache: true,
						ForceSingleClient: true,
					})
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					run(t, t.Context(), c, func(args ...string) func(any) {
						v, err := c.Do(t.Context(), c.B().Arbitrary(args...).Build()).ToAny()
						return func(want any) { t.Helper(); expect(t, args[0], v, nilIsNone(err), want) }
					})
				}
			}
			converse(t, []conversation{
				{"strings", with(rueidisStrings)},
				{"keys", with(rueidisKeys)},
				{"transactions", with(rueidisTransactions)},
				{"hashes", with(rueidisHashes)},
				{"lists", with(rueidisLists)},
				{"sets", with(rueidisSets)},
				{"zsets", with(rueidisZsets)},
				{"bits", with(rueidisBits)},
				{"scripts", with(rueidisScripts)},
				{"blocking", with(rueidisBlocking)},
				{"pubsub", with(rueidisPubSub)},
			})
		})
	}
}

// rueidisDo sends a command and takes what the reply must be, in print.
type rueidisDo func(args ...string) func(want any)

// nilIsNone takes the nil reply, an error to rueidis, for the nil that it is.
func nilIsNone(err error) error {
	if rueidis.IsRedisNil(err) {
		return nil
	}
	return err
}

func rueidisStrings(t *testing.T, ctx context.Context, c rueidis.Client, do rueidisDo) {
	r := func(v any, err error) func(any) {
		return func(want any) { t.Helper(); expect(t, "reply", v, err, want) }
	}
	r(c.Do(ctx, c.B().Set().Key("k").Value("v").Nx().ExSeconds(1000).Build()).ToString())("OK")
	r(c.Do(ctx, c.B().Get().Key("k").Build()).ToString())("v")
	r(c.Do(ctx, c.B().Incrby().Key("n").Increment(7).Build()).AsInt64())(7)
	r(c.Do(ctx, c.B().Incrbyfloat().Key("n").Increment(0.5).Build()).AsFloat64())(7.5)
	r(c.Do(ctx, c.B().Mget().Key("k", "none").Build()).AsStrSlice())("[v ]")
	do("SET", "k", "w", "NX")(nil)
	do("GETRANGE", "k", "0", "-1")("v")
	do("GETDEL", "k")("v")
	var batch rueidis.Commands
	for i := range 200 {
		batch = append(batch, c.B().Set().Key(fmt.Sprint("p", i)).Value("x").Build())
	}
	for _, res := range c.DoMulti(ctx, batch...) {
		if err := res.Error(); err != nil {
			t.Errorf("DoMulti: %v", err)
		}
	}
	_, err := c.Do(ctx, c.B().Incr().Key("p0").Build()).ToInt64()
	expectError(t, "INCR", err, "not an integer")
}

func rueidisKeys(t *testing.T, ctx context.Context, c rueidis.Client, do rueidisDo) {
	for i := range 150 {
		do("SET", fmt.Sprint("key", i), "v")("OK")
	}
	var keys []string
	for cursor := uint64(0); ; {
		e, err := c.Do(ctx, c.B().Scan().Cursor(cursor).Count(11).Build()).AsScanEntry()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Elements...)
		if cursor = e.Cursor; cursor == 0 {
			break
		}
	}
	slices.Sort(keys)
	expect(t, "SCAN", len(slices.Compact(keys)), nil, 150)
	do("DEL", "key1", "key2")(2)
	do("EXPIRE", "key3", "1000", "NX")(1)
	do("PERSIST", "key3")(1)
	do("RENAME", "key3", "moved")("OK")
	do("COPY", "moved", "copy")(1)
	do("TYPE", "copy")("string")
	do("OBJECT", "ENCODING", "copy")("embstr")
	do("DBSIZE")(149)
}

func rueidisTransactions(t *testing.T, ctx context.Context, c rueidis.Client, do rueidisDo) {
	err := c.Dedicated(func(d rueidis.DedicatedClient) error {
		res := d.DoMulti(ctx, d.B().Watch().Key("k").Build(), d.B().Multi().Build(),
			d.B().Set().Key("k").Value("1").Build(), d.B().Incr().Key("k").Build(), d.B().Exec().Build())
		v, err := res[4].ToAny()
		expect(t, "EXEC", v, err, "[OK 2]")
		if err := d.Do(ctx, d.B().Watch().Key("k").Build()).Error(); err != nil {
			return err
		}
		do("SET", "k", "5")("OK") // from another connection
		res = d.DoMulti(ctx, d.B().Multi().Build(), d.B().Incr().Key("k").Build(), d.B().Exec().Build())
		if err := res[2].Error(); !rueidis.IsRedisNil(err) {
			t.Errorf("EXEC after a change: %v; want nil", err)
		}
		return nil
	})
	expect(t, "Dedicated", "", err, "")
	do("GET", "k")("5")
}

func rueidisHashes(t *testing.T, ctx context.Context, c rueidis.Client, do rueidisDo) {
	do("HSET", "h", "name", "a", "age", "7")(2)
	m, err := c.Do(ctx, c.B().Hgetall().Key("h").Build()).AsStrMap()
	expect(t, "HGETALL", m, err, map[string]string{"name": "a", "age": "7"})
	do("HINCRBYFLOAT", "h", "age", "0.5")("7.5")
	do("HMGET", "h", "age", "none")("[7.5 <nil>]")
	do("HDEL", "h", "age")(1)
	do("HRANDFIELD", "h", "1")("[name]")
	do("HSCAN", "h", "0")("[0 [name a]]")
}

func rueidisLists(_ *testing.T, _ context.Context, _ rueidis.Client, do rueidisDo) {
	do("RPUSH", "l", "a", "b", "c")(3)
	do("LINSERT", "l", "BEFORE", "b", "x")(4)
	do("LRANGE", "l", "0", "-1")("[a x b c]")
	do("LMOVE", "l", "m", "RIGHT", "LEFT")("c")
	do("LMPOP", "1", "l", "LEFT", "COUNT", "2")("[l [a x]]")
	do("RPOP", "l", "5")("[b]")
	do("LPOP", "l")(nil)
}

func rueidisSets(t *testing.T, ctx context.Context, c rueidis.Client, do rueidisDo) {
	do("SADD", "s", "a", "b")(2)
	do("SADD", "u", "b", "c")(2)
	all, err := c.Do(ctx, c.B().Sunion().Key("s", "u").Build()).AsStrSlice()
	slices.Sort(all)
	expect(t, "SUNION", all, err, "[a b c]")
	do("SINTERCARD", "2", "s", "u")(1)
	do("SISMEMBER", "s", "a")(1)
	do("SMISMEMBER", "s", "a", "x")("[1 0]")
	do("SMOVE", "s", "u", "a")(1)
	do("SPOP", "s", "5")("[b]")
}

func rueidisZsets(t *testing.T, ctx context.Context, c rueidis.Client, do rueidisDo) {
	do("ZADD", "z", "1", "a", "2.5", "b", "-inf", "c")(3)
	scores, err := c.Do(ctx, c.B().Zrange().Key("z").Min("0").Max("-1").Withscores().Build()).AsZScores()
	expect(t, "ZRANGE", scores, err, "[{c -Inf} {a 1} {b 2.5}]")
	f, err := c.Do(ctx, c.B().Zscore().Key("z").Member("b").Build()).AsFloat64()
	expect(t, "ZSCORE", f, err, 2.5)
	do("ZRANK", "z", "b")(2)
	do("ZRANGEBYSCORE", "z", "(1", "+inf")("[b]")
	do("ZRANGESTORE", "y", "z", "0", "1")(2)
	do("ZDIFF", "2", "z", "y")("[b]")
	do("ZRANK", "z", "none")(nil)
}

func rueidisBits(t *testing.T, ctx context.Context, c rueidis.Client, do rueidisDo) {
	do("SETBIT", "b", "0", "1")(0)
	do("BITPOS", "b", "1")(0)
	do("BITFIELD", "b", "GET", "u2", "0", "INCRBY", "i5", "100", "-1")("[2 -1]")
	do("PFADD", "p", "a", "b", "c")(1)
	do("PFCOUNT", "p")(3)
	do("GEOADD", "g", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania")(2)
	locs, err := c.Do(ctx, c.B().Geosearch().Key("g").Frommember("Palermo").Byradius(200).Km().Asc().Withdist().Build()).AsGeosearch()
	expect(t, "GEOSEARCH", len(locs), err, 2)
	if len(locs) == 2 {
		expect(t, "its distance", locs[1].Dist, nil, 166.2742)
	}
}

func rueidisScripts(t *testing.T, ctx context.Context, c rueidis.Client, _ rueidisDo) {
	s := rueidis.NewLuaScript(`return {KEYS[1], tonumber(ARGV[1]) + 1}`)
	for range 2 {
		v, err := s.Exec(ctx, c, []string{"k"}, []string{"6"}).ToAny()
		expect(t, "Exec", v, err, "[k 7]")
	}
}

func rueidisBlocking(t *testing.T, ctx context.Context, c rueidis.Client, do rueidisDo) {
	got := make(chan rueidis.RedisResult, 1)
	go func() { got <- c.Do(ctx, c.B().Blpop().Key("q").Timeout(10).Build()) }()
	awaitBlockedIn(t, ctx, c)
	do("LPUSH", "q", "job")(1)
	v, err := (<-got).AsStrSlice()
	expect(t, "BLPOP", v, err, "[q job]")
	err = c.Do(ctx, c.B().Bzpopmin().Key("none").Timeout(0.01).Build()).Error()
	if !rueidis.IsRedisNil(err) {
		t.Errorf("BZPOPMIN of nothing: %v; want nil", err)
	}
}

func awaitBlockedIn(t *testing.T, ctx context.Context, c rueidis.Client) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		info, err := c.Do(ctx, c.B().Info().Section("clients").Build()).ToString()
		if err != nil {
			t.Fatal(err)
		}
		if blockedOne(info) {
			return
		}
		time.Sleep(time.Millisecond) // nothing tells when another client begins to wait
	}
	t.Fatal("no client waits")
}

func rueidisPubSub(t *testing.T, ctx context.Context, c rueidis.Client, _ rueidisDo) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	d, release := c.Dedicate()
	defer release()
	got := make(chan rueidis.PubSubMessage, 4)
	broken := d.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) { got <- m }})
	if err := d.Do(ctx, d.B().Subscribe().Channel("news").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	n, err := c.Do(ctx, c.B().Publish().Channel("news").Message("hi").Build()).ToInt64()
	expect(t, "PUBLISH", n, err, 1)
	select {
	case m := <-got:
		expect(t, "message", m.Channel+" "+m.Message, nil, "news hi")
	case err := <-broken:
		t.Errorf("subscription ended: %v", err)
	case <-ctx.Done():
		t.Error("no message came")
	}
}
