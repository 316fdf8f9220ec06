package compat_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
)

func goRedisHashes(t *testing.T, ctx context.Context, c *redis.Client) {
	r := two(t)
	r(c.HSet(ctx, "h", map[string]any{"name": "a", "age": 7, "rate": 1.5}).Result())("HSet", 3)
	r(c.HGet(ctx, "h", "name").Result())("HGet", "a")
	r(c.HMGet(ctx, "h", "age", "none").Result())("HMGet", "[7 <nil>]")
	r(c.HIncrBy(ctx, "h", "age", 3).Result())("HIncrBy", 10)
	r(c.HIncrByFloat(ctx, "h", "rate", 0.25).Result())("HIncrByFloat", 1.75)
	r(c.HGetAll(ctx, "h").Result())("HGetAll", map[string]string{"name": "a", "age": "10", "rate": "1.75"})
	var row struct {
		Name string  `redis:"name"`
		Age  int     `redis:"age"`
		Rate float64 `redis:"rate"`
	}
	err := c.HGetAll(ctx, "h").Scan(&row)
	r(row, err)("Scan", "{a 10 1.75}")
	r(c.HSetNX(ctx, "h", "name", "b").Result())("HSetNX", false)
	r(c.HExists(ctx, "h", "none").Result())("HExists", false)
	r(c.HDel(ctx, "h", "rate", "none").Result())("HDel", 1)
	r(c.HLen(ctx, "h").Result())("HLen", 2)
	r(c.HStrLen(ctx, "h", "age").Result())("HStrLen", 2)
	keys, err := c.HKeys(ctx, "h").Result()
	slices.Sort(keys)
	r(keys, err)("HKeys", "[age name]")
	vals, _, err := c.HScan(ctx, "h", 0, "n*", 10).Result()
	r(vals, err)("HScan", "[name a]")
	pairs, err := c.HRandFieldWithValues(ctx, "h", 5).Result()
	r(len(pairs), err)("HRandFieldWithValues", 2)
	expectError(t, "Get", c.Get(ctx, "h").Err(), "WRONGTYPE")
}

func goRedisLists(t *testing.T, ctx context.Context, c *redis.Client) {
	r := two(t)
	r(c.RPush(ctx, "l", "a", "b", "c", "d").Result())("RPush", 4)
	r(c.LPush(ctx, "l", "z").Result())("LPush", 5)
	r(c.LRange(ctx, "l", 0, -1).Result())("LRange", "[z a b c d]")
	r(c.LPop(ctx, "l").Result())("LPop", "z")
	r(c.RPopCount(ctx, "l", 2).Result())("RPopCount", "[d c]")
	r(c.LMove(ctx, "l", "m", "LEFT", "RIGHT").Result())("LMove", "a")
	r(c.LInsertAfter(ctx, "l", "b", "x").Result())("LInsertAfter", 2)
	r(c.LSet(ctx, "l", 0, "y").Result())("LSet", "OK")
	r(c.LIndex(ctx, "l", -1).Result())("LIndex", "x")
	r(c.LPos(ctx, "l", "x", redis.LPosArgs{}).Result())("LPos", 1)
	r(c.LRem(ctx, "l", 0, "x").Result())("LRem", 1)
	r(c.LTrim(ctx, "l", 0, 0).Result())("LTrim", "OK")
	r(c.LLen(ctx, "l").Result())("LLen", 1)
	key, vals, err := c.LMPop(ctx, "left", 5, "none", "l").Result()
	r([]any{key, vals}, err)("LMPop", "[l [y]]")
}

