package command

import (
	"ledge/respd/number"
	"ledge/respd/resp"
)

// Options declares the options of a command, in place of a branch for each: the
// words, what each says, what it takes, and what it may not stand together with. T is
// what their values are read into.
type Options[T any] []Option[T]

// Option is one word among a command's arguments, of any case.
type Option[T any] struct {
	Word string // in upper case
	// Says is what it says, as a bit of the command's own. Not are bits of those
	// before it that it contradicts, its own if it may stand only once. Clash is the
	// answer to a contradiction; nil is ErrSyntax.
	Says, Not OptionBits
	Clash     error
	// Takes is how many values follow. Missing is the answer when there are fewer; nil
	// is ErrSyntax.
	Takes   int
	Missing error
	// Read returns to with what the option and its values say put into it. T is handed
	// over by value, so that a command with options makes nothing on the heap.
	Read func(to T, vals Args) (T, error)
}

// OptionBits are what options say.
type OptionBits uint32

// Has reports whether any of the bits is set.
func (b OptionBits) Has(bits OptionBits) bool { return b&bits != 0 }

// Given is what options have said.
type Given[T any] struct {
	Bits  OptionBits
	Value T
}

// Parse reads arguments which are all options, into what value is when there are
// none. It returns ErrSyntax for one that is none of them.
func (os Options[T]) Parse(args Args, value T) (Given[T], error) {
	g := Given[T]{Value: value}
	for i := 0; i < len(args); {
		n, err := os.Take(args, i, &g)
		if n == 0 && err == nil {
			err = ErrSyntax
		}
		if err != nil {
			return g, err
		}
		i += n
	}
	return g, nil
}

// Take reads the option that stands at argument i, if one does, and returns how many
// arguments it takes. 0 without an error is no option, or one that may not stand here
// and has no answer of its own to that.
func (os Options[T]) Take(args Args, i int, g *Given[T]) (n int, err error) {
	for j := range os {
		o := &os[j]
		switch {
		case !args.Is(i, o.Word):
			continue
		case g.Bits.Has(o.Not):
			return 0, o.Clash
		case len(args)-i-1 < o.Takes:
			return 0, o.Missing
		}
		g.Bits |= o.Says
		if o.Read != nil {
			g.Value, err = o.Read(g.Value, args[i+1:i+1+o.Takes])
		}
		return 1 + o.Takes, err
	}
	return 0, nil
}

// KeepValue is the Read of an option whose one value is kept as it is.
func KeepValue(_ []byte, vals Args) ([]byte, error) { return vals[0], nil }

// ParseLimit reads the value of LIMIT in SINTERCARD and ZINTERCARD: a number from 0 on.
func ParseLimit(arg []byte) (int64, error) {
	n, ok := number.ParseInt(arg)
	if !ok || n < 0 {
		return 0, resp.Error("ERR LIMIT can't be negative")
	}
	return n, nil
}
