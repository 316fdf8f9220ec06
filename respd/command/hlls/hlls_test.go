package hlls_test

// HyperLogLogs against Redis's: the same bytes and the same estimates. The
// replies are compared in respd/compat/testdata/hlls; here are the figures that
// take too many elements for a script.

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/hlls"
	"ledge/respd/command/keys"
	"ledge/respd/command/strs"
)

func open(t testing.TB, cfg commandtest.Config) *commandtest.Client {
	return commandtest.Open(t, cfg, hlls.Table(), strs.Table(), keys.Table())
}

// addUpTo adds elements "prefix<from>" up to "prefix<to-1>", some
// thousand in a command.
func addUpTo(c *commandtest.Client, key, prefix string, from, to int) {
	for from < to {
		args := []string{"PFADD", key}
		for ; from < to && len(args) < 5000; from++ {
			args = append(args, fmt.Sprint(prefix, from))
		}
		c.Do(args...)
	}
}

// The value's SHA-256 and the estimate are those of redis-server 7.0.15 after
// the same PFADDs.
func TestSameAsRedis(t *testing.T) {
	c := open(t, commandtest.Config{})
	from := 0
	for _, tt := range []struct {
		n     int
		value string
		count int64
	}{
		{1, "54bd0380d9e97039aee4d973eef388d956dee2743f486d4fd49f1503d424f368", 1},
		{10, "a5ce62d368049c00181fc8233f456cef54bf7706a5e6a613530562d9d9f2c652", 10},
		{100, "28e31e2547b980be9aad13ecd2c02fb549be331441875739d0ee5a88e0f55b88", 99},
		{200, "02ac2335bad5141b1ae06806afbb5cb653af4c0c9581617ec8eb05ef043efbd9", 200},
		{400, "88bb73f47dc76ea2e8dc91ec2ec91aee708bf5b60d27dad7932804931850e60e", 401},
		{800, "7cc06f2a2e3d9d9a4d7e334dcfa0c55690eb051280c91d6dd3df62f715ec8566", 802},
		{1000, "c3d3a91d5d2882e1a3d0ccdc6a70c7ec3ce8e3aa58c8f26a04215d1556ef0e32", 997},
		{1500, "4b9bcf8f3f3325157a4be0945590a15794ee87539130faa24b611a5b000c388f", 1500},
		{2000, "1413d367ae2022e977710ab6beeebb989df83e8058a1c6e9d211d877c2bc24ea", 2004},
		{10000, "0f3e2f59563e4143525fbf68fe0747bbfde8182b114f4e4f0f069b614b3eb81b", 10017},
		{100000, "1361eb16307b51cd37a9924123ce76b09baeb0980b969be423b0f893b03f3ffe", 100039},
		{1000000, "08ae489404b93655136329b08efd151e4bc5bf061d0f4320b4ddfe3215fe874b", 1010357},
	} {
		addUpTo(c, "k", "element:", from, tt.n)
		from = tt.n
		sum := sha256.Sum256([]byte(c.Line("GET k").Str()))
		if got := hex.EncodeToString(sum[:]); got != tt.value {
			t.Errorf("the value of %d elements has the sum %s; want %s", tt.n, got, tt.value)
		}
		if got := c.Line("PFCOUNT k").Num(); got != tt.count {
			t.Errorf("PFCOUNT of %d elements = %d; want %d", tt.n, got, tt.count)
		}
		if got := c.Line("PFCOUNT k none").Num(); got != tt.count {
			t.Errorf("PFCOUNT of %d elements and none = %d; want %d", tt.n, got, tt.count)
		}
	}
}

// An element more costs the journal some bytes, not the 12 KiB of a dense
// value; of a sparse one, whose runs move, at most the whole. One that changes
// nothing costs none.
func TestJournalTakesWhatIsTouched(t *testing.T) {
	const entry = 100 // of a frame, a batch and an entry around the effects
	for _, tt := range []struct{ n, most int }{{100, 700}, {10000, 100}} {
		c := open(t, commandtest.Config{})
		addUpTo(c, "k", "e", 0, tt.n)
		grew, before := 0, c.Journaled()
		for i := range 100 {
			entries := c.Entries()
			changed := c.Do("PFADD", "k", fmt.Sprint("more", i)).Num()
			if got := c.Entries() - entries; int64(got) != changed {
				t.Fatalf("PFADD = %d and %d batches; want as many", changed, got)
			}
			grew += int(changed)
		}
		if got := c.Journaled() - before; grew == 0 || got > grew*(tt.most+entry) {
			t.Errorf("with %d elements %d more journaled %d bytes; want at most %d each", tt.n, grew,
				got, tt.most+entry)
		}
	}
}

