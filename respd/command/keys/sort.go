package keys

import (
	"slices"
	"strings"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const errNotScore resp.Error = "ERR One or more scores can't be converted into double"

const sortSyntax = "[BY <pattern>] [LIMIT <offset> <count>] [GET <pattern> [GET <pattern> ...]] " +
	"[ASC|DESC] [ALPHA]"

// SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]
func sortKeys() *command.Spec {
	s := sortRow(command.Spec{
		Name: "sort", Flags: command.Write | command.DenyOOM | command.Big, Since: "1.0.0",
		KeyFlags: "RO access;OW update", FindKeys: sortKeysIn,
		Syntax:  "<key> " + sortSyntax + " [STORE <destination>]",
		Summary: "Return the elements of a list, set or sorted set in order, or store them.",
		Write:   runSort,
		Reading: readingSort,
	})
	s.UnknownKeys = append(s.UnknownKeys, command.KeySpec{
		Flags: []string{"OW", "update"}, Unknown: true,
		Notes: "For the optional STORE keyword. It is marked 'unknown' because the keyword can " +
			"appear anywhere in the argument array",
	})
	return s
}

// SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]
func sortRO() *command.Spec {
	return sortRow(command.Spec{
		Name: "sort_ro", Flags: command.ReadOnly | command.Big, Since: "7.0.0",
		KeyFlags: "RO access", FindKeys: func(command.Args) []int { return []int{1} },
		Syntax:  "<key> " + sortSyntax,
		Summary: "Return the elements of a list, set or sorted set in order.",
		Read:    runSortRO,
	})
}

func sortRow(s command.Spec) *command.Spec {
	s.Arity, s.Keys, s.Group = -2, command.OneKey, "generic"
	s.Cats = []string{"set", "sortedset", "list", "dangerous"}
	s.Clustered = sortsElsewhere
	s.Complexity = "O(N+M*log(M)) where N is the number of elements, and M that of those returned"
	s.UnknownKeys = []command.KeySpec{{
		Flags: []string{"RO", "access"}, Unknown: true,
		Notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names " +
			"derive from the content of the key we sort",
	}}
	return &s
}

// sortsElsewhere refuses to sort by, or return, what stands under other keys: nobody can
// tell beforehand which those are, and other nodes may serve them.
func sortsElsewhere(args command.Args) error {
	for i := 2; i < len(args); i++ {
		switch {
		case args.Is(i, "LIMIT"):
			i += 2
		case args.Is(i, "STORE"):
			i++
		case args.Is(i, "BY") && i+1 < len(args):
			if newPattern(args.Str(i + 1)).star {
				return resp.Error("ERR BY option of SORT denied in Cluster mode.")
			}
			i++
		case args.Is(i, "GET") && i+1 < len(args):
			return resp.Error("ERR GET option of SORT denied in Cluster mode.")
		case args.Is(i, "ASC"), args.Is(i, "DESC"), args.Is(i, "ALPHA"):
		default:
			return nil // it is refused for that
		}
	}
	return nil
}

// sortKeysIn finds the key and the destination, the last one if there are many.
func sortKeysIn(args command.Args) []int {
	store := 0
	for i := 2; i < len(args); i++ {
		switch {
		case args.Is(i, "LIMIT"):
			i += 2
		case args.Is(i, "GET"), args.Is(i, "BY"):
			i++
		case args.Is(i, "STORE") && i+1 < len(args):
			store = i + 1
		}
	}
	if store == 0 {
		return []int{1}
	}
	return []int{1, store}
}

// readingSort is how SORT runs that stores nothing. What it is to say of wrong options
// is SORT's.
func readingSort(args command.Args) func(*replay.View, command.Args) resp.Value {
	if o, err := parseSort(args, true); err != nil || o.store != nil {
		return nil
	}
	return runSortRO
}

func runSortRO(v *replay.View, args command.Args) resp.Value {
	o, err := parseSort(args, false)
	if err != nil {
		return resp.FromError(err)
	}
	return sorted(v, args[1], o)
}

// sorted answers with the elements, or what is got by them.
func sorted(v *replay.View, key []byte, o sortOptions) resp.Value {
	elems, err := sortElems(v, key, o)
	if err != nil {
		return resp.FromError(err)
	}
	out := make([]resp.Value, 0, len(elems)*max(1, len(o.get)))
	for _, e := range elems {
		if len(o.get) == 0 {
			out = append(out, resp.Bulk(e))
		}
		for _, p := range o.get {
			if val, ok := p.get(v, e); ok {
				out = append(out, resp.Bulk(val))
			} else {
				out = append(out, resp.Nil)
			}
		}
	}
	return resp.Array(out...)
}

func runSort(d *replay.Draft, args command.Args) (resp.Value, error) {
	o, err := parseSort(args, true)
	if err != nil {
		return resp.Value{}, err
	}
	if o.store == nil {
		return sorted(&d.View, args[1], o), nil
	}
	elems, err := sortElems(&d.View, args[1], o)
	if err != nil {
		return resp.Value{}, err
	}
	out := make([][]byte, 0, len(elems)*max(1, len(o.get)))
	for _, e := range elems {
		if len(o.get) == 0 {
			out = append(out, bytesOf(e))
		}
		for _, p := range o.get {
			val, _ := p.get(&d.View, e)
			out = append(out, bytesOf(val))
		}
	}
	return resp.Int(int64(len(out))), storeSorted(d, o.store, out)
}

// storeSorted makes key the list of items, whatever it held. No items leave no
// key.
func storeSorted(d *replay.Draft, key []byte, items [][]byte) error {
	there, err := d.Delete(key)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		if there {
			d.Notify(events.Generic, "del", key)
		}
		return nil
	}
	if _, err := d.Push(key, false, items); err != nil {
		return err
	}
	d.Notify(events.List, "sortstore", key)
	return nil
}

