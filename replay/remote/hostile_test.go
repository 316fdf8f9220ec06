package remote

// A leader that answers what it likes, and a replica that asks what it likes: the
// node at the other end stays whole, within its bounds, and says what is wrong.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/replaytest"
	"ledge/replay/standing"
	"ledge/replay/wire"
	"ledge/replay/writer"
)

// Answers of a leader whose journal has 9 numbers.
const (
	sayTail     = `{"node":"l","lineage":"000000000001ed6e","databases":1,"first":1,"last":9,"epoch":1,"start":"tail"}`
	sayBegin    = `{"node":"l","lineage":"000000000000beef","databases":1,"first":1,"last":9,"epoch":1,"start":"begin"}`
	saySnapshot = `{"node":"l","lineage":"000000000000beef","databases":1,"first":8,"last":9,"epoch":1,"start":"snapshot"}`
	sayMeta     = `{"number":8,"epoch":1,"digest":"00000000000000aa","bytes":8192,"chunk":4096,"chunks":2}`
	sayLast     = `{"last":9}`
)

// sendChunk answers with a chunk that is right, as far as a replica can tell.
func sendChunk(p *posing, m *nats.Msg) {
	r := nats.NewMsg(m.Reply)
	r.Data = make([]byte, 4096)
	r.Header.Set(headerSum, checksum(r.Data))
	_ = p.nc.PublishMsg(r)
}

// failsAt are leaders that fail at one point each time, whatever goes well before.
func failsAt() map[string]map[string]any {
	cut := func(p *posing, m *nats.Msg) { p.send(m, kindFrames, 9, []byte{0, 0, 0}) }
	chunk := func(change func(*nats.Msg)) func(*posing, *nats.Msg) {
		return func(p *posing, m *nats.Msg) {
			r := nats.NewMsg(m.Reply)
			r.Data = make([]byte, 4096)
			r.Header.Set(headerSum, checksum(r.Data))
			change(r)
			_ = p.nc.PublishMsg(r)
		}
	}
	down := fault.With(fault.Retryable, errors.New("not now"))
	return map[string]map[string]any{
		"handshake":            {subjectHello: down},
		"handshake of garbage": {subjectHello: "{"},
		"begin, report":        {subjectHello: sayBegin, subjectReport: down},
		"begin, fetch":         {subjectHello: sayBegin, subjectReport: sayLast, subjectFetch: down},
		"begin, a cut frame":   {subjectHello: sayBegin, subjectReport: sayLast, subjectFetch: cut},
		"tail, a cut frame":    {subjectHello: sayTail, subjectReport: sayLast, subjectFetch: cut},
		"a beat, a cut frame": {subjectHello: sayTail, subjectReport: sayLast, subjectFetch: func(p *posing, m *nats.Msg) {
			p.send(m, kindBeat, 9, nil)
			cut(p, m)
		}},
		"level, a cut frame": {subjectHello: sayTail, subjectReport: sayLast, subjectFetch: func(p *posing, m *nats.Msg) {
			p.send(m, kindBeat, 0, nil)
			cut(p, m)
		}},
		"a fetch, then a cut frame": {subjectHello: sayTail, subjectReport: sayLast, subjectFetch: func(p *posing, m *nats.Msg) {
			if p.count(subjectFetch)%2 == 1 {
				p.send(m, kindEnd, 9, nil)
				return
			}
			cut(p, m)
		}},
		"another number": {subjectHello: sayTail, subjectReport: sayLast, subjectFetch: func(p *posing, m *nats.Msg) {
			p.send(m, kindFrames, 9, appendFrame(nil, journal.Frame{Seq: 5, Data: []byte("x")}))
		}},
		"another kind": {subjectHello: sayTail, subjectReport: sayLast, subjectFetch: func(p *posing, m *nats.Msg) { p.send(m, "x", 9, nil) }},
		"meta":         {subjectHello: saySnapshot, subjectMeta: down},
		"meta that doesn't add up": {subjectHello: saySnapshot,
			subjectMeta: strings.Replace(sayMeta, `"chunks":2`, `"chunks":3`, 1)},
		"a chunk":          {subjectHello: saySnapshot, subjectMeta: sayMeta, subjectChunk: down},
		"a short chunk":    {subjectHello: saySnapshot, subjectMeta: sayMeta, subjectChunk: chunk(func(m *nats.Msg) { m.Data = m.Data[:9] })},
		"a damaged chunk":  {subjectHello: saySnapshot, subjectMeta: sayMeta, subjectChunk: chunk(func(m *nats.Msg) { m.Data[9] ^= 1 })},
		"a chunk, no sum":  {subjectHello: saySnapshot, subjectMeta: sayMeta, subjectChunk: chunk(func(m *nats.Msg) { m.Header.Del(headerSum) })},
		"the second chunk": {subjectHello: saySnapshot, subjectMeta: sayMeta, subjectChunk: secondFails(down)},
		"the first chunk of another snapshot each time": {subjectHello: saySnapshot, subjectMeta: func(p *posing, m *nats.Msg) {
			_ = p.nc.Publish(m.Reply, []byte(strings.Replace(sayMeta, "00aa", fmt.Sprintf("%04x", p.count(subjectMeta)), 1)))
		}, subjectChunk: secondFails(down)},
		"load": {subjectHello: saySnapshot, subjectMeta: sayMeta, subjectChunk: sendChunk},
	}
}

