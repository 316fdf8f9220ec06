package writer_test

import (
	"fmt"
	"testing"

	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// sets is a proposal of SETs, each an entry of its own, like a client's pipeline.
type sets struct {
	left int
	key  []byte
	done chan struct{}
}

func (p *sets) Step(d *replay.Draft) bool {
	d.Select(0)
	d.Mark()
	if err := d.SetString(p.key, p.key, 0); err != nil {
		panic(err)
	}
	d.Seal(nil)
	p.left--
	return p.left > 0
}

func (p *sets) Settle(error) {}
func (p *sets) Done()        { p.done <- struct{}{} }

// BenchmarkCommit says what a write costs from Submit to its answer, alone in its
// batch and among others, with a journal that costs nothing.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 16, 800} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			node := replaytest.Open(b, 1, writer.Config{Node: "bench"})
			p := &sets{key: []byte("key"), done: make(chan struct{}, 1)}
			b.ReportAllocs()
			for i := 0; i < b.N; i += n {
				p.left = n
				if err := node.Writer.Submit(p); err != nil {
					b.Fatal(err)
				}
				<-p.done
			}
		})
	}
}
