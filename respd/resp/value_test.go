package resp_test

// What a Value tells about itself, and how errors become replies.

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"ledge/respd/resp"
)

func TestValueSize(t *testing.T) {
	if got, want := unsafe.Sizeof(resp.Value{}), uintptr(24); got > want {
		t.Errorf("Sizeof(Value) = %d; want at most %d", got, want)
	}
}

func TestValueAccessors(t *testing.T) {
	type facts struct {
		kind           resp.Kind
		str, err, text string
		num            int64
		float          float64
		elems          int
		isNil          bool
	}
	for _, tt := range []struct {
		v    resp.Value
		want facts
	}{
		{resp.Value{}, facts{kind: resp.KindNil, isNil: true}},
		{resp.NilArray, facts{kind: resp.KindNilArray, isNil: true}},
		{resp.OK, facts{kind: resp.KindSimple, str: "OK"}},
		{resp.Errf("ERR %d", 1), facts{kind: resp.KindError, str: "ERR 1", err: "ERR 1"}},
		{resp.Int(-5), facts{kind: resp.KindInt, num: -5}},
		{resp.Bulk(""), facts{kind: resp.KindBulk}},
		{resp.Bool(true), facts{kind: resp.KindBool, num: 1}},
		{resp.Double(1.5), facts{kind: resp.KindDouble, float: 1.5}},
		{resp.BigNumber("12"), facts{kind: resp.KindBigNumber, str: "12"}},
		{resp.Verbatim("mkd", "#"), facts{kind: resp.KindVerbatim, str: "#", text: "mkd"}},
		{resp.Array(resp.OK), facts{kind: resp.KindArray, elems: 1}},
		{resp.Set(), facts{kind: resp.KindSet}},
		{resp.Map(resp.OK, resp.OK), facts{kind: resp.KindMap, elems: 2}},
		{resp.Pairs(resp.OK, resp.OK), facts{kind: resp.KindPairs, elems: 2}},
		{resp.Push(resp.OK), facts{kind: resp.KindPush, elems: 1}},
	} {
		v := tt.v
		got := facts{v.Kind(), v.Str(), v.ErrorText(), v.TextFormat(), v.Num(), v.Float(),
			len(v.Elems()), v.IsNil()}
		if got != tt.want {
			t.Errorf("%v: accessors = %+v; want %+v", v, got, tt.want)
		}
		if got, want := v.IsError(), tt.want.err != ""; got != want {
			t.Errorf("%v: IsError = %v; want %v", v, got, want)
		}
	}
}

func TestValueEqual(t *testing.T) {
	for i, a := range encodings {
		for j, b := range encodings {
			same := i == j || a.v.IsNil() && a.v.Kind() == b.v.Kind()
			if got := a.v.Equal(b.v); got != same {
				t.Errorf("%s: Equal(%s) = %v; want %v", a.name, b.name, got, same)
			}
		}
	}
	if a, b := resp.Strings("a"), resp.Strings("b"); a.Equal(b) {
		t.Errorf("%v: Equal(%v) = true; want false", a, b)
	}
}

// The collector must see what a Value alone holds on to.
func TestValueKeepsMemory(t *testing.T) {
	var vs []resp.Value
	for i := range 1000 {
		vs = append(vs, resp.Array(resp.Bytes(fmt.Appendf(nil, "value %d", i))))
		if i%100 == 0 {
			runtime.GC()
		}
	}
	runtime.GC()
	for i, v := range vs {
		if got, want := v.Elems()[0].Str(), fmt.Sprintf("value %d", i); got != want {
			t.Fatalf("element after collection = %q; want %q", got, want)
		}
	}
}

func TestValueString(t *testing.T) {
	v := resp.Array(resp.OK, resp.Int(3), resp.Bulk("a"), resp.Nil, resp.Err("ERR x"),
		resp.Map(resp.Bulk("k"), resp.Bool(true)), resp.Set(), resp.Double(2))
	want := `[OK (integer) 3 "a" (nil) (error) ERR x {"k" (true)} ~[] (double) 2]`
	if got := v.String(); got != want {
		t.Errorf("String = %s; want %s", got, want)
	}
}

func TestFromError(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{resp.Error("WRONGTYPE Operation"), "WRONGTYPE Operation"},
		{fmt.Errorf("set %q: %w", "k", resp.Error("OOM no room")), "OOM no room"},
		{errors.New("NOAUTH who are you"), "NOAUTH who are you"},
		{errors.New("open spool"), "ERR open spool"},
		{errors.New("A key is missing"), "ERR A key is missing"},
		{errors.New("READONLY"), "ERR READONLY"},
		{errors.New("line\r\nbreak\n"), "ERR line  break"},
		{resp.ProtocolError("Protocol error: x"), "ERR Protocol error: x"},
	} {
		if got := resp.FromError(tt.err).ErrorText(); got != tt.want {
			t.Errorf("FromError(%q) = %q; want %q", tt.err, got, tt.want)
		}
	}
	if got, want := resp.Error("WRONGTYPE Operation").Code(), "WRONGTYPE"; got != want {
		t.Errorf("Code = %q; want %q", got, want)
	}
}

func TestConstructorsRefuseBugs(t *testing.T) {
	odd := []resp.Value{resp.OK}
	for name, build := range map[string]func(){
		"odd map":     func() { resp.Map(odd...) },
		"long format": func() { resp.Verbatim("text", "") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic; want one", name)
				}
			}()
			build()
		}()
	}
}
