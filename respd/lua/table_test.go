package lua

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// A table holds what a map would hold, whatever is set and removed, and is
// walked as a whole, also while what was met is removed.
func TestTableModel(t *testing.T) {
	for _, seed := range seeds(t) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		s := New(Config{})
		for range 50 {
			tab := s.NewTable(rnd.IntN(2)*rnd.IntN(20), rnd.IntN(2)*rnd.IntN(20))
			model := map[any]Value{}
			keys := modelKeys(s, rnd)
			for step := range 400 {
				k := keys[rnd.IntN(len(keys))]
				v := Int(step)
				if rnd.IntN(3) == 0 {
					v = Nil
				}
				if err := tab.Set(k, v); err != nil {
					t.Fatal(err)
				}
				if model[modelKey(k)] = v; v.IsNil() {
					delete(model, modelKey(k))
				}
				if step%40 == 0 {
					checkTable(t, tab, model, keys)
				}
			}
			clearOnWalk(t, tab, rnd)
		}
	}
}

// modelKey is what stands for a key in a map.
func modelKey(k Value) any {
	switch {
	case k.IsString():
		return k.Str()
	case k.IsNumber():
		return k.Float() + 0 // 0 and -0 are one
	}
	return k
}

func modelKeys(s *State, rnd *rand.Rand) []Value {
	ks := []Value{True, False, Number(math.Inf(1)), Number(0), Number(math.Copysign(0, -1)), Number(1e300)}
	for range 20 {
		ks = append(ks, Int(rnd.IntN(30)), Int(rnd.IntN(1000)-500), Number(rnd.NormFloat64()),
			s.newString(name(rnd)), Shared(name(rnd)), FromTable(s.NewTable(0, 0)),
			FromUserdata(&Userdata{}), FromFunction(s.NewFunction(nil)), FromThread(s.newThread()))
	}
	return ks
}

func checkTable(t *testing.T, tab *Table, model map[any]Value, keys []Value) {
	t.Helper()
	for _, k := range keys {
		if got, want := tab.Get(k), model[modelKey(k)]; !Equal(got, want) {
			t.Fatalf("Get(%s) = %s; want %s", show(k), show(got), show(want))
		}
		if k.IsString() {
			if got, want := tab.GetString(k.Str()), model[k.Str()]; !Equal(got, want) {
				t.Fatalf("GetString(%s) = %s; want %s", show(k), show(got), show(want))
			}
		}
	}
	met := 0
	for k := Nil; ; {
		var v Value
		var err error
		if k, v, err = tab.Next(k); err != nil {
			t.Fatal(err)
		} else if k.IsNil() {
			break
		}
		if met++; !Equal(model[modelKey(k)], v) {
			t.Fatalf("walked over %s = %s; want %s", show(k), show(v), show(model[modelKey(k)]))
		}
	}
	if met != len(model) {
		t.Fatalf("walked over %d entries; want %d", met, len(model))
	}
	n := tab.Len()
	if n > 0 && tab.GetInt(n).IsNil() || !tab.GetInt(n+1).IsNil() {
		t.Fatalf("Len() = %d, which is no border", n)
	}
}

// clearOnWalk removes entries while it walks over them.
func clearOnWalk(t *testing.T, tab *Table, rnd *rand.Rand) {
	t.Helper()
	for k := Nil; ; {
		var err error
		if k, _, err = tab.Next(k); err != nil {
			t.Fatal(err)
		} else if k.IsNil() {
			break
		}
		if rnd.IntN(4) > 0 {
			if err := tab.Set(k, Nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTableBadKeys(t *testing.T) {
	s := New(Config{})
	tab := s.NewTable(0, 0)
	if err := tab.Set(Nil, True); !errors.Is(err, errNilIndex) {
		t.Errorf("nil: %v", err)
	}
	if err := tab.Set(Number(math.NaN()), True); !errors.Is(err, errNaNIndex) {
		t.Errorf("NaN: %v", err)
	}
	if _, _, err := tab.Next(Int(1)); !errors.Is(err, errNextKey) {
		t.Errorf("Next: %v", err)
	}
	if v := tab.Get(Number(math.NaN())); !v.IsNil() {
		t.Errorf("NaN is there: %s", show(v))
	}
}

// A chain of nodes that a script made long is charged for.
func TestLongChain(t *testing.T) {
	asked := 0
	s := New(Config{CheckEvery: 1000, Check: func() error { asked++; return nil }})
	s.Begin(1 << 30)
	tab := s.NewTable(0, 1<<12)
	const n = 2000
	for i := range n {
		// All of these have the hash 0 by the sum of their words.
		f := math.Float64frombits(uint64(uint32(i+1))<<32 | uint64(-uint32(i+1)))
		if err := tab.Set(Number(f), True); err != nil {
			t.Fatal(err)
		}
		_ = s.step(1)
	}
	if want := n * n / 2 / 8 / 1000; asked < want/2 {
		t.Errorf("Check was asked %d times; want about %d", asked, want)
	}
}
