package replay

import (
	"math/rand/v2"
	"testing"
	"time"

	"ledge/replay/crowdtest"
	"ledge/replay/value"
)

// Keys of one hash cost about as much each however many there are: a client that makes them
// on purpose holds up nobody.
func TestDictCrowd(t *testing.T) {
	const keys, patience = 100_000, 30 * time.Second // one by one they would take some ten minutes
	var d dict
	began, r := time.Now(), rand.New(rand.NewPCG(1, 2))
	in := make(map[string]*value.Block)
	for i := range keys {
		key := crowdtest.Key(i)
		in[key] = value.RecordBlock(key, value.Record{Type: value.String, Val: "v"})
		if old := d.put(key, value.Sum(key), in[key]); old != nil {
			t.Fatalf("put(%q) = %q; want nothing", key, old.Name())
		}
		if time.Since(began) > patience {
			t.Fatalf("%d keys have taken more than %s", i, patience)
		}
	}
	other := "another key"
	d.put(other, value.Sum(other), value.RecordBlock(other, value.Record{Type: value.String}))
	for n := len(in); n > 0; n = len(in) {
		for key, b := range in {
			if d.get(key, value.Sum(key)) != b {
				t.Fatalf("get(%q) has not its block", key)
			}
			if r.IntN(2) == 0 || n < 10 {
				if d.del(key, value.Sum(key)) != b || d.get(key, value.Sum(key)) != nil {
					t.Fatalf("%q is there once it is deleted, or was not", key)
				}
				delete(in, key)
			}
		}
		pos, _ := value.RowPos(crowdtest.Key(0))
		if at := d.at(nil, pos); len(at) != len(in) || d.n != len(in)+1 {
			t.Fatalf("%d keys at the position, %d in all; want %d and one more", len(at), d.n, len(in))
		}
	}
	if d.get(other, value.Sum(other)) == nil || len(d.crowd.tags) > 0 {
		t.Errorf("%d tags are left of the crowd; want none, and the other key", len(d.crowd.tags))
	}
}