func TestEvents(t *testing.T) {
	c := open(t, commandtest.Config{})
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"PFADD k", []string{"pfadd k"}},
		{"PFADD k", nil},
		{"PFADD k a", []string{"pfadd k"}},
		{"PFADD k a", nil},
		{"PFCOUNT k", nil},
		{"PFMERGE d k", []string{"pfadd d"}},
		{"PFMERGE d k", []string{"pfadd d"}},
		{"PFDEBUG TODENSE d", nil},
	} {
		c.Line(tt.line)
		if got := c.Events(); !slices.Equal(got, tt.want) {
			t.Errorf("events of %s = %q; want %q", tt.line, got, tt.want)
		}
	}
}

// All that changes a value keeps the deadline, however it is journaled.
func TestDeadlines(t *testing.T) {
	c := open(t, commandtest.Config{Now: time.UnixMilli(1_700_000_000_000)})
	addUpTo(c, "other", "o", 0, 3000)
	c.Line("PFADD k a")
	c.Want("PEXPIRE k 9000", "(integer) 1")
	for _, line := range []string{
		"PFADD k b", "PFMERGE k k", "PFDEBUG TODENSE k", "PFADD k c", "PFMERGE k other",
	} {
		c.Line(line)
		if got := c.Line("PTTL k").Num(); got != 9000 {
			t.Errorf("PTTL after %s = %d; want 9000", line, got)
		}
	}
	c.Advance(9 * time.Second)
	c.Want("PFCOUNT k", "(integer) 0")
	c.Want("PFADD k a", "(integer) 1")
	c.Want("PFCOUNT k", "(integer) 1")
	c.Want("PTTL k", "(integer) -1")
}

// What a command was refused for leaves nothing.
func TestTooLarge(t *testing.T) {
	c := open(t, commandtest.Config{MaxValue: 4000})
	addUpTo(c, "k", "e", 0, 500)
	before := c.Line("GET k").Str()
	if got := c.Line("PFDEBUG TODENSE k").ErrorText(); !strings.Contains(got, "max-value is 4000") {
		t.Errorf("TODENSE = %q; want a refusal with the figure", got)
	}
	if got := c.Line("GET k").Str(); got != before {
		t.Error("what was refused changed the value")
	}
}

// The standard error over many sets, of 1 to a million elements each, must be
// near the 0.81 % that 16384 registers promise. Large sets are fewer, for they take
// the time.
func TestStandardError(t *testing.T) {
	const bar = 0.9
	if testing.Short() {
		t.Skip("adds 14 million elements")
	}
	all, measured := 0.0, 0
	for _, group := range []struct {
		sets  int
		sizes []int
	}{
		{40, []int{1, 10, 100, 1000, 3000, 10_000, 30_000, 50_000, 100_000}},
		{10, []int{200_000, 500_000, 1_000_000}},
	} {
		squares := make([]float64, len(group.sizes))
		for set := range group.sets {
			for i, got := range hlls.Estimates(uint64(set), group.sizes) {
				off := 100 * (float64(got) - float64(group.sizes[i])) / float64(group.sizes[i])
				squares[i] += off * off
			}
		}
		for i, n := range group.sizes {
			t.Logf("%8d elements: standard error %.3f %%", n, math.Sqrt(squares[i]/float64(group.sets)))
			all += squares[i]
		}
		measured += group.sets * len(group.sizes)
	}
	got := math.Sqrt(all / float64(measured))
	t.Logf("all: %.3f %%", got)
	if got > bar {
		t.Errorf("standard error %.3f %%; want at most %v %%", got, bar)
	}
}

// Rows that NewTable doesn't refuse can still be wrong.
func TestTable(t *testing.T) {
	table := command.NewTable(hlls.Table())
	for _, s := range table.All() {
		if s.Group != "hyperloglog" || s.Since == "" || s.Summary == "" || s.Complexity == "" {
			t.Errorf("%s: group %q, since %q, summary %q, complexity %q", s.Name, s.Group, s.Since,
				s.Summary, s.Complexity)
		}
	}
	if got := len(table.All()); got != 5 {
		t.Errorf("%d commands; want 5", got)
	}
}
