package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
)

// forty is a node's id.
const forty = "00112233445566778899aabbccddeeff00112233"

// kinds are the JSON messages, each with one that is good.
var kinds = []struct {
	name string
	make func() Message
	good string
}{
	{"record", func() Message { return new(NodeRecord) }, `{"id":"` + forty + `","shard":"` + forty + `","host":"10.0.0.1",` +
		`"port":6379,"tls":6380,"bus":4222,"nats":"nats://h:4222","leads":true,"loading":true,"number":7,"term":3,"stamp":9,"owned":"0-99@1 100@3","left":true}`},
	{"view", func() Message { return new(View) }, `{"id":"ABC","node":"` + forty + `","cluster":"` + forty + `","have":{"` + forty +
		`":8},"records":[{"id":"` + forty + `","shard":"` + forty + `","port":6379,"number":7,"term":3,"stamp":9}]}`},
}

// badFields are values that no field of that name may have; nil is that it is missing.
func badFields() map[string][]any {
	long := strings.Repeat("a", 600)
	return map[string][]any{
		"id": {"", long[:65], "a b", "a\nb", "../x", "é", 7, nil}, "node": {"", forty + "0", "a,b", "*", 7, nil},
		"number": {-1, "7", 1.5, json.Number("18446744073709551616")},
		"shard":  {"", "abc", forty + "0", strings.ToUpper(forty), nil}, "cluster": {"abc", "../", 7},
		"host": {"a b", "h\n", long, "a,b", 7}, "port": {0, -1, 65536, "6379", nil}, "bus": {-1, 65536}, "tls": {-1, 65536}, "term": {-1}, "stamp": {0, -1, nil},
		"owned": {"1", "0-99", "1@0", "2-1@1", "0-16384@1", "5@1 5@2", "7@1 6@1", "a@1", "1@x", "-1@1", 7},
		"have":  {[]int{1}, map[string]int{"x": 1}, map[string]int{forty: -1}}, "records": {"x", []int{1}, []any{map[string]int{}}},
		"leads": {"yes"}, "loading": {1}, "left": {"no"},
		"nats": {"h:4222", "nats://h:1\nx", "nats://h h", "http://h:80", "nats://h", "nats://u:p@h:4222", "nats://" + long, 7},
	}
}

// What a message has that is good is kept, and each field that is not what it
// should be makes all of it refused.
func TestWire(t *testing.T) {
	bad := badFields()
	for _, k := range kinds {
		if err := Decode(&nats.Msg{Data: []byte(k.good)}, k.make()); err != nil {
			t.Errorf("%s: %v; want it taken", k.name, err)
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(k.good), &fields); err != nil {
			t.Fatal(err)
		}
		for field, was := range fields {
			for _, v := range bad[field] {
				if k.name == "view" && field == "id" && (v == nil || v == "") {
					continue // only a replica's has one
				}
				if fields[field] = v; v == nil {
					delete(fields, field)
				}
				b, err := json.Marshal(fields)
				if err != nil {
					t.Fatal(err)
				}
				if err := Decode(&nats.Msg{Data: b}, k.make()); err == nil || fault.Of(err) != fault.Refused {
					t.Errorf("%s with %q for %s: %v; want it refused", k.name, v, field, err)
				}
			}
			fields[field] = was
		}
		big := strings.Replace(k.good, "{", "{"+strings.Repeat(" ", MaxJSON), 1)
		for _, b := range []string{"", "{", "[]", "null true", `"x"`, big} {
			if err := Decode(&nats.Msg{Data: []byte(b)}, k.make()); err == nil {
				t.Errorf("%s: %.20q is taken; want it refused", k.name, b)
			}
		}
	}
}

// Whatever comes as a message either is refused, or holds only what may be shown,
// and means the same when it is written again.
func FuzzWire(f *testing.F) {
	for i, k := range kinds {
		f.Add(byte(i), []byte(k.good))
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		k := kinds[int(kind)%len(kinds)]
		got := k.make()
		if Decode(&nats.Msg{Data: b}, got) != nil {
			return
		}
		plain(t, reflect.ValueOf(got).Elem())
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		back := k.make()
		if err := Decode(&nats.Msg{Data: again}, back); err != nil || !reflect.DeepEqual(got, back) {
			t.Errorf("%s: %+v becomes %+v, %v", k.name, got, back, err)
		}
	})
}

// plain checks that no text of a message has what INFO, a log or a path must not
// have.
func plain(t *testing.T, v reflect.Value) {
	for i := range v.NumField() {
		switch x := v.Field(i).Interface().(type) {
		case string:
			t.Errorf("%s has a string without a type", v.Type())
		case Name, Text, Host:
			if strings.ContainsAny(fmt.Sprint(x), "\r\n\x00 ") {
				t.Errorf("%T %q", x, x)
			}
		case NodeID:
			if strings.Trim(string(x), "0123456789abcdef") != "" {
				t.Errorf("id %q", x)
			}
		case map[NodeID]uint64, map[NodeID]uint32:
			for _, id := range reflect.ValueOf(x).MapKeys() {
				if strings.Trim(id.String(), "0123456789abcdef") != "" {
					t.Errorf("id %q", id)
				}
			}
		case []NodeRecord:
			for i := range x {
				plain(t, reflect.ValueOf(x[i]))
			}
		case journal.Seq, uint16, uint64, bool, OwnedText:
		default:
			t.Errorf("a field of type %T, which this test does not know", x)
		}
	}
}

// An error keeps its class on the way; one that is Fatal there is for the operator here,
// and what is said of it is one line of bounded length.
func TestFailure(t *testing.T) {
	for class, want := range map[fault.Class]fault.Class{
		fault.Refused: fault.Refused, fault.Retryable: fault.Retryable,
		fault.Operator: fault.Operator, fault.Fatal: fault.Operator,
	} {
		err := Failed(Failure(fault.With(class, fmt.Errorf("a\nb\x1b[31m%s", strings.Repeat("é", MaxText)))), "peer")
		if got := fault.Of(err); got != want || err == nil {
			t.Errorf("%s becomes %s (%v); want %s", class, got, err, want)
		} else if len(err.Error()) > MaxText+20 || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("an error of the other side is shown as %q; want one line of bounded length", err)
		}
	}
	if err := Failed(nats.NewMsg("x"), "peer"); err != nil {
		t.Errorf("a message without an error is %v; want nil", err)
	}
}
