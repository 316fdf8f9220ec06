package bits_test

// What commands on bits do to the journal and to whoever listens, and their
// words of 8 bytes against bits one by one. The replies are compared with
// Redis's in respd/compat/testdata/bits.

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/respd/command"
	bitcmds "ledge/respd/command/bits"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/keys"
	"ledge/respd/command/strs"
)

func open(t testing.TB, cfg commandtest.Config) *commandtest.Client {
	return commandtest.Open(t, cfg, bitcmds.Table(), strs.Table(), keys.Table())
}

// One bit of a long string costs the journal a few bytes, as does a new key
// with a bit far behind its beginning.
func TestJournalTakesWhatIsTouched(t *testing.T) {
	c := open(t, commandtest.Config{})
	c.Do("SET", "k", strings.Repeat("x", 1<<20))
	for _, line := range []string{
		"SETBIT k 4000000 1", "SETBIT k 9000000 1", "SETBIT new 8000000 1",
		"BITFIELD k SET u8 5 200 INCRBY i64 77 3 SET u1 8388608 1",
		"BITFIELD other OVERFLOW FAIL SET u8 8000000 256",
	} {
		before := c.Journaled()
		if v := c.Line(line); v.IsError() {
			t.Fatalf("%s = %s", line, v)
		}
		if got := c.Journaled() - before; got == 0 || got > 300 {
			t.Errorf("%s journaled %d bytes; want some, but at most 300", line, got)
		}
	}
	c.Want("STRLEN new", "(integer) 1000001")
	c.Want("BITCOUNT new", "(integer) 1")
	c.Want("STRLEN other", "(integer) 1000001")
	c.Want("STRLEN k", "(integer) 1125001")
}

// What changes nothing is not journaled, and what is refused leaves nothing.
func TestNothingToWrite(t *testing.T) {
	c := open(t, commandtest.Config{MaxValue: 1000})
	c.Want("SET k abc", "OK")
	c.Events()
	before := c.Entries()
	for _, line := range []string{
		"SETBIT k 1 1", "SETBIT k 0 0", "BITFIELD k", "BITFIELD k GET u8 0", "BITFIELD none",
		"BITFIELD k SET u8 0 97", "BITFIELD k INCRBY u8 0 0", "BITFIELD none GET i5 1",
		"BITFIELD k OVERFLOW FAIL SET u8 0 256", "BITOP AND none none", "BITOP NOT d none",
		"SETBIT k 8000 1", "SETBIT none 8000 1", "BITFIELD none SET u8 8000 1",
	} {
		c.Line(line)
		if got := c.Entries(); got != before {
			t.Fatalf("%s left %d batches; want none", line, got-before)
		}
	}
	// Redis tells of a SET that sets what was there only if the string grew.
	if got := c.Events(); len(got) > 0 {
		t.Errorf("events %q; want none", got)
	}
	c.Want("DBSIZE", "(integer) 1")
	if got := c.Line("SETBIT none 8000 1").ErrorText(); !strings.Contains(got, "max-value is 1000") {
		t.Errorf("SETBIT behind max-value = %q; want a refusal with the figure", got)
	}
}

func TestEvents(t *testing.T) {
	c := open(t, commandtest.Config{})
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"SETBIT k 1 1", []string{"setbit k"}},
		{"SETBIT k 1 1", nil},
		{"SETBIT k 100 0", []string{"setbit k"}},
		{"BITFIELD k SET u8 0 1 INCRBY u8 0 1", []string{"setbit k"}},
		{"BITFIELD k SET u8 0 2", nil},
		{"BITFIELD k SET u8 200 0", []string{"setbit k"}},
		{"BITFIELD k OVERFLOW FAIL SET u8 400 256", nil},
		{"BITFIELD k GET u8 0", nil},
		{"BITOP OR d k", []string{"set d"}},
		{"BITOP OR d none", []string{"del d"}},
		{"BITOP OR d none", nil},
	} {
		c.Line(tt.line)
		if got := c.Events(); !slices.Equal(got, tt.want) {
			t.Errorf("events of %s = %q; want %q", tt.line, got, tt.want)
		}
	}
}

// Writing bits keeps the deadline; BITOP makes a string of its own.
func TestDeadlines(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"SETBIT k 4 1", "(integer) 9000"},
		{"SETBIT k 4000 1", "(integer) 9000"},
		{"BITFIELD k SET u8 3 77 SET u8 4000 1", "(integer) 9000"},
		{"BITOP NOT k k", "(integer) -1"},
	} {
		c := open(t, commandtest.Config{Now: time.UnixMilli(1_700_000_000_000)})
		c.Want("SET k abc EX 9", "OK")
		c.Line(tt.line)
		if got := c.Line("PTTL k").String(); got != tt.want {
			t.Errorf("PTTL after %s = %s; want %s", tt.line, got, tt.want)
		}
	}
}

