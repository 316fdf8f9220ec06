package scripts_test

import (
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/writer"
	"ledge/respd/command"
	"ledge/respd/command/keys"
	"ledge/respd/command/scripts"
	"ledge/respd/command/strs"
)

// What a script costs without a journal: EVAL_RO on a view.
func BenchmarkEval(b *testing.B) {
	for _, c := range []struct{ name, script string }{
		{"return", "return 1"},
		{"get", "return redis.call('GET', KEYS[1])"},
		{"loop1000", "local n = 0; for i = 1, 1000 do n = n + i % 7 end; return n"},
		{"concat", "local s = ''; for i = 1, 100 do s = s .. i .. ',' end; return s"},
		{"gets100", "for i = 1, 100 do redis.call('GET', KEYS[1]) end"},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := scripts.New(scripts.Config{})
			table := command.NewTable(strs.Table(), keys.Table(), e.Table())
			e.Serve(table, nil)
			st, err := replay.New(1)
			if err != nil {
				b.Fatal(err)
			}
			defer st.Close()
			args := command.Args{[]byte("EVAL_RO"), []byte(c.script), []byte("1"), []byte("key")}
			spec, err := table.Resolve(args)
			if err != nil {
				b.Fatal(err)
			}
			v := st.OpenView(time.Now())
			defer v.Close()
			b.ReportAllocs()
			for b.Loop() {
				val := spec.Read(v, args)
				if val.IsError() && val.ErrorText() != string(command.ErrLater) {
					b.Fatal(val)
				}
			}
		})
	}
}

// What a script costs through the writer, with a journal in memory.
func BenchmarkEvalWrite(b *testing.B) {
	for _, c := range []struct {
		name, script string
		times        int // in a proposal
	}{
		{"empty", "", 100},
		{"incr", "return redis.call('INCR', KEYS[1])", 100},
		{"set", "return redis.call('SET', KEYS[1], ARGV[1])", 100},
		{"add1e6", "local n = 0; for i = 1, 1000000 do n = n + i end; return n", 1},
		{"calls1e5", "local function f(x) return x end; for i = 1, 100000 do f(i) end", 1},
		{"strings", "local t = {}; for i = 1, 1000 do t[#t+1] = 'key:' .. i end; return #table.concat(t, ',')", 10},
		{"fill", "local t = {}; for i = 1, 1000 do t[i] = i end; for i = 1, 1000 do t['k' .. i] = i end; return #t", 10},
	} {
		b.Run(c.name, func(b *testing.B) { evalWrite(b, c.script, c.times) })
	}
}

func evalWrite(b *testing.B, script string, times int) {
	e := scripts.New(scripts.Config{})
	table := command.NewTable(strs.Table(), keys.Table(), e.Table())
	e.Serve(table, nil)
	st, err := replay.New(1)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	log, err := journal.NewLog(b.Context(), mem.New(), 1)
	if err != nil {
		b.Fatal(err)
	}
	w := writer.New(writer.Config{Log: log, State: st})
	if err := w.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	go w.Run(b.Context())
	args := command.Args{[]byte("EVAL"), []byte(script), []byte("1"), []byte("key"), []byte("1")}
	spec, err := table.Resolve(args)
	if err != nil {
		b.Fatal(err)
	}
	p := &many{run: func(d *replay.Draft) {
		if _, err := spec.Write(d, args); err != nil {
			b.Error(err)
		}
	}}
	b.ReportAllocs()
	for b.Loop() {
		p.left = times
		if err := w.Propose(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(times), "ns/script")
}

// many is a proposal of many commands.
type many struct {
	left int
	run  func(*replay.Draft)
}

func (p *many) Step(d *replay.Draft) bool {
	p.run(d)
	d.Seal(nil)
	p.left--
	return p.left > 0
}

func (p *many) Settle(error) {}
func (p *many) Done()        {}
