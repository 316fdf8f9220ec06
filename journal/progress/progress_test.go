package progress

import (
	"context"
	"math"
	"testing"
	"time"
)

// watch is a clock that a test sets.
type watch struct{ now time.Time }

func (w *watch) pass(d time.Duration) { w.now = w.now.Add(d) }

func newWatched() (*Meter, *watch) {
	w := &watch{now: time.Unix(1000, 0)}
	return newMeter(func() time.Time { return w.now }), w
}

// Work that nobody looks at can say all it wants.
func TestNobodyLooks(t *testing.T) {
	m := Of(t.Context())
	if m != nil {
		t.Fatalf("Of a context without a Meter = %v; want nil", m)
	}
	m.Plan(Part{Name: "a"})
	m.Expect("a", 1, 1)
	m.Step("a", Bytes, 1)
	m.To(1)
	m.Add(1)
	m.SetKeys(1)
	if s := m.Look(); s.Step != "" || s.Known || s.Left >= 0 {
		t.Errorf("Look = %+v; want nothing", s)
	}
	with := With(context.Background(), New())
	if Of(with) == nil || Of(Without(with)) != nil {
		t.Error("With and Without don't put a Meter in and take it out")
	}
}

// A step by itself is shown by its own share.
func TestOneStep(t *testing.T) {
	m, w := newWatched()
	m.Step("checking", Bytes, 1000)
	if s := m.Look(); s.Known || s.Left >= 0 {
		t.Errorf("at first: %+v; want nothing known", s)
	}
	w.pass(2 * time.Second)
	m.Add(200)
	s := m.Look()
	if s.Step != "checking" || s.Done != 200 || s.Total != 1000 || s.Rate != 100 || s.Left != 8*time.Second ||
		math.Abs(s.Share-0.2) > 0.001 {
		t.Errorf("after a fifth in 2 s: %+v; want a fifth, 100 a second, 8 s left", s)
	}
	m.Step("another", Keys, 0)
	if s := m.Look(); s.Known || s.Step != "another" || s.Done != 0 {
		t.Errorf("a step of which nothing is known: %+v", s)
	}
	m.To(1 << 40) // more than there was to be
	m.Step("third", Keys, 10)
	w.pass(time.Second)
	m.To(20)
	if s := m.Look(); s.Done != 10 || s.Share > 1 {
		t.Errorf("past its end: %+v; want no more than all", s)
	}
}

// journey is what a plan says and what really happens, to which the share that is
// shown is compared at each moment.
type journey struct {
	name  string
	plan  []Part
	takes []time.Duration // each step really
	most  float64         // how far what is shown may be off
	// of says which part of a step's units is done at a part of its time; nil is the same.
	of func(step string, t float64) float64
}

// What is shown is a share of the time, whatever the machine, and also where the plan
// is wrong about one step.
func TestShareOfTime(t *testing.T) {
	plan := func() []Part {
		return []Part{{Name: "check", Unit: Bytes, Total: 1000, Cost: 2 * time.Second},
			{Name: "open", Cost: time.Second},
			{Name: "apply", Unit: Bytes, Total: 1000, Cost: 10 * time.Second},
			{Name: "order", Unit: Keys, Total: 1000, Cost: 5 * time.Second}}
	}
	sec := time.Second
	slows := plan()
	slows[2].Slows = 1
	for _, j := range []journey{
		{"as planned", plan(), []time.Duration{2 * sec, sec, 10 * sec, 5 * sec}, 0.03, nil},
		{"a machine of a third of the speed", plan(), []time.Duration{6 * sec, 3 * sec, 30 * sec, 15 * sec}, 0.08, nil},
		{"a machine of three times the speed", plan(), []time.Duration{2 * sec / 3, sec / 3, 10 * sec / 3, 5 * sec / 3}, 0.1, nil},
		{"apply takes half as long again", plan(), []time.Duration{2 * sec, sec, 15 * sec, 5 * sec}, 0.1, nil},
		{"the step that can't be measured takes three times as long", plan(), []time.Duration{2 * sec, 3 * sec, 10 * sec, 5 * sec}, 0.1, nil},
		{"the first of a step is quick", plan(), []time.Duration{2 * sec, sec, 10 * sec, 5 * sec}, 0.08,
			func(_ string, t float64) float64 { return min(3*t, 0.06+t*0.94) }},
		{"a step slows, as planned", slows, []time.Duration{2 * sec, sec, 10 * sec, 5 * sec}, 0.04,
			func(step string, t float64) float64 {
				if step != "apply" {
					return t
				}
				return math.Sqrt(1+3*t) - 1 // the last unit takes twice as long as the first
			}},
	} {
		m, w := newWatched()
		m.Plan(j.plan...)
		all, passed := time.Duration(0), time.Duration(0)
		for _, d := range j.takes {
			all += d
		}
		was := 0.0
		for i, p := range j.plan {
			m.Step(p.Name, p.Unit, p.Total)
			for n := 0; n < 50; n++ {
				w.pass(j.takes[i] / 50)
				passed += j.takes[i] / 50
				done := float64(n+1) / 50
				if j.of != nil {
					done = j.of(p.Name, done)
				}
				m.To(int64(float64(p.Total) * done))
				s, want := m.Look(), passed.Seconds()/all.Seconds()
				if s.Share < was {
					t.Fatalf("%s: %s: the share goes back from %.3f to %.3f", j.name, p.Name, was, s.Share)
				}
				if was = s.Share; math.Abs(s.Share-want) > j.most {
					t.Errorf("%s: %s, %d of 50: share %.3f; the time is at %.3f", j.name, p.Name, n+1, s.Share, want)
					break
				}
			}
		}
	}
}

// A plan may be made again, and what a step has more or less than was thought counts.
func TestPlanAgain(t *testing.T) {
	m, w := newWatched()
	m.Plan(Part{Name: "a", Unit: Bytes, Total: 100, Cost: 4 * time.Second}, Part{Name: "b", Unit: Bytes, Total: 100, Cost: 4 * time.Second})
	m.Step("a", Bytes, 100)
	w.pass(2 * time.Second)
	m.To(50)
	before := m.Look().Share
	m.Plan(Part{Name: "a", Unit: Bytes, Total: 100, Cost: 4 * time.Second}, Part{Name: "b", Unit: Bytes, Total: 100, Cost: 4 * time.Second}, Part{Name: "c", Unit: Keys, Total: 10, Cost: 8 * time.Second})
	if s := m.Look(); s.Share < before {
		t.Errorf("with another step the share goes back from %f to %f", before, s.Share)
	}
	w.pass(2 * time.Second)
	m.Step("b", Bytes, 200) // 8 s, that is
	m.Expect("c", 0, 0)     // and this one is not needed
	w.pass(4 * time.Second)
	m.To(100)
	if s := m.Look(); math.Abs(s.Share-8.0/12) > 0.02 || s.Left.Round(time.Second) != 4*time.Second {
		t.Errorf("after 8 of 12 s: %+v", s)
	}
}
