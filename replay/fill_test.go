package replay_test

// Collections that are filled at once must be what they are when their elements
// come one by one: the same digest, order and size; and a command that fails
// leaves none of it.

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

func TestFill(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for _, n := range []int{63, 64, 65, 127, 129, 512, 513, 1000, 40_000} {
		for _, long := range []bool{false, true} {
			t.Run(fmt.Sprint(n, long), func(t *testing.T) { testFill(t, rnd, n, long) })
		}
	}
}

func testFill(t *testing.T, rnd *rand.Rand, n int, long bool) {
	names := make([][]byte, n)
	scored := make([]replay.Scored, n)
	var pairs [][]byte
	for i := range names {
		names[i] = fmt.Appendf(nil, "%d", rnd.IntN(n)) // some come twice
		if long && i == n/2 {
			names[i] = fmt.Appendf(nil, "%0100d", i)
		}
		pairs = append(pairs, names[i], fmt.Appendf(nil, "%d", i))
		scored[i] = replay.Scored{Member: names[i], Score: float64(rnd.IntN(100) - 50)}
	}
	node := replaytest.Open(t, 1, writer.Config{})
	errFail := errors.New("no")
	write := func(at, step int, fail error) replaytest.Command {
		return func(d *replay.Draft) error {
			for i := 0; i < n; i += step {
				end := min(n, i+step)
				for _, key := range []string{"list", "left", "set", "zset", "hash"} {
					k := fmt.Appendf(nil, "%s%d", key, at)
					var err error
					switch key {
					case "list":
						_, err = d.Push(k, false, names[i:end])
					case "left":
						_, err = d.Push(k, true, names[i:end])
					case "set":
						_, err = d.AddMembers(k, names[i:end])
					case "zset":
						err = d.SetScores(k, scored[i:end])
					case "hash":
						_, err = d.SetFields(k, 0, pairs[2*i:2*end])
					}
					if err != nil {
						return err
					}
				}
			}
			return fail
		}
	}
	node.Must(write(0, n, errFail), write(0, 1, nil), write(1, n, errFail), write(1, n, nil))
	node.Read(t, func(v *replay.View) {
		if v.Len(0) != 10 {
			t.Errorf("%d keys; want 10", v.Len(0))
		}
		for _, key := range []string{"list", "left", "set", "zset", "hash"} {
			one, all := replaytest.Show(t, v, key+"0"), replaytest.Show(t, v, key+"1")
			if one != all {
				t.Errorf("%s: at once it is %.200s; want %.200s", key, all, one)
			}
		}
	})
	cut := func(at, first, count, step int, fail error) replaytest.Command {
		return func(d *replay.Draft) error {
			for range count / step {
				if err := d.RemoveRanks(fmt.Appendf(nil, "zset%d", at), first, step); err != nil {
					return err
				}
			}
			return fail
		}
	}
	var size int
	node.Read(t, func(v *replay.View) { z, _ := v.ZSet([]byte("zset1")); size = z.Len() })
	count := max(0, size-20)
	node.Must(cut(1, 7, count, count, errFail), cut(0, 7, count, 1, nil), cut(1, 7, count, count, nil))
	node.Read(t, func(v *replay.View) {
		if one, all := replaytest.Show(t, v, "zset0"), replaytest.Show(t, v, "zset1"); one != all {
			t.Errorf("cut at once it is %.200s; want %.200s", all, one)
		}
	})
	again := node.Replay(t, node.Pos().Seq)
	if got, want := again.Pos(), node.Pos(); got != want {
		t.Errorf("the journal adds up to %v; the state is at %v", got, want)
	}
}
