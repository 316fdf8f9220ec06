package command

import (
	"time"

	"ledge/replay"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errNumKeys  resp.Error = "ERR numkeys should be greater than 0"
	errPopCount resp.Error = "ERR count should be greater than 0"
)

// Popping is how a type gives up elements, from either of its ends: lists and
// sorted sets. It makes the rows of the commands that take from the first of
// several keys which has any, and of those that wait until one has.
type Popping[C interface{ Len() int }] struct {
	Family Family
	// Open returns what a key holds, empty if there is none.
	Open func(*replay.Draft, []byte) (C, error)
	// First and Second are the words for the ends.
	First, Second string
	// Take takes up to count elements from an end of what a key holds, which is
	// something.
	Take func(d *replay.Draft, key []byte, c C, second bool, count int64) (resp.Value, error)
}

// Many returns the row of a command that takes several elements: its arguments
// are numkeys key [key ...] END [COUNT count].
func (p Popping[C]) Many(s Spec) *Spec {
	s.NumKeys = 1
	return p.Family.Write(s, func(d *replay.Draft, args Args) (resp.Value, error) {
		m, err := p.parse(args, 1)
		if err != nil {
			return resp.Value{}, err
		}
		val, err := p.takeFirst(d, m, p.take)
		if err == ErrWait { // but not this one
			err = nil
		}
		return val, err
	})
}

// WaitMany is Many for a command that may wait. A timeout stands before what Many
// has, and is read after it.
func (p Popping[C]) WaitMany(s Spec) *Spec {
	s.NumKeys = 2
	return p.wait(s, 1, func(args Args) (taking, error) { return p.parse(args, 2) }, p.take)
}

// WaitOne returns the row of a command that takes from the first of several keys
// which has any, in a way of its own, or waits until one has: its arguments are
// key [key ...] timeout.
func (p Popping[C]) WaitOne(s Spec, take func(*replay.Draft, []byte, C) (resp.Value, error)) *Spec {
	s.Keys = KeyRange{1, -2, 1}
	return p.wait(s, -1, func(args Args) (taking, error) {
		return taking{keys: args[1 : len(args)-1]}, nil
	}, func(d *replay.Draft, key []byte, c C, _ taking) (resp.Value, error) { return take(d, key, c) })
}

// wait returns the row of a command that takes what parse says, or waits. The
// timeout's place counts from the end when it is negative.
func (p Popping[C]) wait(s Spec, timeout int, parse func(Args) (taking, error),
	take func(*replay.Draft, []byte, C, taking) (resp.Value, error),
) *Spec {
	read := func(args Args) (m taking, limit time.Duration, err error) {
		if m, err = parse(args); err == nil {
			limit, err = args.Timeout((len(args) + timeout) % len(args))
		}
		return m, limit, err
	}
	return p.Family.Wait(s, func(d *replay.Draft, args Args) (resp.Value, error) {
		m, _, err := read(args)
		if err != nil {
			return resp.Value{}, err
		}
		return p.takeFirst(d, m, take)
	}, func(_ *replay.View, args Args) (Block, error) {
		m, limit, err := read(args)
		return Block{Timeout: limit, Serve: func(d *replay.Draft, key []byte) (resp.Value, error) {
			c, ok := p.Ready(d, key)
			if !ok {
				return resp.NilArray, ErrWait
			}
			return take(d, key, c, m)
		}}, err
	})
}

// taking is what a command that takes from the first of several keys is asked for.
type taking struct {
	keys   [][]byte
	second bool // from the end of that name
	count  int64
}

// parse reads what begins with the number of keys at argument at.
func (p Popping[C]) parse(args Args, at int) (m taking, err error) {
	n, ok := number.ParseInt(args[at])
	if !ok || n < 1 {
		return m, errNumKeys
	}
	if n >= int64(len(args)-at-1) {
		return m, ErrSyntax
	}
	end := at + 1 + int(n)
	m.keys, m.second, m.count = args[at+1:end], args.Is(end, p.Second), 1
	if !m.second && !args.Is(end, p.First) {
		return m, ErrSyntax
	}
	rest := args[end+1:]
	if len(rest) == 0 {
		return m, nil
	}
	if len(rest) == 1 || !rest.Is(0, "COUNT") {
		return m, ErrSyntax
	}
	if m.count, ok = number.ParseInt(rest[1]); !ok || m.count < 1 {
		return m, errPopCount
	}
	if len(rest) > 2 {
		return m, ErrSyntax
	}
	return m, nil
}

// takeFirst takes from the first key that holds anything. When none does, it
// returns the nil that says so, and ErrWait.
func (p Popping[C]) takeFirst(d *replay.Draft, m taking,
	take func(*replay.Draft, []byte, C, taking) (resp.Value, error),
) (resp.Value, error) {
	for _, key := range m.keys {
		c, err := p.Open(d, key)
		if err != nil {
			return resp.Value{}, err
		}
		if c.Len() > 0 {
			return take(d, key, c, m)
		}
	}
	return resp.NilArray, ErrWait
}

// take answers the key and what was taken from it.
func (p Popping[C]) take(d *replay.Draft, key []byte, c C, m taking) (resp.Value, error) {
	val, err := p.Take(d, key, c, m.second, m.count)
	return resp.Array(resp.Bytes(key), val), err
}

// Ready returns what a key holds that somebody waits for, and whether that is
// anything. A key of another type is as if it were not there.
func (p Popping[C]) Ready(d *replay.Draft, key []byte) (C, bool) {
	c, err := p.Open(d, key)
	return c, err == nil && c.Len() > 0
}