// Of an expired string nothing is left in the one that takes its place.
func TestExpired(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"SETBIT k 0 1", `"\x80"`},
		{"BITFIELD k SET u8 4 255", `"\x0f\xf0"`},
		{"BITFIELD k SET u8 800 1", `"` + strings.Repeat(`\x00`, 100) + `\x01"`},
	} {
		c := open(t, commandtest.Config{Now: time.UnixMilli(1_700_000_000_000)})
		c.Want("SET k abc EX 9", "OK")
		c.Advance(9 * time.Second)
		c.Line(tt.line)
		c.Want("GET k", tt.want)
		c.Want("PTTL k", "(integer) -1")
	}
}

// Counting and searching by words must agree with looking at each bit.
func TestWords(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	c := open(t, commandtest.Config{})
	for range 300 {
		s := randomString(r)
		c.Do("SET", "k", string(s))
		first, last := r.IntN(8*len(s)), r.IntN(8*len(s))
		if first > last {
			first, last = last, first
		}
		n := 0
		at := [2]int{-1, -1}
		for i := last; i >= first; i-- {
			bit := int(s[i/8] >> (7 - i%8) & 1)
			n += bit
			at[bit] = i
		}
		if got := c.Line(fmt.Sprintf("BITCOUNT k %d %d BIT", first, last)).Num(); got != int64(n) {
			t.Errorf("BITCOUNT of %q from %d to %d = %d; want %d", s, first, last, got, n)
		}
		for bit, want := range at {
			got := c.Line(fmt.Sprintf("BITPOS k %d %d %d BIT", bit, first, last)).Num()
			if got != int64(want) {
				t.Errorf("BITPOS %d of %q from %d to %d = %d; want %d", bit, s, first, last, got, want)
			}
		}
	}
}

// randomString has long runs of zeros or ones.
func randomString(r *rand.Rand) []byte {
	s := make([]byte, 1+r.IntN(100))
	if r.IntN(2) == 0 {
		for i := range s {
			s[i] = 0xff
		}
	}
	for range r.IntN(4) {
		s[r.IntN(len(s))] ^= 1 << r.IntN(8)
	}
	return s
}

// BITOP by words must agree with BITOP byte by byte.
func TestOpWords(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	c := open(t, commandtest.Config{})
	for range 100 {
		a, b := randomString(r), randomString(r)
		c.Do("MSET", "a", string(a), "b", string(b))
		for _, op := range []struct {
			name string
			of   func(x, y byte) byte
		}{
			{"AND", func(x, y byte) byte { return x & y }},
			{"OR", func(x, y byte) byte { return x | y }},
			{"XOR", func(x, y byte) byte { return x ^ y }},
		} {
			want := make([]byte, max(len(a), len(b)))
			for i := range want {
				var x, y byte
				if i < len(a) {
					x = a[i]
				}
				if i < len(b) {
					y = b[i]
				}
				want[i] = op.of(x, y)
			}
			c.Do("BITOP", op.name, "d", "a", "b")
			if got := c.Line("GET d").Str(); got != string(want) {
				t.Errorf("BITOP %s of %q and %q = %q; want %q", op.name, a, b, got, want)
			}
		}
		c.Do("BITOP", "NOT", "d", "a")
		n := 0
		for _, x := range a {
			n += 8 - bits.OnesCount8(x)
		}
		if got := c.Line("BITCOUNT d").Num(); got != int64(n) {
			t.Errorf("BITOP NOT of %q has %d bits; want %d", a, got, n)
		}
	}
}

// A field that was set reads the same, and its neighbours are as they were.
func TestFields(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	c := open(t, commandtest.Config{})
	for range 300 {
		s := randomString(r)
		c.Do("SET", "k", string(s))
		width, off := 1+r.IntN(64), r.IntN(8*len(s))
		n := int64(r.Uint64()) >> (64 - width)
		c.Line(fmt.Sprintf("BITFIELD k SET i%d %d %d", width, off, n))
		if got := c.Line(fmt.Sprintf("BITFIELD_RO k GET i%d %d", width, off)).Elems()[0].Num(); got != n {
			t.Errorf("i%d at %d of %q = %d; want %d", width, off, s, got, n)
		}
		now := c.Line("GET k").Str()
		for i := range 8 * len(now) {
			var old byte
			if i/8 < len(s) {
				old = s[i/8]
			}
			if (i < off || i >= off+width) && (old^now[i/8])>>(7-i%8)&1 != 0 {
				t.Fatalf("i%d at %d of %q changed bit %d", width, off, s, i)
			}
		}
	}
}

// Rows that NewTable doesn't refuse can still be wrong.
func TestTable(t *testing.T) {
	table := command.NewTable(bitcmds.Table())
	for _, s := range table.All() {
		if s.Group != "bitmap" || s.Since == "" || s.Summary == "" || s.Keys.First == 0 ||
			s.Complexity == "" {
			t.Errorf("%s: group %q, since %q, summary %q, keys %v", s.Name, s.Group, s.Since,
				s.Summary, s.Keys)
		}
	}
	if got := len(table.All()); got != 7 {
		t.Errorf("%d commands; want 7", got)
	}
}
