package command

import (
	"iter"
	"strings"

	"ledge/respd/number"
)

// KeySpec says where some of a command's keys stand and what is done to them,
// in the terms of Redis's key specifications.
type KeySpec struct {
	// Flags are "RO", "RW", "OW" or "RM", and then any of "access", "update",
	// "insert", "delete", "not_key", "incomplete" and "variable_flags".
	Flags []string
	// Keyword is the word to look for; the keys begin after it. Empty means
	// that they begin at Index.
	Keyword string
	Index   int
	// Counted says that the argument at Index counts the keys after it.
	Counted bool
	// Last is the last key, from the first one on; counted from the end of the
	// arguments when it is negative. Limit 2 is half of what follows.
	Last, Step, Limit int
	// Unknown says that these keys can't be told by their places. Notes say
	// why, if anything does.
	Unknown bool
	Notes   string
}

// KeySpecs returns where the command's keys stand. Keys that only FindKeys
// finds are not among them, unless as unknown.
func (s *Spec) KeySpecs() []KeySpec { return append(s.places(), s.UnknownKeys...) }

// places returns the specifications that tell keys by their places.
func (s *Spec) places() []KeySpec {
	flags := s.keyFlags()
	take := func() []string {
		f := strings.Fields(flags[0])
		if len(flags) > 1 {
			flags = flags[1:]
		}
		return f
	}
	var specs []KeySpec
	if k := s.Keys; k.First > 0 {
		single := len(flags) - 1 // keys with flags of their own
		if s.NumKeys > 0 {
			single--
		}
		at := k.First
		for ; single > 0 && (k.Last < 0 || at < k.Last); single-- {
			specs = append(specs, KeySpec{Flags: take(), Index: at, Step: 1})
			at += k.Step
		}
		last := k.Last
		if last >= 0 {
			last -= at
		}
		specs = append(specs, KeySpec{Flags: take(), Index: at, Last: last, Step: k.Step})
	}
	if s.NumKeys > 0 {
		specs = append(specs, KeySpec{Flags: take(), Index: s.NumKeys, Counted: true, Step: 1})
	}
	if s.Keyword != "" {
		specs = append(specs,
			KeySpec{Flags: take(), Keyword: s.Keyword, Index: 1, Last: -1, Step: 1, Limit: 2})
	}
	return specs
}

// keyFlags returns the flags of the keys in turn, at least one.
func (s *Spec) keyFlags() []string {
	switch {
	case s.KeyFlags != "":
		return strings.Split(s.KeyFlags, ";")
	case s.Flags.Has(Write):
		return []string{"RW access update"}
	case s.Flags.Has(ReadOnly):
		return []string{"RO access"}
	}
	return []string{"RO"}
}

// KeyUse is a key in the arguments and what is done to it.
type KeyUse struct {
	At    int
	Flags []string
}

// KeyUses returns the keys in args with their flags. It returns nil when args
// don't fit the command.
func (s *Spec) KeyUses(args Args) []KeyUse {
	specs := s.places()
	if s.FindKeys != nil {
		return s.found(args, specs)
	}
	var uses []KeyUse
	for _, k := range specs {
		first, last, ok := k.bounds(args)
		if !ok {
			return nil
		}
		for i := first; i <= last; i += k.Step {
			uses = append(uses, KeyUse{i, k.Flags})
		}
	}
	return uses
}

// found is KeyUses by FindKeys: the first key has the first flags and so on.
func (s *Spec) found(args Args, specs []KeySpec) []KeyUse {
	flags := s.keyFlags()
	if len(specs) > len(flags) {
		flags = flags[:1]
	}
	var uses []KeyUse
	for n, i := range s.FindKeys(args) {
		uses = append(uses, KeyUse{i, strings.Fields(flags[min(n, len(flags)-1)])})
	}
	return uses
}

// bounds returns the first and the last place that k means in args.
func (k *KeySpec) bounds(args Args) (first, last int, ok bool) {
	first = k.Index
	if k.Keyword != "" {
		for first < len(args) && !args.Is(first, k.Keyword) {
			first++
		}
		first++
	}
	if first >= len(args) {
		return 0, 0, false
	}
	if k.Counted {
		n, ok := number.ParseInt(args[first])
		return first + 1, first + int(n), ok && n >= 0 && n < int64(len(args)-first)
	}
	last = first + k.Last
	if k.Last < 0 {
		last = len(args) + k.Last
	}
	if k.Limit > 1 {
		last = first + (len(args)-first)/k.Limit - 1
	}
	return first, last, last < len(args)
}

// KeysOf returns the places of the keys in args.
func (s *Spec) KeysOf(args Args) []int {
	if s.FindKeys != nil {
		return s.FindKeys(args)
	}
	var at []int
	for _, u := range s.KeyUses(args) {
		at = append(at, u.At)
	}
	return at
}

// EachKey yields the places of the keys in args, and of shard channels, in the order in
// which Redis looks up their hash slots. It takes no memory where the places are told by Keys alone, as nearly always.
func (s *Spec) EachKey(args Args) iter.Seq[int] {
	return func(yield func(int) bool) {
		if s.FindKeys == nil && s.NumKeys == 0 && s.Keyword == "" {
			first, last := s.Keys.First, s.Keys.Last
			if last < 0 {
				last += len(args)
			}
			for i := first; first > 0 && i <= last && i < len(args); i += s.Keys.Step {
				if !yield(i) {
					return
				}
			}
			return
		}
		keys := s.KeysOf(args)
		n := 0 // keys before those that are counted, which Redis looks at last
		for s.NumKeys > 0 && n < len(keys) && keys[n] < s.NumKeys {
			n++
		}
		for _, i := range append(keys[n:len(keys):len(keys)], keys[:n]...) {
			if !yield(i) {
				return
			}
		}
	}
}

// OnlyKey returns where the key stands of a command of so many arguments that can have
// one key alone, 0 for other commands.
func (s *Spec) OnlyKey(args int) int {
	if s.FindKeys == nil && s.NumKeys == 0 && s.Keyword == "" && s.Keys.Last == s.Keys.First && s.Keys.First < args {
		return s.Keys.First
	}
	return 0
}

// HasKeys reports whether the command may have keys. Shard channels, which
// stand where keys do, are none.
func (s *Spec) HasKeys() bool {
	if s.KeyFlags == "not_key" {
		return false
	}
	return s.Keys.First > 0 || s.NumKeys > 0 || s.Keyword != "" || s.FindKeys != nil
}