func secondFails(err error) func(*posing, *nats.Msg) {
	return func(p *posing, m *nats.Msg) {
		var q chunkRequest
		if json.Unmarshal(m.Data, &q) == nil && q.Chunk == 0 {
			sendChunk(p, m)
			return
		}
		r := failure(err)
		r.Subject = m.Reply
		_ = p.nc.PublishMsg(r)
	}
}

// Failures that repeat without progress are spaced more and more, and end in
// failed, whichever states the link passes through before.
func TestRetryEnds(t *testing.T) {
	const attempts = 4
	for name, answers := range failsAt() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a := pose(t, answers), newTarget(t)
			a.adopt = func(path string, _ journal.Pos) error {
				return fault.With(fault.Retryable, errors.Join(errors.New("it can't be loaded"), os.Remove(path)))
			}
			f := followed(t, p.url, a, attempts, func(l standing.Link) bool { return l.State == standing.LinkFailed })
			l := f.Link()
			operator := fault.Of(l.Err) == fault.Operator
			if l.Attempts < attempts && !operator || l.Attempts > attempts+2 {
				t.Errorf("failed after %d attempts; want %d, or a few more", l.Attempts, attempts)
			}
			// The next one is far off, or the one after that.
			waitFor(t, func() bool {
				l := f.Link()
				return l.State == standing.LinkFailed && time.Until(l.Next) > RetryMost/2
			}, func() string { return fmt.Sprintf("%+v", f.Link()) })
			if got := f.Link().Attempts; got > attempts+2 {
				t.Errorf("%d attempts until the pause is the longest; want about %d", got, attempts)
			}
			if got := p.count(subjectHello); got > attempts+4 {
				t.Errorf("%d hellos; want about one for each of %d attempts", got, attempts)
			}
		})
	}
}

// What brings a replica further ends a row of failures: a chunk beyond what was
// there, and a frame.
func TestProgress(t *testing.T) {
	leader := replaytest.Open(t, 1, writer.Config{})
	for i := range 8 {
		leader.Must(replaytest.Set("k", fmt.Sprint(i)))
	}
	var frames [][]byte
	for fr, err := range leader.Mem.Read(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, appendFrame(nil, journal.Frame{Seq: fr.Seq, Data: bytes.Clone(fr.Data)}))
	}
	a := newTarget(t)
	p := pose(t, map[string]any{subjectHello: sayTail, subjectReport: sayLast,
		subjectFetch: func(p *posing, m *nats.Msg) { // one frame for each attempt, and a cut one
			var q fetchRequest
			if wire.Decode(m, &q) != nil || int(q.From) > len(frames) {
				p.send(m, kindBeat, 9, nil)
				return
			}
			p.send(m, kindFrames, 9, frames[q.From-1])
			p.send(m, kindFrames, 9, []byte{1})
		}})
	most := 0
	f := followed(t, p.url, a, 3, func(l standing.Link) bool {
		most = max(most, l.Attempts)
		return l.Applied == 9
	})
	if l := f.Link(); most > 2 || l.State == standing.LinkFailed {
		t.Errorf("up to %d attempts in a row, %s, with a frame in each; want one or two", most, l.State)
	}
	if got := a.state.Pos(); got != leader.State.Pos() {
		t.Errorf("the replica is at %v; want %v", got, leader.State.Pos())
	}

	loaded := make(chan string, 1)
	b := newTarget(t)
	b.adopt = func(path string, _ journal.Pos) error { loaded <- path; return nil }
	p = pose(t, map[string]any{subjectHello: saySnapshot, subjectReport: sayLast,
		subjectMeta: `{"number":8,"epoch":1,"digest":"00000000000000aa","bytes":32768,"chunk":4096,"chunks":8}`,
		subjectChunk: func(p *posing, m *nats.Msg) {
			if p.count(subjectChunk)%2 == 1 {
				sendChunk(p, m)
				return
			}
			r := failure(fault.With(fault.Retryable, errors.New("not now")))
			r.Subject = m.Reply
			_ = p.nc.PublishMsg(r)
		}})
	g := newFollower(p.url, b, 3)
	running(t, g)
	select {
	case <-loaded:
	case <-time.After(patience):
		t.Fatalf("the snapshot never came: %+v", g.Link())
	}
	if got := p.count(subjectHello); got > 9 {
		t.Errorf("%d attempts for 8 chunks; want one for each", got)
	}
}

