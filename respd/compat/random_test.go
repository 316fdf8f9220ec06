package compat_test

// The proof that ledge answers as Redis does: random commands of all types are
// sent to a real redis-server and to ledge, in the same batches, and every
// reply is compared; at intervals everything that both hold is, too. A
// difference is printed with the seed, and with the shortest sequence of
// commands that still shows it, ready to be put into a script.
//
// random_gen_test.go draws arguments; random_<type>_test.go has the commands of
// a type; random_pair_test.go sends and compares; random_rules_test.go says
// what "the same" is where it is not "equal"; random_special_test.go has what
// takes more than one command; random_shrink_test.go shortens.

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	diffSeed = flag.Uint64("differential.seed", 0,
		"seed of TestDifferential; 0 is a fixed one, and then one that is drawn")
	diffCount = flag.Int("differential.count", 200_000, "commands of TestDifferential for each seed")
	diffOnly  = flag.String("differential.only", "",
		"the only families of commands that TestDifferential sends, with commas between them")
	diffReports = flag.Int("differential.reports", 8, "differences after which TestDifferential stops")
)

const fixedSeed = 20260117

func TestDifferential(t *testing.T) {
	seeds := []uint64{fixedSeed, uint64(time.Now().UnixNano())}
	if *diffSeed != 0 {
		seeds = []uint64{*diffSeed}
	}
	differential(t, startRedis(t), startLedge(t), *diffCount, seeds)
}

// The rules must not find a difference where there is none: Redis is compared
// with itself.
func TestDifferentialOfRedis(t *testing.T) {
	differential(t, startRedis(t), startRedis(t), min(*diffCount, 40_000), []uint64{fixedSeed + *diffSeed})
}

func differential(t *testing.T, redis, ours string, count int, seeds []uint64) {
	if testing.Short() {
		count = min(count, 20_000)
	}
	entries := chosen(t)
	for _, addr := range []string{redis, ours} {
		// Redis looks so often whether a client has waited long enough.
		if v, err := dial(t, addr, 2).do(0, []string{"CONFIG", "SET", "hz", "500"}); err != nil {
			t.Fatalf("CONFIG SET hz: %v, %v", v, err)
		}
	}
	for _, seed := range seeds {
		for _, proto := range []int{2, 3} {
			t.Run(fmt.Sprintf("seed=%d/resp%d", seed, proto), func(t *testing.T) {
				t.Logf("again with -differential.seed=%d", seed)
				p := newPair(t, redis, ours, proto)
				r := &run{
					t:     t,
					seed:  seed,
					pair:  p,
					gen:   newGen(rand.New(rand.NewPCG(seed, uint64(proto))), entries),
					known: make(map[string]bool),
				}
				r.commands(count / 2)
			})
		}
	}
}

// run is one half of the test: one seed in one protocol.
type run struct {
	t    *testing.T
	seed uint64
	pair *pair
	gen  *gen
	// past is all that was sent since both were empty.
	past  []turn
	sent  int
	known map[string]bool // commands of which a difference was reported
}

// Both servers are compared as a whole each time so many commands were sent.
const wholeEvery = 5000

func (r *run) commands(count int) {
	r.pair.reset(r.t)
	started, whole := time.Now(), wholeEvery
	for r.sent < count && len(r.known) < *diffReports {
		r.play(r.gen.batch())
		if r.sent >= whole {
			whole += wholeEvery
			r.play([]turn{{req: wholeData()}})
		}
	}
	r.play([]turn{{req: wholeData()}})
	r.t.Logf("%d commands in %v", r.sent, time.Since(started).Round(time.Millisecond))
}

// play sends a batch. After a difference both servers begin anew, because what
// they hold is no longer the same.
func (r *run) play(batch []turn) {
	n, d := r.pair.play(r.t, batch)
	r.past = append(r.past, batch[:n]...)
	r.sent += n
	if d == nil {
		return
	}
	if name := strings.ToLower(d.name()); !r.known[name] {
		r.known[name] = true
		tail := shrink(r.t, r.pair, r.past, d)
		r.t.Errorf("seed %d, command %d: %.2000s\n redis %.2000s\n ledge %.2000s\nshortest sequence:\n%s",
			r.seed, r.sent, d.turn, d.want, d.got, script(tail))
	}
	r.pair.reset(r.t)
	r.gen.restart()
	r.past = nil
}

// chosen returns the entries of the families that are asked for.
func chosen(t *testing.T) []entry {
	t.Helper()
	var out []entry
	for _, family := range families {
		if *diffOnly == "" || slices.Contains(strings.Split(*diffOnly, ","), family.name) {
			out = append(out, family.entries()...)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no commands of %q", *diffOnly)
	}
	return out
}
