package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/replaytest"
	"ledge/replay/standing"
	"ledge/replay/writer"
)

// nobodyAnswers is what a broker sends when nobody has subscribed.
func nobodyAnswers() *nats.Msg {
	m := nats.NewMsg("")
	m.Header.Set("Status", "503")
	return m
}

// fetching is what a leader sends to whoever fetches, and how the fetch ends.
type fetching struct {
	name  string
	lists [][]*nats.Msg
	take  error  // of what is handed over
	heard error  // of each word
	want  string // the numbers that are handed over
	err   string // "" is none
	class fault.Class
	asks  int
}

// fetchings are all for a fetch that begins with number 4.
func fetchings() []fetching {
	refusal := failure(fault.As(fault.Operator, "", errors.New("no more")))
	junk := say(kindFrames, 9)
	junk.Data = []byte{1, 2, 3}
	odd := say(kindBeat, 9)
	odd.Header.Set(headerLast, "many")
	return []fetching{
		{name: "nothing new", lists: [][]*nats.Msg{{say(kindBeat, 9), say(kindEnd, 9)}}, asks: 1},
		{name: "frames, and then nothing new", lists: [][]*nats.Msg{
			{say(kindFrames, 9, 4, 5), say(kindFrames, 9, 6), say(kindEnd, 9)}, {say(kindEnd, 9)}}, want: "456", asks: 2},
		{name: "frames in two fetches", lists: [][]*nats.Msg{
			{say(kindFrames, 9, 4), say(kindEnd, 9)}, {say(kindFrames, 9, 5), say(kindEnd, 9)}, {say(kindEnd, 9)}}, want: "45", asks: 3},
		{name: "a refusal", lists: [][]*nats.Msg{{refusal}}, err: "no more", class: fault.Operator, asks: 1},
		{name: "a refusal after frames", lists: [][]*nats.Msg{{say(kindFrames, 9, 4), refusal}}, want: "4", err: "no more", class: fault.Operator, asks: 1},
		{name: "nobody", lists: [][]*nats.Msg{{nobodyAnswers()}}, err: "nobody answers", class: fault.Retryable, asks: 1},
		{name: "silence", err: "nothing was heard", class: fault.Retryable, asks: 1},
		{name: "silence after frames", lists: [][]*nats.Msg{{say(kindFrames, 9, 4)}}, want: "4", err: "nothing was heard", class: fault.Retryable, asks: 1},
		{name: "a gap", lists: [][]*nats.Msg{{say(kindFrames, 9, 4), say(kindFrames, 9, 6)}}, want: "4", err: "number 6 came in place of 5", class: fault.Retryable, asks: 1},
		{name: "a gap within a message", lists: [][]*nats.Msg{{say(kindFrames, 9, 4, 6)}}, err: "number 6 came in place of 5", class: fault.Retryable, asks: 1},
		{name: "frames again", lists: [][]*nats.Msg{{say(kindFrames, 9, 3)}}, err: "number 3 came in place of 4", class: fault.Retryable, asks: 1},
		{name: "no frames", lists: [][]*nats.Msg{{say(kindFrames, 9)}}, err: "without frames", class: fault.Retryable, asks: 1},
		{name: "a piece of a frame", lists: [][]*nats.Msg{{junk}}, err: "cut short", class: fault.Retryable, asks: 1},
		{name: "an unknown kind", lists: [][]*nats.Msg{{say("dance", 9)}}, err: "dance", class: fault.Retryable, asks: 1},
		{name: "a number that is none", lists: [][]*nats.Msg{{odd}}, err: "many", class: fault.Retryable, asks: 1},
		{name: "an offer", lists: [][]*nats.Msg{{say(kindFrames, 9, 4), say(kindOffer, 9)}}, want: "4", err: "offers its lead", asks: 1},
		{name: "it can't be taken in", lists: [][]*nats.Msg{{say(kindFrames, 9, 4), say(kindEnd, 9)}}, take: io.ErrShortWrite,
			want: "4", err: "short write", asks: 1},
		{name: "its word is not liked", lists: [][]*nats.Msg{{say(kindFrames, 9, 4)}}, heard: io.ErrNoProgress, err: io.ErrNoProgress.Error(), asks: 1},
	}
}

