package compat_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"ledge/respd/resp"
)

// Random scores of all sizes, and those at edges, are shown as Redis shows them
// by each command that has a way of its own, in small and in large sorted sets.
func TestScores(t *testing.T) {
	redis, ours := startRedis(t), startLedge(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	scores := []float64{0, math.Copysign(0, -1), 0.1, 1e21, 1e20, 1e-7, 3, math.Inf(1), math.Inf(-1), 5e-324,
		math.MaxFloat64, 1e15, 1e16, 1e17, 1 << 52, 1 << 53, 1<<53 + 2, 1 << 62, -1 << 62, 1<<62 + 1024, -1<<62 - 1024,
		1 << 63, 123456789012345678, 1e-5, 1e-4, 0.30000000000000004}
	for len(scores) < 3000 {
		if f := math.Float64frombits(r.Uint64()); !math.IsNaN(f) {
			scores = append(scores, f)
		}
		scores = append(scores, r.NormFloat64()*1e6, float64(r.Int64()>>r.IntN(63)), float64(r.IntN(1000))/8)
	}
	for _, proto := range []int{2, 3} {
		want, got := dial(t, redis, proto), dial(t, ours, proto)
		want.reset(t)
		got.reset(t)
		for _, size := range []int{50, 1000} { // as a listpack, and as a skip list
			for from := 0; from+size <= len(scores); from += size {
				compareScores(t, want, got, scores[from:from+size])
			}
		}
	}
}

func compareScores(t *testing.T, redis, ours *peer, scores []float64) {
	t.Helper()
	add, all := []string{"ZADD", "z"}, []string{"ZMSCORE", "z"}
	for i, f := range scores {
		add = append(add, strconv.FormatFloat(f, 'g', -1, 64), fmt.Sprint("m", i))
		all = append(all, fmt.Sprint("m", i))
	}
	for _, args := range [][]string{
		{"DEL", "z"}, add, all, {"ZRANGE", "z", "0", "-1", "WITHSCORES"}, {"ZINCRBY", "z", "0.1", "m0"},
		{"ZADD", "z", "INCR", "-0", "m1"}, {"ZUNION", "1", "z", "WITHSCORES", "WEIGHTS", "-1"}, {"ZPOPMAX", "z", "5"},
		{"ZRANGESTORE", "d", "z", "(-1", "+inf", "BYSCORE"}, {"ZRANGE", "d", "0", "-1", "WITHSCORES"},
		{"ZRANGESTORE", "d", "z", "0", "-1"}, {"ZRANGE", "d", "0", "-1", "WITHSCORES"},
	} {
		want, err := redis.do(0, args)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ours.do(0, args)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(want) {
			t.Errorf("%.80q\n got  %.3000v\n want %.3000v", args, got, want)
		}
	}
	want, got := scanScores(t, redis), scanScores(t, ours)
	for member, score := range want {
		if got[member] != score {
			t.Errorf("ZSCAN: %s has the score %s; want %s", member, got[member], score)
		}
	}
	if len(got) != len(want) {
		t.Errorf("ZSCAN finds %d members; want %d", len(got), len(want))
	}
}

// scanScores returns all members of a sorted set with their scores as ZSCAN
// shows them.
func scanScores(t *testing.T, p *peer) map[string]string {
	found := make(map[string]string)
	for cursor := ""; cursor != "0"; {
		v, err := p.do(0, []string{"ZSCAN", "z", cursor})
		if err != nil || len(v.Elems()) != 2 || v.Elems()[1].Kind() != resp.KindArray {
			t.Fatalf("ZSCAN: %v, %v", v, err)
		}
		cursor = v.Elems()[0].Str()
		for es := v.Elems()[1].Elems(); len(es) > 1; es = es[2:] {
			found[es[0].Str()] = es[1].Str()
		}
	}
	return found
}
