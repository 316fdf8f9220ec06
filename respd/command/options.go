package command

// Options declares the options of a command, in place of a branch for each: the
// words, what each says, and what it may not stand together with.
type Options []Option

// Option is one word among a command's arguments, of any case.
type Option struct {
	Word string // in upper case
	// Says is what it says, as a bit of the command's own. Not are bits of others
	// that it contradicts, whichever comes first.
	Says, Not OptionBits
	// Value says that an argument follows, which is the option's value.
	Value bool
}

// OptionBits are what options say.
type OptionBits uint32

// Has reports whether any of the bits is set.
func (b OptionBits) Has(bits OptionBits) bool { return b&bits != 0 }

// Given is what options have said.
type Given struct {
	Bits OptionBits
	// Value is that of the last option which has one.
	Value []byte
}

// Parse reads arguments which are all options. It returns ErrSyntax for one that
// is none, lacks its value or contradicts another.
func (os Options) Parse(args Args) (g Given, err error) {
	for i := 0; i < len(args); {
		n := os.Take(args, i, &g)
		if n == 0 {
			return g, ErrSyntax
		}
		i += n
	}
	return g, nil
}

// Take reads the option that stands at argument i, if one does and may, and
// returns how many arguments it takes; 0 is none.
func (os Options) Take(args Args, i int, g *Given) int {
	for j := range os {
		o := &os[j]
		if !args.Is(i, o.Word) {
			continue
		}
		if g.Bits.Has(o.Not) || o.Value && i+1 == len(args) {
			return 0
		}
		g.Bits |= o.Says
		if !o.Value {
			return 1
		}
		g.Value = args[i+1]
		return 2
	}
	return 0
}
