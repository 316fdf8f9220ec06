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
	"ledge/replay/value"
	"ledge/replay/writer"
)

func TestFill(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for _, n := range []int{63, 64, 65, 127, 129, 512, 513, 1000, 10_000} {
		for _, long := range []bool{false, true} {
			t.Run(fmt.Sprint(n, long), func(t *testing.T) { testFill(t, rnd, n, long) })
		}
	}
}

func testFill(t *testing.T, rnd *rand.Rand, n int, long bool) {
	in := newFilling(rnd, n, long)
	node := replaytest.Open(t, 1, writer.Config{})
	errFail := errors.New("no")
	node.Must(in.write(0, n, errFail), in.write(0, 1, nil), in.write(1, n, errFail), in.write(1, n, nil))
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
	var size int
	node.Read(t, func(v *replay.View) { z, _ := v.ZSet([]byte("zset1")); size = z.Len() })
	count := max(0, size-20)
	node.Must(cutRanks(1, 7, count, count, errFail), cutRanks(0, 7, count, 1, nil), cutRanks(1, 7, count, count, nil))
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

// filling is what collections are filled with.
type filling struct {
	names  [][]byte
	scored []value.Scored
	pairs  [][]byte // of fields and values
}

func newFilling(rnd *rand.Rand, n int, long bool) *filling {
	in := &filling{names: make([][]byte, n), scored: make([]value.Scored, n)}
	for i := range in.names {
		in.names[i] = fmt.Appendf(nil, "%d", rnd.IntN(n)) // some come twice
		if long && i == n/2 {
			in.names[i] = fmt.Appendf(nil, "%0100d", i)
		}
		in.pairs = append(in.pairs, in.names[i], fmt.Appendf(nil, "%d", i))
		in.scored[i] = value.Scored{Member: in.names[i], Score: float64(rnd.IntN(100) - 50)}
	}
	return in
}

// write returns a command that fills the collections called at, in pieces of step.
func (in *filling) write(at, step int, fail error) replaytest.Command {
	return func(d *replay.Draft) error {
		for i := 0; i < len(in.names); i += step {
			end := min(len(in.names), i+step)
			for _, key := range []string{"list", "left", "set", "zset", "hash"} {
				k := fmt.Appendf(nil, "%s%d", key, at)
				var err error
				switch key {
				case "list":
					_, err = d.Push(k, false, in.names[i:end])
				case "left":
					_, err = d.Push(k, true, in.names[i:end])
				case "set":
					_, err = d.AddMembers(k, in.names[i:end])
				case "zset":
					err = d.SetScores(k, in.scored[i:end])
				case "hash":
					_, err = d.SetFields(k, 0, in.pairs[2*i:2*end])
				}
				if err != nil {
					return err
				}
			}
		}
		return fail
	}
}

// cutRanks returns a command that removes ranks of a sorted set, in pieces of step.
func cutRanks(at, first, count, step int, fail error) replaytest.Command {
	return func(d *replay.Draft) error {
		for range count / step {
			if err := d.RemoveRanks(fmt.Appendf(nil, "zset%d", at), first, step); err != nil {
				return err
			}
		}
		return fail
	}
}
