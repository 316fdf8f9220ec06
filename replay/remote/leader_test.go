package remote

import (
	"context"
	"testing"
	"time"

	"ledge/replay/standing"
	"ledge/replay/wire"
)

// A replica that comes back under another id is one replica, not two.
func TestMeetAgain(t *testing.T) {
	l := &Leader{cfg: LeaderConfig{Clock: time.Now, Idle: time.Minute, Present: func() time.Duration { return time.Minute }, MaxReplicas: 9}, ctx: t.Context(),
		replicas: make(map[wire.Name]*follower), moved: make(chan struct{})}
	streams := func(id, node wire.Name) {
		t.Helper()
		if err := l.meet(&helloRequest{ID: id, Node: node, Redis: wire.Address(id)}, startTail, 0); err != nil {
			t.Fatal(err)
		}
		if err := l.with(id, func(f *follower) error {
			f.State, f.Applied, f.Synced = standing.LinkStreaming.String(), 10, 10
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	reached := func() int {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return l.Await(ctx, 10, 9, true)
	}
	streams("before", "b")
	streams("other", "c")
	if got := reached(); got != 2 {
		t.Fatalf("%d replicas have come to number 10, want 2", got)
	}
	streams("after", "b")
	if got := reached(); got != 2 {
		t.Errorf("%d replicas have come to number 10 behind a restart, want 2", got)
	}
	if got := l.replicas["before"].State; got != standing.LinkConnecting.String() {
		t.Errorf("the one of before the restart is %s, want connecting", got)
	}
}
