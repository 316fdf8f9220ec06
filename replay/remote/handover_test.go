package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
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

// yielding is a node that hands over.
type yielding struct {
	*home
	noted string
	fails error
	while func() // it is written down
}

func (y *yielding) Yield(url, password string) error {
	if y.while != nil {
		y.while()
	}
	if y.fails == nil {
		y.noted = url + " " + password
	}
	return y.fails
}

// handing returns a leader over a fake connection, with a number in its journal.
func handing(t *testing.T) (*Leader, *fakeBroker, *yielding) {
	t.Helper()
	h := &home{Node: replaytest.Open(t, 1, writer.Config{}), snapshot: filepath.Join(t.TempDir(), "x.snap")}
	h.Must(replaytest.Set("k", "v"))
	h.feed = NewFeed(h.Pos().Seq, func(ctx context.Context, from journal.Seq) frames { return h.Mem.Read(ctx, from) })
	y, b := &yielding{home: h}, newFakeBroker()
	l, err := Lead(LeaderConfig{Node: "leader", ID: "LEADER", Conn: b, Source: y, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, b, y
}

// streams has a replica that has everything come to a leader.
func streams(t *testing.T, b *fakeBroker, y *yielding, id, node string, applied journal.Seq) {
	t.Helper()
	pos := y.Node.Pos()
	m := b.ask(t, subjectHello, helloRequest{Version: Version, ID: wire.Name(id), Node: wire.Name(node), Redis: "127.0.0.1:6379",
		Databases: 1, Lineage: wire.Hex(replaytest.Lineage), Number: pos.Seq, Digest: wire.Hex(pos.Digest), Epoch: y.Node.State.Epoch()})
	if err := failed(m); err != nil {
		t.Fatal(err)
	}
	m = b.ask(t, subjectReport, report{ID: wire.Name(id), State: linkState{standing.LinkStreaming}, Applied: applied, Synced: applied})
	if err := failed(m); err != nil {
		t.Fatal(err)
	}
}

// An offer is made to the one replica that streams under a name, once it has
// everything; it stands until it is taken or taken back; taking it twice is taking
// it once; and only the right one may.
func TestHandover(t *testing.T) {
	l, b, y := handing(t)
	pos := y.Node.Pos()
	if _, _, err := l.Offer(t.Context(), "b", pos.Seq); fault.Of(err) != fault.Refused || !strings.Contains(err.Error(), "no replica") {
		t.Errorf("Offer to nobody = %v; want it refused", err)
	}
	streams(t, b, y, "B", "b", pos.Seq)
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, _, err := l.Offer(soon, "b", pos.Seq); fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "has not taken the lead") {
		t.Errorf("Offer that nobody takes = %v; want a Retryable error", err)
	}
	take := leadRequest{ID: "B", Token: "T", Number: pos.Seq, Digest: wire.Hex(pos.Digest), URL: "nats://b:1", Password: "pw"}
	if err := failed(b.ask(t, subjectLead, take)); fault.Of(err) != fault.Refused {
		t.Errorf("taking an offer that was taken back = %v; want it refused", err)
	}
	b.request(t, subjectFetch, fetchRequest{ID: "B", From: pos.Seq + 1})
	type answer struct {
		url, password string
		err           error
	}
	got := make(chan answer, 1)
	go func() {
		url, password, err := l.Offer(t.Context(), "b", pos.Seq)
		got <- answer{url, password, err}
	}()
	m := b.next(t)
	for ; m.Header.Get(headerKind) == kindBeat; m = b.next(t) {
	}
	var o offer
	if err := wire.Decode(m, &o); err != nil || m.Header.Get(headerKind) != kindOffer || o.Number != pos.Seq {
		t.Fatalf("the fetch brings %q, %v; want an offer at %d", m.Header.Get(headerKind), err, pos.Seq)
	}
	take.Token = o.Token
	for name, change := range map[string]func(*leadRequest){
		"another replica": func(q *leadRequest) { q.ID = "C" },
		"another token":   func(q *leadRequest) { q.Token = "T" },
		"another number":  func(q *leadRequest) { q.Number-- },
		"another digest":  func(q *leadRequest) { q.Digest++ },
	} {
		q := take
		if change(&q); failed(b.ask(t, subjectLead, q)) == nil {
			t.Errorf("%s takes the lead; want it refused", name)
		}
	}
	y.fails = errors.New("no disk")
	if err := failed(b.ask(t, subjectLead, take)); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Errorf("taking the lead of a leader that can't write it down = %v; want why", err)
	}
	y.fails = nil
	for range 2 { // the first answer may be lost
		if err := failed(b.ask(t, subjectLead, take)); err != nil {
			t.Errorf("taking the lead = %v; want nil", err)
		}
	}
	if a := <-got; a.err != nil || a.url != "nats://b:1" || a.password != "pw" || y.noted != "nats://b:1 pw" {
		t.Errorf("Offer = %+v, noted %q; want where the replica leads, written down", a, y.noted)
	}
}