// What a fetch brings is handed over in order, all that is good of it, and whatever
// comes otherwise ends it with an error that says what.
func TestFetch(t *testing.T) {
	for _, tt := range fetchings() {
		t.Run(tt.name, func(t *testing.T) {
			f, got := script(tt.lists...), ""
			err := over(f).fetch(t.Context(), 4, 20*time.Millisecond,
				func(journal.Seq) error { return tt.heard },
				func(frames []journal.Frame) error {
					for _, fr := range frames {
						got += fmt.Sprint(uint64(fr.Seq))
					}
					return tt.take
				})
			if got != tt.want {
				t.Errorf("numbers %q are handed over; want %q", got, tt.want)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("fetch = %v; want %q", err, tt.err)
			}
			if tt.class != 0 && fault.Of(err) != tt.class {
				t.Errorf("fetch = %v, which is %s; want %s", err, fault.Of(err), tt.class)
			}
			if n := f.times(subjectFetch); n != tt.asks && tt.take == nil {
				t.Errorf("it asked %d times; want %d", n, tt.asks)
			}
		})
	}
}

// An end of the context or of the connection ends a fetch at once, and so does a
// request that can't be sent, the first or a later one.
func TestFetchEnds(t *testing.T) {
	heard := func(journal.Seq) error { return nil }
	take := func([]journal.Frame) error { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := over(script()).fetch(ctx, 1, time.Hour, heard, take); !errors.Is(err, context.Canceled) {
		t.Errorf("fetch = %v; want %v", err, context.Canceled)
	}
	c := over(script())
	close(c.Gone)
	if err := c.fetch(t.Context(), 1, time.Hour, heard, take); !errors.Is(err, io.ErrUnexpectedEOF) || fault.Of(err) != fault.Retryable {
		t.Errorf("fetch on a lost connection = %v; want why it is lost", err)
	}
	f := script()
	f.broken = nats.ErrConnectionClosed
	if err := over(f).fetch(t.Context(), 1, time.Hour, heard, take); !errors.Is(err, f.broken) {
		t.Errorf("fetch that can't be sent = %v; want %v", err, f.broken)
	}
	later := &fakeConn{}
	later.answer = func(f *fakeConn, _ string, _ []byte, to chan<- *nats.Msg) {
		to <- say(kindFrames, 9, 1)
		to <- say(kindEnd, 9)
		f.broken = nats.ErrConnectionClosed
	}
	if err := over(later).fetch(t.Context(), 1, time.Hour, heard, take); !errors.Is(err, later.broken) {
		t.Errorf("a second fetch that can't be sent = %v; want %v", err, later.broken)
	}
}

// What comes is stored, applied and told of, one frame at first and then as many as
// the target takes in within a while; a frame that is none is refused.
func TestIngest(t *testing.T) {
	leader := replaytest.Open(t, 1, writer.Config{})
	for i := range 8 {
		leader.Must(replaytest.Set("k", fmt.Sprint(i)))
	}
	var list []journal.Frame
	for fr, err := range leader.Mem.Read(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, journal.Frame{Seq: fr.Seq, Data: bytes.Clone(fr.Data)})
	}
	f, a := idleFollower(t, nil)
	fake := &fakeConn{}
	f.enter(standing.LinkStreaming, "")
	if err := f.ingest(t.Context(), over(fake), list); err != nil || a.state.Pos() != leader.Pos() {
		t.Errorf("ingest = %v, the state is at %s; want it at %s", err, a.state.Pos(), leader.Pos())
	}
	if n := len(fake.told); n < 2 || fake.told[0].Applied != 1 || fake.told[n-1].Applied != leader.Pos().Seq || f.pace < 2 {
		t.Errorf("told %+v, the pace is %d; want number 1, then the last, and a pace above 1", fake.told, f.pace)
	}
	if err := f.ingest(t.Context(), over(fake), list[:1]); err == nil {
		t.Error("a frame that is stored already is taken in; want an error")
	}
}

