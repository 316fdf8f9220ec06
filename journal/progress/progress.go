// Package progress says how far long work has come, to whoever looks: a bar on a
// terminal, a line in a log, an operator who asks a running node.
//
// Whoever wants to look puts a Meter into the context of the work (With); whoever
// works takes it from there (Of) and says what it is at (Step) and how far that has
// come (To, Add). Work that nobody looks at has no Meter, and all methods of a nil
// Meter do nothing, so nothing need ask.
//
// Steps that differ in what they cost are planned before (Plan), each with the time
// that it takes on some machine. What a Meter then says is a share of the time, and not
// of the bytes: a byte of a journal takes many times as long to apply as to check.
package progress

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Unit is what is counted in a step.
type Unit uint8

// The units. Of what is Unmeasured nobody knows how far it is before it has ended: its
// share grows with the time that it was expected to take.
const (
	Unmeasured Unit = iota
	Bytes
	Keys
	Numbers
)

// Part is a step that is planned.
type Part struct {
	Name string
	Unit Unit
	// Total is how much there is of the unit, about; 0 is not known.
	Total int64
	// Cost is how long the step takes, about. Only its proportion to that of other
	// parts matters much.
	Cost time.Duration
	// Slows is by what part the last unit takes longer than the first: 0.5 is half
	// as long again.
	Slows float64
}

// spent returns which part of the step's time is over once a part f of its units is done.
func (p *Part) spent(f float64) float64 { return f * (1 + p.Slows*f/2) / (1 + p.Slows/2) }

// Seen is how far work has come.
type Seen struct {
	Step string // in words; "" before the first step
	Unit Unit
	// Done and Total count the units of the step; Total is 0 if it is not known.
	Done, Total int64
	// Share is that of all planned steps, or of this one if none is planned: from 0 to
	// 1, and never less than it was. Known is false while there is nothing to tell.
	Share float64
	Known bool
	Rate  float64       // units of the step a second
	Left  time.Duration // about; below 0 while nobody can tell
	Took  time.Duration // so far
	Keys  int64         // so far, if the work makes keys
}

// Meter is how far one piece of work has come. The goroutine that works calls Plan and
// Step; To, Add, SetKeys and Look may be called from any goroutine.
type Meter struct {
	cur  atomic.Pointer[step]
	keys atomic.Int64

	mu    sync.Mutex
	clock func() time.Time
	began time.Time // mu
	plan  []planned // mu
	at    int       // mu; which part of the plan is under way, -1 before the first
	high  float64   // mu; the greatest share that was said
}

// planned is a part of the plan, and how long it has taken once it has ended.
type planned struct {
	Part
	took  time.Duration
	ended bool
}

// step is what a Meter is at.
type step struct {
	name  string
	unit  Unit
	total int64
	began time.Time
	done  atomic.Int64
}

// New returns the Meter of work that begins.
func New() *Meter { return newMeter(time.Now) }

func newMeter(clock func() time.Time) *Meter { return &Meter{clock: clock, began: clock(), at: -1} }

// key is where a context has its Meter.
type key struct{}

// With returns a context whose work says on m how far it has come.
func With(ctx context.Context, m *Meter) context.Context { return context.WithValue(ctx, key{}, m) }

// Of returns the Meter of a context, nil if nobody looks.
func Of(ctx context.Context) *Meter {
	m, _ := ctx.Value(key{}).(*Meter)
	return m
}

// Without returns a context in which nobody looks: for work that is part of a step and
// would otherwise say how far it is itself.
func Without(ctx context.Context) context.Context {
	if Of(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, key{}, (*Meter)(nil))
}

// Plan says which steps come, in order. Steps that have ended keep what they have
// taken, so a plan may be made again when more is known.
func (m *Meter) Plan(parts ...Part) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, name := m.plan, ""
	if m.at >= 0 {
		name = old[m.at].Name
	}
	m.plan, m.at = make([]planned, len(parts)), -1
	for i, p := range parts {
		m.plan[i].Part = p
		if j := slices.IndexFunc(old, func(o planned) bool { return o.Name == p.Name }); j >= 0 {
			m.plan[i].took, m.plan[i].ended = old[j].took, old[j].ended
		}
		if p.Name == name {
			m.at = i
		}
	}
}

// Planned reports whether a step is planned, and how much there is of it known.
func (m *Meter) Planned(name string) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.plan, func(p planned) bool { return p.Name == name && p.Total > 0 })
}

// Expect changes what was planned of a step that is still to come, or under way.
func (m *Meter) Expect(name string, total int64, cost time.Duration) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := max(m.at, 0); i < len(m.plan); i++ {
		if p := &m.plan[i]; p.Name == name {
			p.Total, p.Cost = total, cost
		}
	}
}

