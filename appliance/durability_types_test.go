package appliance_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// The collections of a writer in TestKill. What one holds is known as its
// elements, separated by spaces: a list's in order, others sorted.
var collectionNames = []string{"list", "hash", "set", "zset"}

// mostElements keeps a writer's collections small: TestKill has many.
const mostElements = 12

// collect makes up a command on one of the writer's collections.
func (w *writer) collect(has map[string]item) step {
	name := collectionNames[w.rng.Intn(len(collectionNames))]
	k, elem := w.key(name), fmt.Sprintf("e%d", w.n)
	there := strings.Fields(has[k].value)
	if len(there) > 0 && (len(there) >= mostElements || w.rng.Intn(3) == 0) {
		return w.take(name, k, there)
	}
	line := []string{"", k, elem}
	switch name {
	case "list":
		line[0] = "RPUSH"
	case "set":
		line[0] = "SADD"
	case "zset":
		line, elem = []string{"ZADD", k, "1.5", elem}, elem+"=1.5"
	case "hash":
		line, elem = []string{"HSET", k, elem, "v"}, elem+"=v"
	}
	return step{[][]string{line}, func(m map[string]item) {
		all := append(strings.Fields(m[k].value), elem)
		if name != "list" {
			slices.Sort(all)
		}
		m[k] = item{value: strings.Join(all, " ")}
	}}
}

// take makes up a command that takes an element out, the first of a list.
func (w *writer) take(name, k string, there []string) step {
	i := 0
	if name != "list" {
		i = w.rng.Intn(len(there))
	}
	elem, _, _ := strings.Cut(there[i], "=")
	line := map[string][]string{"list": {"LPOP", k}, "set": {"SREM", k, elem},
		"zset": {"ZREM", k, elem}, "hash": {"HDEL", k, elem}}[name]
	return step{[][]string{line}, func(m map[string]item) {
		rest := slices.DeleteFunc(strings.Fields(m[k].value), func(e string) bool {
			e, _, _ = strings.Cut(e, "=")
			return e == elem
		})
		if m[k] = (item{value: strings.Join(rest, " ")}); len(rest) == 0 {
			delete(m, k)
		}
	}}
}

// fetchCollections adds what a writer's collections hold to got.
func fetchCollections(t *testing.T, c *redis.Client, w *writer, got map[string]item) {
	t.Helper()
	ctx := t.Context()
	pipe := c.Pipeline()
	list, set := pipe.LRange(ctx, w.key("list"), 0, -1), pipe.SMembers(ctx, w.key("set"))
	hash, zset := pipe.HGetAll(ctx, w.key("hash")), pipe.ZRangeWithScores(ctx, w.key("zset"), 0, -1)
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatalf("collections of client %d: %v", w.id, err)
	}
	elems := map[string][]string{"list": list.Val(), "set": set.Val()}
	for f, v := range hash.Val() {
		elems["hash"] = append(elems["hash"], f+"="+v)
	}
	for _, z := range zset.Val() {
		elems["zset"] = append(elems["zset"], fmt.Sprint(z.Member)+"="+strconv.FormatFloat(z.Score, 'g', -1, 64))
	}
	for name, all := range elems {
		if name != "list" {
			slices.Sort(all)
		}
		if len(all) > 0 {
			got[w.key(name)] = item{value: strings.Join(all, " ")}
		}
	}
}