// A stream that has nothing to bring ends the row when it has been sound for long.
func TestSteady(t *testing.T) {
	p := pose(t, map[string]any{subjectReport: `{"last":0}`, subjectHello: func(p *posing, m *nats.Msg) {
		said := strings.Replace(sayTail, `"last":9`, `"last":0`, 1)
		if p.count(subjectHello) < 3 {
			said = "{"
		}
		_ = p.nc.Publish(m.Reply, []byte(said))
	}, subjectFetch: func(p *posing, m *nats.Msg) {
		p.send(m, kindBeat, 0, nil)
		p.send(m, kindEnd, 0, nil)
	}})
	f := newFollower(p.url, newTarget(t), 10)
	f.steady = 300 * time.Millisecond
	running(t, f)
	waitFor(t, func() bool { return f.Link().Attempts == 2 }, func() string { return "two attempts" })
	waitFor(t, func() bool {
		l := f.Link()
		return l.State == standing.LinkStreaming && l.Attempts == 0 && l.Err == nil
	},
		func() string { return fmt.Sprintf("%+v", f.Link()) })
}

// A leader can't have a replica write anywhere but into one file of its inbox,
// nor more than there is room for.
func TestHostileMeta(t *testing.T) {
	for name, c := range map[string]struct{ meta, want string }{
		"a path":                     {strings.Replace(sayMeta, "00000000000000aa", "../../../evil", 1), "hexadecimal"},
		"a path of the right length": {strings.Replace(sayMeta, "00000000000000aa", "../../../../evil", 1), "hexadecimal"},
		"a NUL":                      {strings.Replace(sayMeta, "00000000000000aa", `000000000000\u0000aa`, 1), "hexadecimal"},
		"exabytes":                   {`{"number":8,"epoch":1,"digest":"00000000000000aa","bytes":4503599627370496,"chunk":4194304,"chunks":1073741824}`, "room"},
		"chunks of a byte":           {`{"number":8,"epoch":1,"digest":"00000000000000aa","bytes":8192,"chunk":1,"chunks":8192}`, "chunks of"},
		"no bytes":                   {`{"number":8,"epoch":1,"digest":"00000000000000aa","bytes":0,"chunk":4096,"chunks":0}`, "0 bytes"},
		"no number":                  {strings.Replace(sayMeta, `"number":8`, `"number":0`, 1), "number 0"},
		"the last number":            {strings.Replace(sayMeta, `"number":8`, `"number":18446744073709551615`, 1), "number"},
		"more than fits":             {`{"number":8,"epoch":1,"digest":"00000000000000aa","bytes":1048577,"chunk":262144,"chunks":5}`, "room"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTarget(t)
			a.room = 1 << 20
			p := pose(t, map[string]any{subjectHello: saySnapshot, subjectMeta: c.meta, subjectChunk: sendChunk})
			f := followed(t, p.url, a, 1, func(l standing.Link) bool { return l.State == standing.LinkFailed })
			if err := f.Link().Err; !strings.Contains(err.Error(), c.want) || fault.Of(err) == fault.Fatal {
				t.Errorf("failed for %v; want a classed error with %q", err, c.want)
			}
			if n := p.count(subjectChunk); n > 0 {
				t.Errorf("%d chunks were asked for; want none", n)
			}
			above := filepath.Dir(a.dir)
			err := filepath.WalkDir(above, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() && filepath.Dir(path) != a.dir {
					t.Errorf("%s was written outside of the inbox", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
