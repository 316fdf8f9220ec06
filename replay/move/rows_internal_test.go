package move

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"ledge/replay"
	"ledge/replay/value"
)

// large are collections of many elements, each by the command that makes it.
var large = map[value.Type]func(d *replay.Draft, key []byte, names [][]byte) error{
	value.HashType: func(d *replay.Draft, key []byte, names [][]byte) error {
		_, err := d.SetFields(key, 0, names)
		return err
	},
	value.ListType: func(d *replay.Draft, key []byte, names [][]byte) error {
		_, err := d.Push(key, false, names)
		return err
	},
	value.SetType: func(d *replay.Draft, key []byte, names [][]byte) error {
		_, err := d.AddMembers(key, names)
		return err
	},
	value.ZSetType: func(d *replay.Draft, key []byte, names [][]byte) error {
		members := make([]value.Scored, len(names))
		for i, name := range names {
			members[i] = value.Scored{Member: name, Score: float64(i)}
		}
		return d.SetScores(key, members)
	},
}

// While a piece of a large collection is made others run many times, also where there is one
// processor: a client's command needs a few goroutines, one after the other, and would else
// wait for as many of the runtime's time slices, of 10 ms each.
func TestRowsLetOthersRun(t *testing.T) {
	const elements = 40_000
	names := make([][]byte, elements)
	for i := range names {
		names[i] = fmt.Appendf(nil, "element %d", i)
	}
	for what, add := range large {
		c := newCopying(t, 1)
		key := []byte(c.keys[0])
		c.source.Must(func(d *replay.Draft) error { return add(d, key, names) })
		var rec value.Record
		c.source.Read(t, func(v *replay.View) {
			pos, _ := value.RowPos(string(key))
			v.Rows(pos, func(_ uint64, _ string, r value.Record) bool { rec = r; return false })()
		})
		if rec.Body == nil || rec.Type != what {
			t.Fatalf("%s: it is not there", what)
		}
		if ran := othersRun(func() {
			w := &rowWriter{row: row{key: string(key), rec: rec}}
			if _, all := w.append(nil, math.MaxInt); !all {
				t.Errorf("%s: a part of it is missing", what)
			}
		}); ran < elements/4000 {
			t.Errorf("%s: others ran %d times while it was read", what, ran)
		}
	}
}

// othersRun counts how often another goroutine runs while one does something, where there is
// one processor.
func othersRun(do func()) (times int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
				times++
				runtime.Gosched()
			}
		}
	}()
	do()
	close(end)
	<-ended
	return times
}
