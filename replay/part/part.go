// Package part makes what a state holds under one key at some time, for whoever asks for
// the past of a key and has no room for the past of all of them.
package part

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/snapshot"
)

// Part is what a state holds under one key, made out of a snapshot and batches as the
// whole state would be, with memory for no more than that key and those whose values
// have come to it by RENAME, COPY or SWAPDB. Which those are comes to light on the
// way; then Grown says that the way has to be gone again.
//
// It belongs to one goroutine.
type Part struct {
	s         *replay.State
	databases int
	wanted    map[held]struct{}
	grown     bool // since Begin

	most  int64 // that what it holds may take; 0 is any
	takes int64 // about, since Begin, like sizes
	sizes map[held]int64
}

// held is where a value is.
type held struct {
	db  journal.DB
	key string
}

// mostWanted bounds the keys that one key's value may have come by.
const mostWanted = 4096

// New returns the part of a state that is under a key.
func New(databases int, db journal.DB, key string) (*Part, error) {
	if int(db) >= databases {
		return nil, fault.With(fault.Refused, fmt.Errorf("database %d of %d", db, databases))
	}
	return &Part{databases: databases, wanted: map[held]struct{}{{db, key}: {}}}, nil
}

// Bound bounds what it may hold, all keys together. What goes past that ends Load and
// Apply with an ErrLarge.
func (p *Part) Bound(most int64) { p.most = most }

// ErrLarge says that what is wanted takes more memory than it may.
var ErrLarge = errors.New("the value of then takes too much memory")

func (p *Part) tooLarge() error {
	return fault.With(fault.Refused, fmt.Errorf("%w: more than %d MiB", ErrLarge, p.most>>20))
}

// measure counts what a key holds after it has changed.
func (p *Part) measure(v *replay.View, at held) error {
	size := int64(0)
	if int(at.db) < v.Databases() {
		v.Select(at.db)
		if n, there := v.Memory([]byte(at.key)); there {
			size = int64(n)
		}
	}
	p.takes += size - p.sizes[at]
	p.sizes[at] = size
	if p.most > 0 && p.takes > p.most {
		return p.tooLarge()
	}
	return nil
}

// measureAll is measure for all that is wanted.
func (p *Part) measureAll(v *replay.View) error {
	for at := range p.wanted {
		if err := p.measure(v, at); err != nil {
			return err
		}
	}
	return nil
}

// Begin makes it that of an empty state.
func (p *Part) Begin() (err error) {
	if err := p.Close(); err != nil {
		return err
	}
	p.grown, p.takes, p.sizes = false, 0, make(map[held]int64)
	p.s, err = replay.New(p.databases)
	return err
}

// Close ends it. It is safe to call twice.
func (p *Part) Close() error {
	if p.s == nil {
		return nil
	}
	err := p.s.Close()
	p.s = nil
	return err
}

// Grown reports whether other keys are needed than when it was begun: then what it
// holds is not right, and everything has to be read again after Begin.
func (p *Part) Grown() bool { return p.grown }

// want notes that a place is needed.
func (p *Part) want(db journal.DB, key string) {
	if at := (held{db, key}); !p.wants(db, key) {
		p.wanted[at], p.grown = struct{}{}, true
	}
}

func (p *Part) wants(db journal.DB, key string) bool {
	_, ok := p.wanted[held{db, key}]
	return ok
}

// Load takes its share of a snapshot file, all of which is checked: of collections that
// are not wanted the checksums alone, since they are not put together.
func (p *Part) Load(ctx context.Context, path string) (snapshot.Info, error) {
	f, err := snapshot.Open(path)
	if err != nil {
		return snapshot.Info{}, err
	}
	defer f.Close()
	if err := p.Close(); err != nil {
		return f.Info, err
	}
	p.takes = 0
	f.Filter = &snapshot.Filter{Wants: p.wants, Takes: func(bytes int, whole bool) error {
		if p.most > 0 && p.takes+int64(bytes) > p.most {
			return p.tooLarge()
		}
		if whole {
			p.takes += int64(bytes)
		}
		return nil
	}}
	p.s, err = replay.Load(ctx, f, max(p.databases, f.Header.Databases))
	if err != nil && !errors.Is(err, ErrLarge) {
		err = f.In(err)
	}
	if err != nil {
		p.s = nil
		return f.Info, err
	}
	p.takes, p.sizes = 0, make(map[held]int64)
	return f.Info, p.s.View(time.UnixMilli(0), func(v *replay.View) error { return p.measureAll(v) })
}

// Apply takes its share of a batch, which must be the next one.
func (p *Part) Apply(c journal.Committed) error {
	err := p.s.ApplySome(c, p.pick)
	switch {
	case errors.Is(err, ErrLarge):
		return err
	case err != nil:
		return fault.As(fault.Fatal, "fill a part of the state", fmt.Errorf("number %d: %w", c.Seq(), err))
	case len(p.wanted) > mostWanted:
		return fault.With(fault.Refused, fmt.Errorf("the key's value has come by more than %d other keys", mostWanted))
	}
	return nil
}

// pick applies an effect if it is about what is wanted. Once more is wanted than was
// read from the beginning it only looks for what else is.
func (p *Part) pick(v *replay.View, op journal.Op, do func(journal.Op) error) error {
	if !journal.OnKeys(op) {
		return nil
	}
	several := true // keys may have changed, and not that of the effect alone
	switch o := op.(type) {
	case *journal.RangeClear, *journal.SpanClear: // of what is wanted there is no more than that
	case *journal.SwapDB:
		for at := range p.wanted {
			switch at.db {
			case o.A:
				p.want(o.B, at.key)
			case o.B:
				p.want(o.A, at.key)
			}
		}
	case *journal.KeyRename:
		if p.wants(o.ToDB, o.To) {
			p.want(o.DB, o.Key)
		} else if p.wants(o.DB, o.Key) {
			op = &journal.KeyDelete{DB: o.DB, Key: o.Key}
		} else {
			return nil
		}
	case *journal.KeyCopy:
		if !p.wants(o.ToDB, o.To) {
			return nil
		}
		p.want(o.DB, o.Key)
	default:
		if several = false; !p.wants(journal.KeyOf(op)) {
			return nil
		}
	}
	if p.grown {
		return nil
	}
	if err := do(op); err != nil {
		return err
	}
	if !several {
		db, key := journal.KeyOf(op)
		return p.measure(v, held{db, key})
	}
	return p.measureAll(v)
}

// View calls fn with what it holds, at the given time, as State.View does.
func (p *Part) View(now time.Time, fn func(*replay.View) error) error { return p.s.View(now, fn) }