func goRedisSets(t *testing.T, ctx context.Context, c *redis.Client) {
	r := two(t)
	r(c.SAdd(ctx, "s", "a", "b", "c").Result())("SAdd", 3)
	r(c.SAdd(ctx, "u", "b", "c", "d").Result())("SAdd", 3)
	all := func(v []string, err error) ([]string, error) { slices.Sort(v); return v, err }
	r(all(c.SMembers(ctx, "s").Result()))("SMembers", "[a b c]")
	r(all(c.SInter(ctx, "s", "u").Result()))("SInter", "[b c]")
	r(all(c.SUnion(ctx, "s", "u").Result()))("SUnion", "[a b c d]")
	r(all(c.SDiff(ctx, "s", "u").Result()))("SDiff", "[a]")
	r(c.SInterStore(ctx, "i", "s", "u").Result())("SInterStore", 2)
	r(c.SIsMember(ctx, "s", "a").Result())("SIsMember", true)
	r(c.SMIsMember(ctx, "s", "a", "x").Result())("SMIsMember", "[true false]")
	r(c.SMove(ctx, "s", "u", "a").Result())("SMove", true)
	r(c.SRem(ctx, "s", "b").Result())("SRem", 1)
	r(c.SPop(ctx, "s").Result())("SPop", "c")
	some, err := c.SRandMemberN(ctx, "i", 9).Result()
	r(len(some), err)("SRandMemberN", 2)
	r(c.SCard(ctx, "u").Result())("SCard", 4)
	vals, cursor, err := c.SScan(ctx, "u", 0, "", 100).Result()
	r([]any{len(vals), cursor}, err)("SScan", "[4 0]")
}

func goRedisZsets(t *testing.T, ctx context.Context, c *redis.Client) {
	r := two(t)
	r(c.ZAdd(ctx, "z", redis.Z{Score: 1, Member: "a"}, redis.Z{Score: 2.5, Member: "b"},
		redis.Z{Score: math.Inf(1), Member: "c"}).Result())("ZAdd", 3)
	r(c.ZAddArgsIncr(ctx, "z", redis.ZAddArgs{Members: []redis.Z{{Score: 4, Member: "a"}}}).Result())("ZAddArgsIncr", 5)
	r(c.ZScore(ctx, "z", "c").Result())("ZScore", "+Inf")
	r(c.ZMScore(ctx, "z", "a", "b").Result())("ZMScore", "[5 2.5]")
	r(c.ZRangeWithScores(ctx, "z", 0, -1).Result())("ZRangeWithScores", "[{2.5 b} {5 a} {+Inf c}]")
	r(c.ZRangeArgs(ctx, redis.ZRangeArgs{Key: "z", Start: "+inf", Stop: "(2.5", ByScore: true, Rev: true, Count: 5}).
		Result())("ZRangeArgs", "[c a]")
	r(c.ZRank(ctx, "z", "a").Result())("ZRank", 1)
	r(c.ZIncrBy(ctx, "z", -10, "a").Result())("ZIncrBy", -5)
	r(c.ZCount(ctx, "z", "-inf", "(3").Result())("ZCount", 2)
	r(c.ZRangeStore(ctx, "zs", redis.ZRangeArgs{Key: "z", Start: 0, Stop: 1}).Result())("ZRangeStore", 2)
	r(c.ZUnionStore(ctx, "zu", &redis.ZStore{Keys: []string{"z", "zs"}, Weights: []float64{1, 2}}).Result())("ZUnionStore", 3)
	r(c.ZInterWithScores(ctx, &redis.ZStore{Keys: []string{"z", "zs"}, Aggregate: "MAX"}).Result())("ZInter", "[{-5 a} {2.5 b}]")
	r(c.ZPopMin(ctx, "zu", 2).Result())("ZPopMin", "[{-15 a} {7.5 b}]")
	r(c.ZPopMax(ctx, "z").Result())("ZPopMax", "[{+Inf c}]")
	r(c.ZRem(ctx, "z", "a", "none").Result())("ZRem", 1)
	vals, _, err := c.ZScan(ctx, "z", 0, "", 10).Result()
	r(vals, err)("ZScan", "[b 2.5]")
	r(c.ZRandMemberWithScores(ctx, "z", 1).Result())("ZRandMember", "[{2.5 b}]")
	if err := c.ZScore(ctx, "z", "none").Err(); err != redis.Nil {
		t.Errorf("ZScore of nothing: %v; want redis.Nil", err)
	}
}