// How far behind a replica may be that is to lead goes by how long it takes to come to
// where the leader was: many numbers are written quickly, or slowly.
func TestNearGoesByTime(t *testing.T) {
	began := time.Now()
	for _, c := range []struct {
		name          string
		behind        journal.Seq   // when it reports
		pace          journal.Seq   // numbers between two reports
		between       time.Duration // two reports
		reports, want int           // how many there are, and at which it is near; 0 is at none
	}{
		{"it has nearly all", nearNumbers, 1, time.Second, 3, 1},
		{"much is written, and it keeps pace", 400, 400, 100 * time.Millisecond, 9, 2},
		{"it takes three reports to come so far", 1100, 400, 100 * time.Millisecond, 9, 4},
		{"it takes too long", 400, 100, 100 * time.Millisecond, 9, 0},
		{"it hardly moves", 400, 1, time.Millisecond, 9, 0},
	} {
		var p lap
		got, last := 0, journal.Seq(10_000)
		for i := range c.reports {
			if p.near(last-c.behind, last, began.Add(time.Duration(i)*c.between)) {
				got = i + 1
				break
			}
			last += c.pace
		}
		if got != c.want {
			t.Errorf("%s: near at report %d; want %d", c.name, got, c.want)
		}
	}
}

// While a leader writes down that it hands over, which takes as long as the disk does,
// it goes on answering who its replicas are, and what they report. The offer can't be
// taken back then: the node waits for what becomes of it.
func TestYieldHangs(t *testing.T) {
	l, b, y := handing(t)
	pos := y.Node.Pos()
	streams(t, b, y, "B", "b", pos.Seq)
	b.request(t, subjectFetch, fetchRequest{ID: "B", From: pos.Seq + 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan error, 1)
	go func() {
		_, _, err := l.Offer(ctx, "b", pos.Seq)
		got <- err
	}()
	m := b.next(t)
	for ; m.Header.Get(headerKind) == kindBeat; m = b.next(t) {
	}
	var o offer
	if err := wire.Decode(m, &o); err != nil {
		t.Fatal(err)
	}
	y.while = func() {
		for what, call := range map[string]func(){
			"Replicas": func() { l.Replicas() },
			"Held":     func() { l.Held() },
			"Dismiss":  func() { l.Dismiss() },
			"Await":    func() { l.Await(t.Context(), pos.Seq, 0, false) },
			"hello": func() {
				b.request(t, subjectHello, helloRequest{Version: Version, ID: "C", Node: "c", Redis: "127.0.0.1:6380",
					Databases: 1, Lineage: wire.Hex(replaytest.Lineage), Number: pos.Seq, Digest: wire.Hex(pos.Digest)})
			},
		} {
			done := make(chan struct{})
			go func() {
				defer close(done)
				call()
			}()
			select {
			case <-done:
			case <-time.After(patience):
				t.Errorf("%s waits for the disk", what)
			}
		}
		cancel()
	}
	b.request(t, subjectLead, leadRequest{ID: "B", Token: o.Token, Number: pos.Seq, Digest: wire.Hex(pos.Digest), URL: "nats://b:1", Password: "pw"})
	if err := <-got; err != nil {
		t.Errorf("Offer that was agreed to = %v; want nil", err)
	}
}

// Two replicas of one name can't be told from each other.
func TestOfferToNamesakes(t *testing.T) {
	l, b, y := handing(t)
	streams(t, b, y, "B", "b", 1)
	m := b.ask(t, subjectHello, helloRequest{Version: Version, ID: "B2", Node: "b", Redis: "127.0.0.1:6380", Databases: 1,
		Lineage: wire.Hex(replaytest.Lineage), Number: y.Node.Pos().Seq, Digest: wire.Hex(y.Node.Pos().Digest), Epoch: y.Node.State.Epoch()})
	if err := failed(m); err != nil {
		t.Fatal(err)
	}
	for _, id := range []wire.Name{"B", "B2"} {
		b.ask(t, subjectReport, report{ID: id, State: linkState{standing.LinkStreaming}, Applied: 1, Synced: 1})
	}
	if _, _, err := l.Offer(t.Context(), "b", 1); fault.Of(err) != fault.Refused || !strings.Contains(err.Error(), "two replicas") {
		t.Errorf("Offer = %v; want it refused", err)
	}
}

// A replica that is to lead has to be there, and near.
func TestNear(t *testing.T) {
	l, b, y := handing(t)
	if err := l.Near(t.Context(), "b"); fault.Of(err) != fault.Refused || !strings.Contains(err.Error(), "there is none") {
		t.Errorf("Near with no replicas = %v; want it refused", err)
	}
	streams(t, b, y, "C", "c", 0)
	if err := l.Near(t.Context(), "b"); fault.Of(err) != fault.Refused || !strings.Contains(err.Error(), "there is c") {
		t.Errorf("Near of another replica = %v; want it refused, and who is there", err)
	}
	if err := l.Near(t.Context(), "c"); err != nil {
		t.Errorf("Near = %v; want nil within %d numbers", err, nearNumbers)
	}
	for range 2 * nearNumbers {
		y.Must(replaytest.Set("k", "v"))
	}
	y.feed.Reset(y.Node.Pos().Seq)
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.Near(soon, "c"); fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "too far behind: it is streaming, with number 0 of ") {
		t.Errorf("Near of one that is far = %v; want a Retryable error", err)
	}
	done := make(chan error, 1)
	go func() { done <- l.Near(t.Context(), "c") }()
	b.ask(t, subjectReport, report{ID: "C", State: linkState{standing.LinkStreaming}, Applied: y.Node.Pos().Seq, Synced: 1})
	if err := <-done; err != nil {
		t.Errorf("Near of one that has come = %v; want nil", err)
	}
}

