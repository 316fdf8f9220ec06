package move

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/replay/wire"
)

// kinds are the messages that come from the other side of a move, with a good one each.
var kinds = []struct {
	name string
	make func() wire.Message
	good string
}{
	{"offer", func() wire.Message { return new(offer) }, `{"move":"00000000000000ff","cluster":"00000000000000000000000000000000000000c1",` +
		`"shard":"000000000000000a","slots":"0-99,120","given":true}`},
	{"stands", func() wire.Message { return new(stands) }, `{"phase":"ended","cause":"cancelled"}`},
	{"hello", func() wire.Message { return new(hello) }, `{"move":"00000000000000ff","cursor":9,"number":7,"digest":"00000000000000aa","epoch":2}`},
	{"welcome", func() wire.Message { return new(welcome) }, `{"phase":"given","lineage":"000000000000000a","session":"0000000000000005",` +
		`"give":{"epoch":2,"number":7,"digest":"00000000000000aa"},"last":9}`},
	{"fetch", func() wire.Message { return new(fetch) }, `{"move":"00000000000000ff","session":"0000000000000005","piece":1,"offset":3}`},
	{"end", func() wire.Message { return new(end) }, `{"move":"00000000000000ff","session":"0000000000000005"}`},
	{"held", func() wire.Message { return new(held) }, `{"number":7}`},
	{"ready", func() wire.Message { return new(ready) }, `{"move":"00000000000000ff","number":7,"digest":"00000000000000aa"}`},
	{"verdict", func() wire.Message { return new(verdict) }, `{"give":{"epoch":2,"number":7,"digest":"00000000000000aa"}}`},
	{"taken", func() wire.Message { return new(taken) }, `{"move":"00000000000000ff"}`},
}

// Whatever comes as a message of a move either is refused, or means the same when it is
// written again.
func FuzzMessages(f *testing.F) {
	for i, k := range kinds {
		f.Add(byte(i), []byte(k.good))
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		k := kinds[int(kind)%len(kinds)]
		got := k.make()
		if wire.DecodeUpTo(&nats.Msg{Data: b}, got, maxOffer) != nil {
			return
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		back := k.make()
		if err := wire.DecodeUpTo(&nats.Msg{Data: again}, back, 2*maxOffer); err != nil || !reflect.DeepEqual(got, back) {
			t.Errorf("%s: %+v becomes %+v, %v", k.name, got, back, err)
		}
	})
}

// The good ones are taken, and none without what it must have.
func TestMessages(t *testing.T) {
	for _, k := range kinds {
		if err := wire.DecodeUpTo(&nats.Msg{Data: []byte(k.good)}, k.make(), maxOffer); err != nil {
			t.Errorf("%s: %v; want it taken", k.name, err)
		}
		for _, bad := range []string{"", "[]", "{", k.good + "x"} {
			if err := wire.DecodeUpTo(&nats.Msg{Data: []byte(bad)}, k.make(), maxOffer); err == nil {
				t.Errorf("%s: %q is taken; want it refused", k.name, bad)
			}
		}
	}
}