// A leader hears how the replica stands: applied, and no more synced than that.
func TestReport(t *testing.T) {
	f, _ := idleFollower(t, nil)
	fake := script([]*nats.Msg{sayJSON(reportReply{Last: 7})}, []*nats.Msg{failure(errStranger)}, []*nats.Msg{{Data: []byte("{")}})
	c := over(fake)
	if last, err := f.reportTo(t.Context(), c); last != 7 || err != nil {
		t.Errorf("reportTo = %d, %v; want 7", last, err)
	}
	if _, err := f.reportTo(t.Context(), c); fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "say hello") {
		t.Errorf("reportTo a leader that knows it not = %v; want its words", err)
	}
	if _, err := f.reportTo(t.Context(), c); err == nil {
		t.Error("reportTo that is answered with garbage = nil; want an error")
	}
	f.enter(standing.LinkStreaming, "")
	f.busy.Store(time.Now().Add(-2 * slowAfter).UnixNano())
	if err := f.tell(c); err != nil || len(fake.told) != 1 || fake.told[0].State.LinkState != standing.LinkStalled {
		t.Errorf("tell = %v, told %+v; want that a target which is busy for long has stalled", err, fake.told)
	}
	fake.broken = nats.ErrConnectionClosed
	if err := f.tell(c); fault.Of(err) != fault.Retryable {
		t.Errorf("tell on a closed connection = %v; want a Retryable error", err)
	}
	end := f.keepTelling(c)
	close(c.Gone)
	end()
}

// A feed keeps no more than its bound, nothing for nobody, and starts anew at a gap.
func TestFeedKeeps(t *testing.T) {
	f := NewFeed(0, stored(0))
	f.Stored(1, []byte{1})
	if n := len(f.latest); n != 0 {
		t.Errorf("it keeps %d frames for nobody; want none", n)
	}
	f.Wait(t.Context(), 1, 0, time.Nanosecond)
	big := make([]byte, feedBytes/4+1)
	for n := 2; n < 9; n++ {
		f.Stored(journal.Seq(n), big)
	}
	if f.bytes > feedBytes || len(f.latest) != 3 || f.latest[2].Seq != 8 {
		t.Errorf("it keeps %d bytes in %d frames; want the last three", f.bytes, len(f.latest))
	}
	huge := make([]byte, feedBytes+1)
	if f.Stored(9, huge); len(f.latest) != 1 || f.latest[0].Seq != 9 {
		t.Errorf("of a frame past its bound it keeps %d; want that one alone", len(f.latest))
	}
	if got := f.atHand(8, 1); got != nil {
		t.Errorf("number 8 is at hand: %v; want it dropped", got)
	}
	if got := f.atHand(10, 1); got != nil {
		t.Errorf("number 10 is at hand: %v; want none", got)
	}
	if f.Stored(20, []byte{1}); len(f.latest) != 1 || f.latest[0].Seq != 20 || f.bytes != 1 {
		t.Errorf("after a gap it keeps %d frames, %d bytes; want the new one", len(f.latest), f.bytes)
	}
	f.asked = time.Now().Add(-2 * feedIdle)
	if f.Stored(21, []byte{1}); len(f.latest) != 0 {
		t.Errorf("long after the last question it keeps %d frames; want none", len(f.latest))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f.Wait(ctx, 21, 0, time.Hour) {
		t.Error("Wait with a context that has ended = true; want false")
	}
	if err := f.Give(t.Context(), 30, 1, nil); fault.Of(err) != fault.Retryable {
		t.Errorf("Give of what is not there = %v; want a Retryable error", err)
	}
	bad := NewFeed(1, func(context.Context, journal.Seq) frames {
		return func(yield func(journal.Frame, error) bool) { yield(journal.Frame{}, io.ErrUnexpectedEOF) }
	})
	if err := bad.Give(t.Context(), 1, 1, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Give of a journal that can't be read = %v; want why", err)
	}
}