func goRedisBits(t *testing.T, ctx context.Context, c *redis.Client) {
	r := two(t)
	r(c.SetBit(ctx, "b", 7, 1).Result())("SetBit", 0)
	r(c.GetBit(ctx, "b", 7).Result())("GetBit", 1)
	r(c.BitCount(ctx, "b", &redis.BitCount{Start: 0, End: 7, Unit: "BIT"}).Result())("BitCount", 1)
	r(c.BitPos(ctx, "b", 1).Result())("BitPos", 7)
	r(c.BitOpNot(ctx, "n", "b").Result())("BitOpNot", 1)
	r(c.BitField(ctx, "f", "SET", "u8", 0, 255, "OVERFLOW", "FAIL", "INCRBY", "u8", 0, 1, "GET", "u4", "#1").Result())("BitField", "[0 0 15]")
}

func goRedisHLL(t *testing.T, ctx context.Context, c *redis.Client) {
	r := two(t)
	r(c.PFAdd(ctx, "p", "a", "b", "c").Result())("PFAdd", 1)
	r(c.PFAdd(ctx, "q", "c", "d").Result())("PFAdd", 1)
	r(c.PFCount(ctx, "p", "q").Result())("PFCount", 4)
	r(c.PFMerge(ctx, "m", "p", "q").Result())("PFMerge", "OK")
}

func goRedisGeo(t *testing.T, ctx context.Context, c *redis.Client) {
	r := two(t)
	r(c.GeoAdd(ctx, "g", &redis.GeoLocation{Name: "Palermo", Longitude: 13.361389, Latitude: 38.115556},
		&redis.GeoLocation{Name: "Catania", Longitude: 15.087269, Latitude: 37.502669}).Result())("GeoAdd", 2)
	r(c.GeoDist(ctx, "g", "Palermo", "Catania", "km").Result())("GeoDist", 166.2742)
	r(c.GeoHash(ctx, "g", "Palermo").Result())("GeoHash", "[sqc8b49rny0]")
	r(c.GeoSearch(ctx, "g", &redis.GeoSearchQuery{Longitude: 15, Latitude: 37, Radius: 200, RadiusUnit: "km", Sort: "ASC"}).
		Result())("GeoSearch", "[Catania Palermo]")
	locs, err := c.GeoSearchLocation(ctx, "g", &redis.GeoSearchLocationQuery{WithDist: true, WithCoord: true,
		GeoSearchQuery: redis.GeoSearchQuery{Member: "Palermo", BoxWidth: 10, BoxHeight: 10, BoxUnit: "km"}}).Result()
	r(len(locs), err)("GeoSearchLocation", 1)
	pos, err := c.GeoPos(ctx, "g", "Palermo", "none").Result()
	r(pos[1] == nil && math.Abs(pos[0].Latitude-38.115556) < 1e-5, err)("GeoPos", true)
	r(c.GeoSearchStore(ctx, "g", "near", &redis.GeoSearchStoreQuery{StoreDist: true,
		GeoSearchQuery: redis.GeoSearchQuery{Member: "Palermo", Radius: 1, RadiusUnit: "m"}}).Result())("GeoSearchStore", 1)
}

func goRedisSort(t *testing.T, ctx context.Context, c *redis.Client) {
	r := two(t)
	c.RPush(ctx, "l", 3, 1, 2)
	c.MSet(ctx, "w1", 9, "w2", 8, "w3", 7)
	r(c.Sort(ctx, "l", &redis.Sort{Order: "DESC"}).Result())("Sort", "[3 2 1]")
	r(c.Sort(ctx, "l", &redis.Sort{By: "w*", Get: []string{"#", "w*"}, Count: 2}).Result())("Sort", "[3 7 2 8]")
	r(c.SortStore(ctx, "l", "sorted", &redis.Sort{Alpha: true}).Result())("SortStore", 3)
}