// Step says that a step begins, with so much of its unit; a total of 0 is as planned,
// or not known. One that is not in the plan is shown by itself.
func (m *Meter) Step(name string, unit Unit, total int64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	if s := m.cur.Load(); s != nil && m.at >= 0 {
		m.plan[m.at].took, m.plan[m.at].ended = now.Sub(s.began), true
	}
	if m.at = slices.IndexFunc(m.plan, func(p planned) bool { return p.Name == name }); m.at >= 0 {
		p := &m.plan[m.at]
		p.ended = false
		if total == 0 {
			total = p.Total
		} else if p.Total > 0 { // there is more or less of it than was thought
			p.Cost = time.Duration(float64(p.Cost) * float64(total) / float64(p.Total))
		}
		p.Total = total
	} else {
		m.plan, m.high = nil, 0
	}
	m.cur.Store(&step{name: name, unit: unit, total: total, began: now})
}

// To says how much of the step is done.
func (m *Meter) To(done int64) {
	if m == nil {
		return
	}
	if s := m.cur.Load(); s != nil {
		s.done.Store(done)
	}
}

// Add says how much more of the step is done.
func (m *Meter) Add(done int64) {
	if m == nil {
		return
	}
	if s := m.cur.Load(); s != nil {
		s.done.Add(done)
	}
}

// Unit returns what is counted in the step that is under way.
func (m *Meter) Unit() Unit {
	if m != nil {
		if s := m.cur.Load(); s != nil {
			return s.unit
		}
	}
	return Unmeasured
}

// SetKeys says how many keys there are so far.
func (m *Meter) SetKeys(n int64) {
	if m != nil {
		m.keys.Store(n)
	}
}

// Read returns how many bytes have been read in all planned steps, of how many.
func (m *Meter) Read() (done, total int64) {
	if m == nil {
		return 0, 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	cur := m.cur.Load()
	for i, p := range m.plan {
		if p.Unit != Bytes {
			continue
		}
		total += p.Total
		switch {
		case i == m.at && cur != nil:
			done += min(cur.done.Load(), p.Total)
		case p.ended:
			done += p.Total
		}
	}
	if m.at < 0 && cur != nil && cur.unit == Bytes {
		return min(cur.done.Load(), cur.total), cur.total
	}
	return done, total
}

// A step's own pace counts once paceFrom of it is done, and the plan's no more once
// paceAlone is: what is done first of a step is often quicker, or slower, than the rest.
const (
	paceFrom  = 0.03
	paceAlone = 0.2
)

// settled is how much time has to be planned before what it has taken tells how fast
// this machine is.
const settled = 500 * time.Millisecond

// most is what is said at most of a step that has not ended.
const most = 0.99

// Look returns how far the work has come.
func (m *Meter) Look() (s Seen) {
	if m == nil {
		return Seen{Left: -1}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	s = Seen{Left: -1, Took: now.Sub(m.began), Keys: m.keys.Load()}
	cur := m.cur.Load()
	if cur == nil {
		return s
	}
	s.Step, s.Unit, s.Total, s.Done = cur.name, cur.unit, cur.total, cur.done.Load()
	in := now.Sub(cur.began)
	if s.Done > 0 && in > 0 {
		s.Rate = float64(s.Done) / in.Seconds()
	}
	if s.Total > 0 {
		s.Done = min(s.Done, s.Total)
	}
	left, ok := m.leftLocked(cur, s.Done, in)
	if !ok {
		return s
	}
	passed := in
	if len(m.plan) > 0 {
		passed = s.Took
	}
	if passed+left > 0 {
		m.high = max(m.high, min(float64(passed)/float64(passed+left), most))
	}
	s.Share, s.Known = m.high, true
	if passed >= settled || s.Done > 0 {
		s.Left = left
	}
	return s
}

// leftLocked returns how long the work goes on, about; false if nobody can tell. The
// step that is under way goes on as it has gone so far; those that come are to this
// machine as those that have ended were.
func (m *Meter) leftLocked(cur *step, done int64, in time.Duration) (time.Duration, bool) {
	f := 0.0
	if cur.total > 0 {
		f = float64(done) / float64(cur.total)
	}
	if m.at < 0 {
		if f == 0 {
			return 0, false
		}
		return time.Duration(float64(in) * (1 - f) / f), true
	}
	planned, took := settled, settled
	for _, p := range m.plan[:m.at] {
		if p.ended {
			planned, took = planned+p.Cost, took+p.took
		}
	}
	p := m.plan[m.at]
	f = p.spent(f)
	if p.Unit != Unmeasured && f >= paceFrom {
		planned, took = planned+time.Duration(float64(p.Cost)*f), took+in
	}
	pace := float64(took) / float64(planned)
	cost := float64(p.Cost) * pace
	left := 0.0
	switch {
	case p.Unit == Unmeasured:
		left = max(cost-float64(in), 0)
	case f >= paceFrom:
		own := min(f/paceAlone, 1)
		left = own*float64(in)*(1-f)/f + (1-own)*cost*(1-f)
	default:
		left = max(cost-float64(in), cost*(1-f)/2)
	}
	for _, p := range m.plan[m.at+1:] {
		left += float64(p.Cost) * pace
	}
	return time.Duration(left), true
}
