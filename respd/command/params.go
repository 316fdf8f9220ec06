package command

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"ledge/journal/fault"
	"ledge/journal/turn"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// Params are the parameters of CONFIG GET and CONFIG SET. Which there are does not
// change.
type Params struct {
	list []Param // by name
	keep Keep    // nil keeps nothing
	// near says as the end of a sentence which name may have been meant; nil doesn't know.
	near func(name string, names []string) string
	// rewrite is what CONFIG REWRITE does; nil is nothing.
	rewrite func(context.Context) error

	// mu is held while parameters are changed, so that one change ends before the
	// next. It may wait for the disk, so nobody waits for it without a bound.
	mu turn.Turn
}

// Keep writes down what is about to be changed. With an error nothing is changed.
type Keep func(ctx context.Context, changes []Change) error

// Change is a parameter with the value that it is to have.
type Change struct {
	Param
	Value string
}

// Param is one parameter.
type Param struct {
	Name string
	// Owner is what the value belongs to, where several parameters show one value;
	// empty is the parameter itself.
	Owner string
	Get   func() string
	// AtFirst is the value that takes the parameter back to what it is when nobody has
	// set it, where that is not what Get returns then.
	AtFirst string
	// Set changes the parameter, or says why not. It is nil for what can't
	// be changed while the server runs. apply is false for a trial: CONFIG
	// SET of several parameters changes all of them or none.
	Set func(value string, apply bool) error
	// Begin changes what takes a while and may fail, before the change is written down.
	// It is nil for what Set changes in an instant.
	Begin func(ctx context.Context, value string) error
	// Whole writes a value that Set takes as all that the parameter is then, where one
	// may be about a part of it; nil is that none may.
	Whole func(value string) string
}

// Belongs returns what the value belongs to.
func (p Param) Belongs() string { return cmp.Or(p.Owner, p.Name) }

// NewParams returns a list of parameters. Each has one owner, who keeps its value: a
// name that stands twice is a bug, and a panic.
func NewParams(list ...Param) *Params {
	p := &Params{list: list, mu: turn.New()}
	sort.Slice(p.list, func(i, j int) bool { return p.list[i].Name < p.list[j].Name })
	for i := 1; i < len(p.list); i++ {
		if p.list[i].Name == p.list[i-1].Name {
			panic("parameter " + p.list[i].Name + " has two owners")
		}
	}
	return p
}

// FixedParam is a parameter that can be read and not changed.
func FixedParam(name, value string) Param {
	return Param{Name: name, Get: func() string { return value }}
}

// NumberParam is a parameter whose value is the whole number n. check says why n can't
// become x; whole is false for what is no whole number at all. changed is called after
// a change, unless it is nil.
func NumberParam(name string, n *atomic.Int64, check func(x int64, whole bool) error, changed func()) Param {
	return Param{Name: name,
		Get: func() string { return strconv.FormatInt(n.Load(), 10) },
		Set: func(v string, apply bool) error {
			x, whole := number.ParseInt(v)
			if err := check(x, whole); err != nil || !apply {
				return err
			}
			n.Store(x)
			if changed != nil {
				changed()
			}
			return nil
		}}
}

// Match returns the parameters whose name match says yes to, in order.
func (p *Params) Match(match func(name string) bool) []Param {
	var out []Param
	for _, x := range p.list {
		if match(x.Name) {
			out = append(out, x)
		}
	}
	return out
}

// Kept has what Set changes written down first, and says what Rewrite does. It is
// called before anybody sets anything.
func (p *Params) Kept(keep Keep, rewrite func(context.Context) error) {
	p.keep, p.rewrite = keep, rewrite
}

const errNoConfigFile resp.Error = "ERR The server is running without a config file"

// Suggest has the answer about an unknown name say which may have been meant, as the
// end of a sentence. It is called before anybody sets anything.
func (p *Params) Suggest(near func(name string, names []string) string) { p.near = near }

// nearTo returns which parameter may have been meant.
func (p *Params) nearTo(name string) string {
	if p.near == nil {
		return ""
	}
	var names []string
	for _, x := range p.list {
		names = append(names, x.Name)
	}
	return p.near(name, names)
}