// A replica takes an offer when it has everything and can be followed: it asks again
// while the answer may be lost, and gives up what is refused.
func TestTake(t *testing.T) {
	reach := func(net.Addr) (string, string, error) { return "nats://b:1", "pw", nil }
	for _, tt := range []struct {
		name  string
		reach func(net.Addr) (string, string, error)
		offer any
		says  []*nats.Msg
		want  error
		text  string
		asks  int
	}{
		{"agreed", reach, offer{"T", 0}, []*nats.Msg{sayJSON(struct{}{})}, ErrLead, "", 1},
		{"agreed at last", reach, offer{"T", 0}, []*nats.Msg{failure(errCrowded), sayJSON(struct{}{})}, ErrLead, "", 2},
		{"never answered well", reach, offer{"T", 0}, []*nats.Msg{failure(errCrowded), failure(errCrowded), failure(errCrowded)}, nil, "take the lead", 3},
		{"refused", reach, offer{"T", 0}, []*nats.Msg{failure(diverged("no"))}, writer.ErrDiverged, "", 1},
		{"not all is here", reach, offer{"T", 5}, nil, nil, "", 0},
		{"it can't be followed", nil, offer{"T", 0}, nil, nil, "", 0},
		{"it can't be reached", func(net.Addr) (string, string, error) { return "", "", errors.New("nowhere") }, offer{"T", 0}, nil, nil, "", 0},
		{"no offer", reach, []int{}, nil, nil, "not what it should be", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, _ := idleFollower(t, func(c *FollowerConfig) { c.Reach = tt.reach })
			lists := make([][]*nats.Msg, len(tt.says))
			for i, m := range tt.says {
				lists[i] = []*nats.Msg{m}
			}
			fake := script(lists...)
			err := f.acceptLead(t.Context(), over(fake), sayJSON(tt.offer))
			switch {
			case tt.want != nil && !errors.Is(err, tt.want),
				tt.text != "" && (err == nil || !strings.Contains(err.Error(), tt.text)),
				tt.want == nil && tt.text == "" && err != nil:
				t.Errorf("take = %v; want %v %q", err, tt.want, tt.text)
			}
			if n := fake.times(subjectLead); n != tt.asks {
				t.Errorf("it asks %d times; want %d", n, tt.asks)
			}
		})
	}
}

// Why a replica is refused is read at both sides, so it says of each number whose it is.
func TestDivergedAtBothSides(t *testing.T) {
	_, b, y := handing(t)
	pos, epoch := y.Node.Pos(), y.Node.State.Epoch()
	for _, q := range []helloRequest{
		{Lineage: wire.Hex(replaytest.Lineage), Number: pos.Seq + 7, Epoch: epoch},
		{Lineage: wire.Hex(replaytest.Lineage), Number: pos.Seq, Digest: wire.Hex(pos.Digest + 1), Epoch: epoch},
		{Lineage: wire.Hex(replaytest.Lineage), Number: pos.Seq, Digest: wire.Hex(pos.Digest), Epoch: epoch + 1},
		{Lineage: wire.Hex(replaytest.Lineage + 1), Number: pos.Seq, Epoch: epoch},
		{Lineage: wire.Hex(replaytest.Lineage), Number: pos.Seq, Epoch: epoch, Databases: 5},
	} {
		q.Version, q.ID, q.Node, q.Redis, q.Databases = Version, "B", "b", "127.0.0.1:6379", max(1, q.Databases)
		err := failed(b.ask(t, subjectHello, q))
		if got := fmt.Sprint(err); !strings.Contains(got, "replica") || !strings.Contains(got, "its leader") || strings.Contains(got, "this ") {
			t.Errorf("%+v: %v; want it to name the replica and its leader", q, err)
		}
	}
}

