package command_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"ledge/journal/fault"
	"ledge/respd/command"
)

// A parameter that two parts of the program keep is a bug in one of them.
func TestOneOwner(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("two parameters of one name are taken; want a panic")
		}
	}()
	command.NewParams(command.FixedParam("a", "1"), command.FixedParam("b", "1"), command.FixedParam("a", "2"))
}

// A number is checked on a trial and changed only after that.
func TestNumberParam(t *testing.T) {
	var n atomic.Int64
	n.Store(7)
	changes := 0
	errSmall := errors.New("too small")
	p := command.NewParams(command.NumberParam("n", &n, func(x int64, whole bool) error {
		if !whole || x < 5 {
			return errSmall
		}
		return nil
	}, func() { changes++ }), command.FixedParam("fixed", "x"))
	for _, c := range []struct {
		name, value string
		ok          bool
		want        int64
	}{
		{"n", "8", true, 8}, {"n", "4", false, 8}, {"n", "x", false, 8}, {"n", "9.0", false, 8},
		{"fixed", "y", false, 8}, {"N", "5", true, 5},
	} {
		if err := p.Set(t.Context(), c.name, c.value); (err == nil) != c.ok || n.Load() != c.want {
			t.Errorf("Set(%s, %s) = %v, and n is %d; want it taken %v, and %d", c.name, c.value, err, n.Load(), c.ok, c.want)
		}
	}
	if changes != 2 {
		t.Errorf("changed was called %d times; want 2", changes)
	}
}

// Whoever sets a parameter while another change waits for the disk waits no longer
// than its context, and learns why; a change that can't be kept has its cause's class.
func TestParamsBusy(t *testing.T) {
	var n atomic.Int64
	p := command.NewParams(command.NumberParam("n", &n, func(int64, bool) error { return nil }, nil))
	keeping, release := make(chan struct{}), make(chan struct{})
	full := fault.With(fault.Retryable, errors.New("no space left on device"))
	p.Kept(func(context.Context, []command.Change) error {
		close(keeping)
		<-release
		return full
	}, nil)
	first := make(chan error, 1)
	go func() { first <- p.Set(context.Background(), "n", "1") }()
	<-keeping
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Set(ctx, "n", "2"); fault.Of(err) != fault.Retryable {
		t.Errorf("Set beside one that waits = %v; want it refused as retryable", err)
	}
	close(release)
	if err := <-first; fault.Of(err) != fault.Retryable || n.Load() != 0 {
		t.Errorf("Set that can't be kept = %v, and n is %d; want a retryable error, and 0", err, n.Load())
	}
}

// What takes a while is changed before the change is written down, and changed back
// when it can't be.
func TestParamBegin(t *testing.T) {
	slow := map[string]string{"a": "1", "b": "1"}
	fails := ""
	param := func(name string) command.Param {
		return command.Param{Name: name, Get: func() string { return slow[name] },
			Set: func(string, bool) error { return nil },
			Begin: func(_ context.Context, v string) error {
				if v == fails {
					return errors.New("it hangs")
				}
				slow[name] = v
				return nil
			}}
	}
	p := command.NewParams(param("a"), param("b"))
	var kept error
	p.Kept(func(context.Context, []command.Change) error {
		if slow["a"] != "2" {
			t.Errorf("a is %s when it is written down; want 2", slow["a"])
		}
		return kept
	}, nil)
	for _, tt := range []struct {
		fails string
		kept  error
		want  string
	}{{"3", nil, "1"}, {"", errors.New("full"), "1"}, {"", nil, "2"}} {
		fails, kept = tt.fails, tt.kept
		err := p.Set(t.Context(), "a", "2", "b", "3")
		if (err == nil) != (tt.want == "2") || slow["a"] != tt.want {
			t.Errorf("Set with %+v = %v, and a is %s; want %s", tt, err, slow["a"], tt.want)
		}
	}
}

// An error repeats no value of any length.
func TestParamLongValue(t *testing.T) {
	p := command.NewParams(command.Param{Name: "a", Get: func() string { return "" },
		Set: func(v string, _ bool) error { return errors.New(v + " is long") }})
	if err := p.Set(t.Context(), "a", strings.Repeat("x", 70_000)); err == nil || len(err.Error()) > 700 || !strings.HasSuffix(err.Error(), "xxx...") {
		t.Errorf("Set of 70,000 bytes = an error of %d bytes; want the beginning of the value in it", len(err.Error()))
	}
}
