package remote

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/standing"
)

// chunked is a leader with a snapshot, over a fake connection.
type chunked struct {
	fakeConn
	meta   metaReply
	data   []byte
	spoil  func(m *nats.Msg, chunk int)
	chunks []int // that were asked for
}

// newChunked has a snapshot of two and a half chunks at number 8.
func newChunked() *chunked {
	const size = minChunk
	s := &chunked{data: make([]byte, 5*size/2),
		meta: metaReply{Number: 8, Epoch: 1, Digest: 0xaa, Bytes: 5 * size / 2, Chunk: size, Chunks: 3}}
	for i := range s.data {
		s.data[i] = byte(i * 7)
	}
	s.answer = func(_ *fakeConn, subject string, body []byte, to chan<- *nats.Msg) {
		if subject == subjectMeta {
			to <- sayJSON(s.meta)
			return
		}
		var q chunkRequest
		if err := json.Unmarshal(body, &q); err != nil {
			panic(err)
		}
		s.chunks = append(s.chunks, q.Chunk)
		m := nats.NewMsg("")
		m.Data = s.data[q.Chunk*size : min((q.Chunk+1)*size, len(s.data))]
		m.Header.Set(headerSum, checksum(m.Data))
		if s.spoil != nil {
			s.spoil(m, q.Chunk)
		}
		to <- m
	}
	return s
}

// begins is what a leader said in the handshake: that a replica with nothing begins
// there.
func begins(with start) *greeted {
	return &greeted{q: helloRequest{Empty: true}, reply: helloReply{Lineage: 0xbeef, Start: with}}
}

// A full sync brings the leader's snapshot whole, and hands it over once.
func TestFullSync(t *testing.T) {
	s := newChunked()
	f, a := idleFollower(t, nil)
	var got []byte
	a.adopt = func(path string, at journal.Pos) (err error) {
		got, err = os.ReadFile(path)
		if at != s.meta.pos() {
			t.Errorf("adopted at %s; want %s", at, s.meta.pos())
		}
		return err
	}
	if err := f.fullSync(t.Context(), over(&s.fakeConn), begins(startSnapshot)); err != nil {
		t.Fatal(err)
	}
	if string(got) != string(s.data) || f.Link().Syncs != 1 {
		t.Errorf("%d bytes are adopted in %d syncs; want the %d of the leader, once", len(got), f.Link().Syncs, len(s.data))
	}
}

// Of a snapshot that came in part, the rest is fetched; what is left of others goes.
func TestFullSyncGoesOn(t *testing.T) {
	s := newChunked()
	s.spoil = func(m *nats.Msg, chunk int) {
		if chunk == 1 {
			m.Header.Set(headerSum, "00000000")
		}
	}
	f, a := idleFollower(t, nil)
	a.adopt = func(string, journal.Pos) error { return nil }
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	old, other := filepath.Join(a.dir, "old.part"), filepath.Join(a.dir, "notes")
	for _, path := range []string{old, other} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := f.fullSync(t.Context(), over(&s.fakeConn), begins(startSnapshot))
	if fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "chunk 2 of 3") {
		t.Errorf("fullSync with a damaged chunk = %v; want a Retryable error that names it", err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Error("what is left of another snapshot is still there")
	}
	if _, err := os.Stat(other); err != nil {
		t.Error("a file that is no snapshot is gone")
	}
	s.spoil, s.chunks = nil, nil
	if err := f.fullSync(t.Context(), over(&s.fakeConn), begins(startSnapshot)); err != nil {
		t.Fatal(err)
	}
	if len(s.chunks) != 2 || s.chunks[0] != 1 {
		t.Errorf("chunks %v are fetched; want 1 and 2", s.chunks)
	}
	if s.chunks = nil; f.fullSync(t.Context(), over(&s.fakeConn), begins(startSnapshot)) != nil || len(s.chunks) != 0 {
		t.Errorf("chunks %v are fetched of a snapshot that is there; want none", s.chunks)
	}
}

