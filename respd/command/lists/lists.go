// Package lists is the family of commands on lists, those that wait for an item
// among them. An item is found by its place in O(log N); what looks for a value
// walks the list, as Redis does.
package lists

import (
	"ledge/respd/command"
)

// family is what all rows here have in common.
var family = command.Family{Group: "list", Cats: []string{"list"}, Keys: command.OneKey}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		lpush(), rpush(), lpushx(), rpushx(), lpop(), rpop(), lmpop(),
		llen(), lindex(), lrange(), lpos(), lset(), linsert(), lrem(), ltrim(),
		lmove(), rpoplpush(), blpop(), brpop(), blmpop(), blmove(), brpoplpush(),
	}
}

// end reads an end of a list from argument i, and reports whether it is the
// left one.
func end(args command.Args, i int) (left bool, err error) {
	switch {
	case args.Is(i, "LEFT"):
		return true, nil
	case args.Is(i, "RIGHT"):
		return false, nil
	}
	return false, command.ErrSyntax
}

// bounds reads the first and last place from arguments 2 and 3.
func bounds(args command.Args) (first, last int64, err error) {
	if first, err = args.Int(2); err != nil {
		return 0, 0, err
	}
	last, err = args.Int(3)
	return first, last, err
}

// within returns what part of a list of n items lies between two places, both
// included; negative ones count from the end. It is empty when from is to.
func within(first, last int64, n int) (from, to int) {
	size := int64(n)
	if first < 0 {
		first = max(size+first, 0)
	}
	if last < 0 {
		last += size
	}
	last = min(last, size-1)
	if first > last {
		return 0, 0
	}
	return int(first), int(last) + 1
}

// place returns the index that i means in a list of n items. Negative ones count
// from the end.
func place(i int64, n int) (int, bool) {
	if i < 0 {
		i += int64(n)
	}
	return int(i), 0 <= i && i < int64(n)
}