// Rewrite writes what was set into the configuration file.
func (p *Params) Rewrite(ctx context.Context) error {
	if p.rewrite == nil {
		return errNoConfigFile
	}
	return p.rewrite(ctx)
}

// Alone calls fn while nobody changes parameters.
func (p *Params) Alone(ctx context.Context, fn func() error) error {
	if err := p.mu.Lock(ctx); err != nil {
		return errChanging
	}
	defer p.mu.Unlock()
	return fn()
}

var errChanging = fault.With(fault.Retryable,
	resp.Error("ERR CONFIG SET failed - another change of parameters is under way; try again"))

// Set changes all of the given parameters, names and values in turn, or none. It
// waits, as long as ctx lets it, for them to be written down.
func (p *Params) Set(ctx context.Context, pairs ...string) error {
	return p.Change(ctx, p.keep, pairs...)
}

// Change is Set that has what it changes written down in another way; nil is not at
// all.
func (p *Params) Change(ctx context.Context, keep Keep, pairs ...string) error {
	if err := p.mu.Lock(ctx); err != nil {
		return errChanging
	}
	defer p.mu.Unlock()
	var found []Change
	for i := 0; i+1 < len(pairs); i += 2 {
		x, err := p.settable(pairs[i], found)
		if err != nil {
			return err
		}
		found = append(found, Change{x, pairs[i+1]})
	}
	for i, x := range found {
		if err := x.Set(x.Value, false); err != nil {
			return setFailed(pairs[2*i], err.Error())
		}
		if x.Whole != nil {
			found[i].Value = x.Whole(x.Value)
		}
	}
	undo, err := begin(ctx, found)
	if err != nil {
		return err
	}
	if keep != nil {
		if err := keep(ctx, found); err != nil {
			undo()
			return fault.With(fault.Of(err), resp.Error("ERR CONFIG SET failed - it can't be kept: "+fault.Line(err)))
		}
	}
	for i, x := range found {
		if x.Begin != nil {
			continue
		}
		if err := x.Set(x.Value, true); err != nil {
			return setFailed(pairs[2*i], err.Error())
		}
	}
	return nil
}

// undoLimit bounds how long what was begun may take to be as it was.
const undoLimit = 5 * time.Second

// begin makes the changes that take a while, all of them or none, and returns what
// takes them back. If that fails, too, Get says what holds.
func begin(ctx context.Context, changes []Change) (undo func(), err error) {
	var undone []func()
	undo = func() {
		for _, fn := range slices.Backward(undone) {
			fn()
		}
	}
	for _, x := range changes {
		if x.Begin == nil {
			continue
		}
		before := x.Get()
		if err := x.Begin(ctx, x.Value); err != nil {
			undo()
			return nil, fault.With(fault.Of(err), setFailed(x.Name, fault.Line(err)))
		}
		undone = append(undone, func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
			defer cancel()
			_ = x.Begin(ctx, before)
		})
	}
	return undo, nil
}

// settable returns the parameter of that name if it can be set and is not among
// those found so far, by that name or another of the same value.
func (p *Params) settable(name string, found []Change) (Param, error) {
	same := func(x Param) bool { return strings.EqualFold(x.Name, name) }
	i := slices.IndexFunc(p.list, same)
	switch {
	case i < 0:
		return Param{}, resp.Error(
			"ERR Unknown option or number of arguments for CONFIG SET - '" + name + "'" + p.nearTo(name))
	case p.list[i].Set == nil:
		return Param{}, setFailed(name, "can't set immutable config")
	case slices.ContainsFunc(found, func(c Change) bool { return c.Belongs() == p.list[i].Belongs() }):
		return Param{}, setFailed(name, "duplicate parameter")
	}
	return p.list[i], nil
}

// mostWhy bounds what is said of a value that can't be set: it may have the value in it.
const mostWhy = 512

func setFailed(name, why string) error {
	if len(why) > mostWhy {
		why = strings.ToValidUTF8(clip(why, mostWhy), "") + "..."
	}
	return resp.Error("ERR CONFIG SET failed (possibly related to argument '" + name + "') - " + why)
}