// sortOptions are the options of SORT.
type sortOptions struct {
	by            *pattern // nil sorts by the elements themselves
	get           []pattern
	offset, count int64
	desc, alpha   bool
	still         bool   // leave the order as it is
	store         []byte // nil answers instead
}

// sortWords are the options of SORT_RO, sortStoreWords those of SORT.
var (
	sortWords = command.Options[sortOptions]{
		{Word: "ASC", Read: func(o sortOptions, _ command.Args) (sortOptions, error) { o.desc = false; return o, nil }},
		{Word: "DESC", Read: func(o sortOptions, _ command.Args) (sortOptions, error) { o.desc = true; return o, nil }},
		{Word: "ALPHA", Read: func(o sortOptions, _ command.Args) (sortOptions, error) { o.alpha = true; return o, nil }},
		{Word: "LIMIT", Takes: 2, Read: sortLimit},
		{Word: "BY", Takes: 1, Read: sortBy},
		{Word: "GET", Takes: 1, Read: sortGet},
	}
	sortStoreWords = append(slices.Clone(sortWords), command.Option[sortOptions]{
		Word: "STORE", Takes: 1, Read: func(o sortOptions, vals command.Args) (sortOptions, error) {
			o.store = vals[0]
			return o, nil
		}})
)

func sortLimit(o sortOptions, vals command.Args) (_ sortOptions, err error) {
	if o.offset, err = vals.Int(0); err == nil {
		o.count, err = vals.Int(1)
	}
	return o, err
}

func sortBy(o sortOptions, vals command.Args) (sortOptions, error) {
	by := newPattern(vals.Str(0))
	o.by, o.still = &by, o.still || !by.star
	return o, nil
}

func sortGet(o sortOptions, vals command.Args) (sortOptions, error) {
	o.get = append(o.get, newPattern(vals.Str(0)))
	return o, nil
}

func parseSort(args command.Args, store bool) (sortOptions, error) {
	words := sortWords
	if store {
		words = sortStoreWords
	}
	g, err := words.Parse(args[2:], sortOptions{count: -1})
	return g.Value, err
}

// pattern says where to find the value that belongs to an element: a key whose
// name the element completes, or a field of such a hash.
type pattern struct {
	self          bool // "#": the element itself
	star          bool
	before, after string // of the element in the key's name
	field         string // "" is none
}

// newPattern reads a pattern. Redis looks for its parts as C does, up to the
// first zero byte.
func newPattern(s string) pattern {
	text, _, _ := strings.Cut(s, "\x00")
	at := strings.IndexByte(text, '*')
	if at < 0 {
		return pattern{self: text == "#"}
	}
	p := pattern{star: true, before: s[:at], after: s[at+1:]}
	if arrow := strings.Index(text[at+1:], "->"); arrow >= 0 && at+1+arrow+2 < len(text) {
		p.after, p.field = p.after[:arrow], p.after[arrow+2:]
	}
	return p
}

// get returns the value that belongs to elem.
func (p *pattern) get(v *replay.View, elem string) (string, bool) {
	switch {
	case p.self:
		return elem, true
	case !p.star:
		return "", false
	}
	key := []byte(p.before + elem + p.after)
	if p.field == "" {
		val, ok, _ := v.GetString(key)
		return val, ok
	}
	h, err := v.Hash(key)
	if err != nil || h.Len() == 0 {
		return "", false
	}
	return h.Get(bytesOf(p.field))
}