// What can go wrong in a full sync ends it with an error that says where, and nothing
// is adopted.
func TestFullSyncFails(t *testing.T) {
	down := fault.As(fault.Retryable, "", errors.New("not now"))
	refuse := func(subject string) func(*chunked, *FollowerConfig, *target, *greeted) {
		return func(s *chunked, _ *FollowerConfig, _ *target, _ *greeted) {
			answer := s.answer
			s.answer = func(f *fakeConn, asked string, body []byte, to chan<- *nats.Msg) {
				if asked == subject {
					to <- failure(down)
					return
				}
				answer(f, asked, body, to)
			}
		}
	}
	spoil := func(fn func(*nats.Msg, int)) func(*chunked, *FollowerConfig, *target, *greeted) {
		return func(s *chunked, _ *FollowerConfig, _ *target, _ *greeted) { s.spoil = fn }
	}
	for _, tt := range []struct {
		name   string
		change func(*chunked, *FollowerConfig, *target, *greeted)
		want   string
		class  fault.Class
	}{
		{"meta refused", refuse(subjectMeta), "meta: leader: not now", fault.Retryable},
		{"a chunk refused", refuse(subjectChunk), "chunk 1 of 3", fault.Retryable},
		{"meta does not add up", func(s *chunked, _ *FollowerConfig, _ *target, _ *greeted) { s.meta.Chunks = 9 }, "meta", fault.Refused},
		{"a snapshot of before", func(_ *chunked, _ *FollowerConfig, _ *target, as *greeted) {
			as.q.Empty, as.q.Number = false, 8
		}, "at number 8 for a replica that is at 8", fault.Operator},
		{"no room", func(_ *chunked, _ *FollowerConfig, a *target, _ *greeted) { a.room = 10 }, "room for 10", fault.Operator},
		{"no inbox", func(_ *chunked, _ *FollowerConfig, a *target, _ *greeted) {
			a.dir = filepath.Join(os.DevNull, "inbox")
		}, "not a directory", fault.Operator},
		{"a short chunk", spoil(func(m *nats.Msg, n int) { m.Data = m.Data[:1] }), "1 bytes; want", fault.Retryable},
		{"a long last chunk", spoil(func(m *nats.Msg, n int) {
			if n == 2 {
				m.Data = append(m.Data, 0)
			}
		}), "chunk 3 of 3", fault.Retryable},
		{"no checksum", spoil(func(m *nats.Msg, _ int) { m.Header.Del(headerSum) }), "is no checksum", fault.Retryable},
		{"another checksum", spoil(func(m *nats.Msg, _ int) { m.Header.Set(headerSum, "0123abcd") }), "the leader says", fault.Retryable},
		{"it can't be loaded", func(_ *chunked, _ *FollowerConfig, a *target, _ *greeted) {
			a.adopt = func(string, journal.Pos) error { return fault.As(fault.Fatal, "", errors.New("broken")) }
		}, "load", fault.Fatal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, a := idleFollower(t, nil)
			adopted := false
			a.adopt = func(string, journal.Pos) error { adopted = true; return nil }
			s, as := newChunked(), begins(startSnapshot)
			tt.change(s, &f.cfg, a, as)
			err := f.fullSync(t.Context(), over(&s.fakeConn), as)
			if err == nil || !strings.Contains(err.Error(), tt.want) || fault.Of(err) != tt.class || adopted {
				t.Errorf("fullSync = %v (%s), adopted %t; want %q, %s, and nothing adopted", err, fault.Of(err), adopted, tt.want, tt.class)
			}
		})
	}
}

// A leader whose journal goes back to its beginning is followed from there, without
// a snapshot.
func TestFullSyncBegins(t *testing.T) {
	f, _ := idleFollower(t, nil)
	s := newChunked()
	if err := f.fullSync(t.Context(), over(&s.fakeConn), begins(startBegin)); err != nil || len(s.asked) != 0 {
		t.Errorf("fullSync = %v, asked %v; want nothing asked", err, s.asked)
	}
	if l := f.Link(); l.State != standing.LinkFullSync || l.Step != "begin" {
		t.Errorf("link %s, %s; want it to begin", l.State, l.Step)
	}
}

// In the handshake a replica that has diverged says so and waits, or, if it is told
// to, keeps what it has elsewhere and comes again with nothing.
func TestHello(t *testing.T) {
	reply := helloReply{Node: "l", ID: "LEADER", Lineage: 0x1ed6e, Databases: 1, First: 1, Last: 9, Epoch: 1, Start: startTail}
	for _, tt := range []struct {
		name   string
		resync bool
		says   []*nats.Msg
		want   string
		asks   int
	}{
		{"all is well", false, []*nats.Msg{sayJSON(reply)}, "", 1},
		{"diverged", false, []*nats.Msg{failure(diverged("elsewhere"))}, "elsewhere", 1},
		{"diverged, and set aside", true, []*nats.Msg{failure(diverged("elsewhere")), sayJSON(reply)}, "", 2},
		{"refused otherwise", true, []*nats.Msg{failure(errCrowded)}, "too many", 1},
		{"garbage", false, []*nats.Msg{{Data: []byte("[]")}}, "handshake", 1},
		{"another number of databases", false, []*nats.Msg{sayJSON(helloReply{Node: "l", ID: "LEADER", Lineage: 0x1ed6e,
			Databases: 5, First: 1, Last: 9, Epoch: 1, Start: startTail})}, "databases", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, _ := idleFollower(t, func(c *FollowerConfig) { c.Resync = tt.resync })
			lists := make([][]*nats.Msg, len(tt.says))
			for i, m := range tt.says {
				lists[i] = []*nats.Msg{m}
			}
			fake := script(lists...)
			as, err := f.hello(context.Background(), over(fake), f.cfg.Timeouts())
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("hello = %v; want %q", err, tt.want)
			}
			if n := fake.times(subjectHello); n != tt.asks {
				t.Errorf("%d hellos; want %d", n, tt.asks)
			}
			if err == nil && (as.reply.Last != 9 || f.LeaderID() != "LEADER" || f.Link().Last != 9) {
				t.Errorf("reply %+v, leader %q; want what it has said", as.reply, f.LeaderID())
			}
		})
	}
}
