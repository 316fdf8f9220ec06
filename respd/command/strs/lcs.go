package strs

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errLCSType resp.Error = "ERR The specified keys must contain string values"
	errLCSBoth resp.Error = "ERR If you want both the length and indexes, please just use IDX."
	errLCSSize resp.Error = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
)

// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]
func lcs() *command.Spec {
	return family.Read(command.Spec{
		Name: "lcs", Arity: -3, Flags: command.Slow, Keys: command.TwoKeys,
		Syntax: "<key1> <key2> [LEN] [IDX] [MINMATCHLEN <len>] [WITHMATCHLEN]",
		Since:  "7.0.0", Complexity: "O(N*M) where N and M are the lengths of the strings",
		Summary: "Find the longest common subsequence of two strings.",
	}, runLCS)
}

// lcsOptions are the options of LCS.
type lcsOptions struct {
	length, indexes, withLen bool
	minLen                   int64
}

func runLCS(v *replay.View, args command.Args) resp.Value {
	a, _, errA := v.GetString(args[1])
	b, _, errB := v.GetString(args[2])
	if errA != nil || errB != nil {
		return resp.Err(errLCSType)
	}
	o, err := parseLCS(args)
	if err != nil {
		return resp.FromError(err)
	}
	// Redis keeps four bytes for each pair of positions and we one bit; what
	// it refuses we refuse, so the time is bounded too.
	if cells := uint64(len(a)+1) * uint64(len(b)+1); cells > resp.DefaultMaxBulk/4 {
		return resp.Err(errLCSSize)
	}
	t := newSubsequence(a, b)
	switch {
	case o.indexes:
		return t.ranges(o)
	case o.length:
		return resp.Int(int64(t.length))
	}
	return resp.Bulk(t.text())
}

var lcsWords = command.Options[lcsOptions]{
	{Word: "IDX", Read: func(o lcsOptions, _ command.Args) (lcsOptions, error) { o.indexes = true; return o, nil }},
	{Word: "LEN", Read: func(o lcsOptions, _ command.Args) (lcsOptions, error) { o.length = true; return o, nil }},
	{Word: "WITHMATCHLEN", Read: func(o lcsOptions, _ command.Args) (lcsOptions, error) { o.withLen = true; return o, nil }},
	{Word: "MINMATCHLEN", Takes: 1, Read: func(o lcsOptions, vals command.Args) (_ lcsOptions, err error) {
		o.minLen, err = vals.Int(0)
		return o, err
	}},
}

func parseLCS(args command.Args) (lcsOptions, error) {
	g, err := lcsWords.Parse(args[3:], lcsOptions{})
	if err == nil && g.Value.length && g.Value.indexes {
		err = errLCSBoth
	}
	return g.Value, err
}

// subsequence is the longest common subsequence of a and b. Of several it is
// the one that Redis finds: where neither byte belongs to it, the walk from
// the ends steps back in b unless a is strictly better.
type subsequence struct {
	a, b   string
	length int
	inA    []uint64 // bit i*len(b)+j: from a[i], b[j] the walk steps back in a
}

func newSubsequence(a, b string) *subsequence {
	t := &subsequence{a: a, b: b, inA: make([]uint64, (len(a)*len(b)+63)/64)}
	above := make([]uint32, len(b)+1) // lengths with one byte of a less
	row := make([]uint32, len(b)+1)
	for i := range len(a) {
		for j := range len(b) {
			switch {
			case a[i] == b[j]:
				row[j+1] = above[j] + 1
			case above[j+1] > row[j]:
				row[j+1] = above[j+1]
				bit := i*len(b) + j
				t.inA[bit/64] |= 1 << (bit % 64)
			default:
				row[j+1] = row[j]
			}
		}
		above, row = row, above
	}
	t.length = int(above[len(b)])
	return t
}

// walk calls fn with the places of each common byte, from the last to the
// first.
func (t *subsequence) walk(fn func(i, j int)) {
	i, j := len(t.a)-1, len(t.b)-1
	for i >= 0 && j >= 0 {
		bit := i*len(t.b) + j
		switch {
		case t.a[i] == t.b[j]:
			fn(i, j)
			i--
			j--
		case t.inA[bit/64]>>(bit%64)&1 == 1:
			i--
		default:
			j--
		}
	}
}

// text returns the subsequence itself.
func (t *subsequence) text() string {
	out := make([]byte, t.length)
	at := t.length
	t.walk(func(i, _ int) {
		at--
		out[at] = t.a[i]
	})
	return string(out)
}

// ranges answers where the subsequence lies in both strings, last range first.
func (t *subsequence) ranges(o lcsOptions) resp.Value {
	matches := []resp.Value{}
	startA, startB, size := 0, 0, int64(0)
	emit := func() {
		if size == 0 || size < o.minLen {
			return
		}
		m := []resp.Value{span(startA, size), span(startB, size)}
		if o.withLen {
			m = append(m, resp.Int(size))
		}
		matches = append(matches, resp.Array(m...))
	}
	t.walk(func(i, j int) {
		if size == 0 || i != startA-1 || j != startB-1 {
			emit()
			size = 0
		}
		startA, startB = i, j
		size++
	})
	emit()
	return resp.Map(resp.Bulk("matches"), resp.Array(matches...),
		resp.Bulk("len"), resp.Int(int64(t.length)))
}

func span(start int, size int64) resp.Value {
	return resp.Array(resp.Int(int64(start)), resp.Int(int64(start)+size-1))
}
