package move_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/journal/fault"
	"ledge/journal/logtest"
	"ledge/replay"
	"ledge/replay/move"
)

// addLibrary is what FUNCTION LOAD does, for code that begins with its library's name and a
// space. What has "bad" in it does not compile.
func addLibrary(d *replay.Draft, code string) error {
	name, body, _ := strings.Cut(code, " ")
	if strings.HasPrefix(body, "bad") {
		return errors.New("it does not compile")
	}
	if _, ok := d.Functions().Get(name); ok {
		return errors.New("there is one of that name")
	}
	return d.SetFunction(name, code)
}

// set gives a shard a library.
func (s *shard) set(name, body string) {
	n, _ := s.up()
	n.Must(func(d *replay.Draft) error { return d.SetFunction(name, name+" "+body) })
}

// libraries returns those that a shard has.
func (s *shard) libraries() map[string]string {
	n, _ := s.up()
	all := make(map[string]string)
	n.Read(s.w.t, func(v *replay.View) {
		for name, code := range v.Functions().All() {
			all[name] = code
		}
	})
	return all
}

// Libraries that the target lacks are added there, however long they are and whatever is in
// them. One that differs is left, as is one that can't be added, and neither keeps the slots
// from moving; it is said once, though the attempt is made three times.
func TestFunctionsMoveAlong(t *testing.T) {
	w, a, b := pair(t)
	var log logtest.Log
	w.logger = log.Logger()
	b.kill()
	b.start()
	long := strings.Repeat("\x00\xff\r\n", 150<<10) // three parts
	a.set("long", long)
	a.set("mine", "theirs")
	a.set("same", "x")
	a.set("broken", "bad")
	a.set(strings.Repeat("n", 513), "too long a name")
	b.set("mine", "ours")
	b.set("same", "x")
	b.set("other", "y")
	var ends atomic.Int32
	lose := func(subject string, done bool) error {
		if subject == move.SubjectEnd && !done && ends.Add(1) <= 2 {
			return fault.With(fault.Refused, errors.New("it got lost"))
		}
		return nil
	}
	w.fails.Store(&lose)
	before := b.libraries()
	moved(t, begin(t, a, b, someSlots), a, b)
	before["long"] = "long " + long
	if got := b.libraries(); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("the target has libraries %.200q; want %.200q", fmt.Sprint(got), fmt.Sprint(before))
	}
	if n := ends.Load(); n < 3 {
		t.Errorf("%d attempts came to the hold; want 3", n)
	}
	if got := strings.Count(log.String(), "level=WARN msg=\"function libraries"); got != 1 || !strings.Contains(log.String(), `libraries="broken mine" count=2`) {
		t.Errorf("it is said %d times that broken and mine are left; want once:\n%s", got, log.String())
	}
}

// A library that is changed while it is being sent is sent again, whole.
func TestFunctionsChangedMeanwhile(t *testing.T) {
	w, a, b := pair(t)
	a.set("lib", strings.Repeat("a", 300<<10))
	next := strings.Repeat("b", 300<<10)
	var asked atomic.Int32
	change := func(subject string, done bool) error {
		if subject == move.SubjectFunctions && done && asked.Add(1) == 1 {
			a.set("lib", next)
		}
		return nil
	}
	w.fails.Store(&change)
	moved(t, begin(t, a, b, someSlots), a, b)
	if got := b.libraries()["lib"]; got != "lib "+next {
		t.Errorf("the target has %.40q of %d bytes; want what the source has now", got, len(got))
	}
}

// FuzzFunctions has a source asked for libraries by whatever bytes: it answers with a part of
// one that comes after the name that was said, or refuses.
func FuzzFunctions(f *testing.F) {
	for _, s := range []string{`{"move":"00000000000000aa","after":"","offset":0}`, `{"after":"b","offset":-1}`, `{"move":1}`, `[]`} {
		f.Add([]byte(s), "a", 0)
	}
	f.Fuzz(func(t *testing.T, raw []byte, after string, offset int) {
		_, a, b := pair(t)
		a.set("a", "1")
		a.set("b", "2")
		id := begin(t, a, b, someSlots)
		_, mover := a.up()
		answer := mover.Handlers()[move.SubjectFunctions]
		if m, err := answer(&nats.Msg{Data: raw}); err == nil && len(m.Data) > len("a 1") {
			t.Errorf("%q is answered with %q", raw, m.Data)
		}
		q, err := json.Marshal(map[string]any{"move": fmt.Sprintf("%016x", uint64(id)), "after": after, "offset": offset})
		if err != nil {
			t.Fatal(err)
		}
		m, err := answer(&nats.Msg{Data: q})
		if err != nil || len(m.Data) == 0 {
			return
		}
		name := m.Header.Get("Ledge-Name")
		if code := a.libraries()[name]; name <= after || offset >= len(code) || string(m.Data) != code[offset:] {
			t.Errorf("after %q from %d on: %q of library %q", after, offset, m.Data, name)
		}
	})
}
