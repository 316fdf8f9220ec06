package value

import (
	"fmt"
	"testing"

	"ledge/journal"
)

// What a collection of 150,000 costs when it is filled, and when its elements are
// put one by one.
func BenchmarkFill(b *testing.B) {
	const many = 150_000
	names, scored, pairs := make([]string, many), make([]journal.Scored, many), make([]string, 0, 2*many)
	for i := range names {
		names[i] = fmt.Sprintf("member:%012d", i)
		scored[i] = journal.Scored{Member: names[i], Score: float64(i * 7919 % many)}
		pairs = append(pairs, names[i], "value")
	}
	for name, c := range map[string]struct{ fill, put func(p *Pen) }{
		"set": {
			func(p *Pen) { new(set).fill(p, names) },
			func(p *Pen) {
				for s, i := new(set), 0; i < many; i++ {
					s.put(p, newElem(names[i], ""))
				}
			}},
		"zset": {
			func(p *Pen) { new(zset).fill(p, scored) },
			func(p *Pen) {
				for z, i := new(zset), 0; i < many; i++ {
					z.put(p, newScored(names[i], scored[i].Score))
				}
			}},
		"hash": {
			func(p *Pen) { new(hash).fill(p, pairs) },
			func(p *Pen) {
				for h, i := new(hash), 0; i < many; i++ {
					h.put(p, newElem(names[i], "value"), 0)
				}
			}},
	} {
		run := func(b *testing.B, do func(*Pen)) {
			for b.Loop() {
				do(&Pen{})
			}
		}
		b.Run(name+"/filled", func(b *testing.B) { run(b, c.fill) })
		b.Run(name+"/one by one", func(b *testing.B) { run(b, c.put) })
	}
}