// What a leader answers to a fetch, to meta and to chunk, and what it refuses.
func TestLeaderAnswers(t *testing.T) {
	l, b, y := handing(t)
	if err := failed(b.ask(t, subjectFetch, fetchRequest{ID: "B", From: 1})); !strings.Contains(err.Error(), "say hello") {
		t.Errorf("a fetch of a stranger = %v; want it sent to hello", err)
	}
	streams(t, b, y, "B", "b", 0)
	last := y.Node.Pos().Seq
	if err := failed(b.ask(t, subjectFetch, fetchRequest{ID: "B", From: last + 2})); err == nil || !strings.Contains(err.Error(), "ends with") {
		t.Errorf("a fetch past the end = %v; want that it has diverged", err)
	}
	b.request(t, subjectFetch, fetchRequest{ID: "B", From: 1})
	m := b.next(t)
	if got, err := splitFrames(nil, m.Data); err != nil || m.Header.Get(headerKind) != kindFrames || len(got) != int(last) {
		t.Errorf("a fetch brings %d frames, %v; want %d", len(got), err, last)
	}
	b.request(t, subjectFetch, fetchRequest{ID: "B", From: last + 1}) // it ends the one before
	for m = b.next(t); m.Header.Get(headerKind) == kindBeat; m = b.next(t) {
	}
	if m.Header.Get(headerKind) != kindEnd {
		t.Errorf("the fetch before ends with %q; want %q", m.Header.Get(headerKind), kindEnd)
	}
	l.Dismiss()
	for m = b.next(t); m.Header.Get(headerKind) == kindBeat; m = b.next(t) {
	}
	streams(t, b, y, "B", "b", 0)
	if err := failed(b.ask(t, subjectMeta, metaRequest{ID: "B"})); fault.Of(err) != fault.Retryable {
		t.Errorf("meta of a snapshot that is gone = %v; want a Retryable error", err)
	}
	if err := os.WriteFile(y.snapshot, make([]byte, 3*chunkSize+5), 0o600); err != nil {
		t.Fatal(err)
	}
	var meta metaReply
	if err := wire.Decode(b.ask(t, subjectMeta, metaRequest{ID: "B"}), &meta); err != nil || meta.Chunks != 4 {
		t.Errorf("meta = %+v, %v; want four chunks", meta, err)
	}
	for chunk, want := range map[int]int{0: chunkSize, 3: 5} {
		m := b.ask(t, subjectChunk, chunkRequest{ID: "B", Number: meta.Number, Chunk: chunk})
		if err := errors.Join(failed(m), summed(m)); err != nil || len(m.Data) != want {
			t.Errorf("chunk %d has %d bytes, %v; want %d", chunk, len(m.Data), err, want)
		}
	}
	for _, q := range []chunkRequest{{ID: "B", Number: meta.Number, Chunk: 4}, {ID: "B", Number: meta.Number + 1}} {
		if err := failed(b.ask(t, subjectChunk, q)); err == nil {
			t.Errorf("chunk %d of snapshot %d is sent; want it refused", q.Chunk, q.Number)
		}
	}
}

// A replica may ask for the next thing in the moment in which it has its answer.
func TestAskAtOnce(t *testing.T) {
	l, b, y := handing(t)
	streams(t, b, y, "B", "b", 0)
	if err := os.WriteFile(y.snapshot, make([]byte, 3*chunkSize+5), 0o600); err != nil {
		t.Fatal(err)
	}
	const asks = 8 // in turn: meta, and a chunk
	asked := 0
	number := y.Node.Pos().Seq
	b.heard = func() {
		switch asked++; {
		case asked >= asks:
		case asked%2 == 0:
			b.request(t, subjectMeta, metaRequest{ID: "B"})
		default:
			b.request(t, subjectChunk, chunkRequest{ID: "B", Number: number, Chunk: asked / 2})
		}
	}
	b.request(t, subjectMeta, metaRequest{ID: "B"})
	for i := range asks {
		if err := failed(b.next(t)); err != nil {
			t.Errorf("answer %d = %v; want nil", i+1, err)
		}
	}
	if err := l.Close(); err != nil { // and waits for what answers
		t.Error(err)
	}
}

// A leader that can't subscribe to everything answers nothing.
func TestLeadFails(t *testing.T) {
	_, _, y := handing(t)
	b := newFakeBroker()
	b.refuses = subjectChunk
	if l, err := Lead(LeaderConfig{Conn: b, Source: y, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)}); err == nil || l != nil {
		t.Errorf("Lead = %v, %v; want the error", l, err)
	}
}
