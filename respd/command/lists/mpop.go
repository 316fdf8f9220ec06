package lists

import (
	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errNumKeys  resp.Error = "ERR numkeys should be greater than 0"
	errPopCount resp.Error = "ERR count should be greater than 0"
)

// LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]
func lmpop() *command.Spec {
	return family.Write(command.Spec{
		Name: "lmpop", Arity: -4, NumKeys: 1, KeyFlags: "RW access delete",
		Syntax: "<numkeys> <key> [<key> ...] LEFT|RIGHT [COUNT <count>]", Since: "7.0.0",
		Complexity: "O(N+M) where N is the number of keys and M that of the items taken",
		Summary:    "Take items from the first of several lists that has any.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		m, err := parseMany(args, 1)
		if err != nil {
			return resp.Value{}, err
		}
		val, _, err := m.popFirst(d)
		return val, err
	})
}

// many is what LMPOP and BLMPOP are asked for.
type many struct {
	keys  [][]byte
	left  bool
	count int64
}

// parseMany reads what begins with the number of keys at argument i.
func parseMany(args command.Args, i int) (m many, err error) {
	n, ok := command.ParseInt(args[i])
	if !ok || n < 1 {
		return m, errNumKeys
	}
	if n >= int64(len(args)-i-1) {
		return m, command.ErrSyntax
	}
	at := i + 1 + int(n)
	m.keys = args[i+1 : at]
	if m.left, err = end(args, at); err != nil {
		return m, err
	}
	rest := args[at+1:]
	if len(rest) == 0 {
		m.count = 1
		return m, nil
	}
	if len(rest) == 1 || !rest.Is(0, "COUNT") {
		return m, command.ErrSyntax
	}
	if m.count, ok = command.ParseInt(rest[1]); !ok || m.count < 1 {
		return m, errPopCount
	}
	if len(rest) > 2 {
		return m, command.ErrSyntax
	}
	return m, nil
}

// popFirst takes items from the first key that has any. When none has, ok is
// false and the value the nil that says so.
func (m many) popFirst(d *replay.Draft) (val resp.Value, ok bool, err error) {
	for _, key := range m.keys {
		l, err := d.List(key)
		if err != nil {
			return resp.Value{}, false, err
		}
		if l.Len() > 0 {
			val, err := m.pop(d, key, l)
			return val, true, err
		}
	}
	return resp.NilArray, false, nil
}

// pop takes items from a list that has any: the key and the items.
func (m many) pop(d *replay.Draft, key []byte, l value.List) (resp.Value, error) {
	items, err := takeSome(d, key, l, m.left, m.count)
	return resp.Array(resp.Bytes(key), items), err
}
