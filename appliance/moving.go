package appliance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/appliance/report"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/replay/standing"
)

// movePart is a membership's part in moves of slots, and what a Mover asks of its node. It is
// for a node without a membership, too.
type movePart struct{ *membership }

// open gives the node's membership its part in moves of slots, once there are a writer
// and replicas.
func (m movePart) open() {
	n := m.n
	m.mover = move.New(move.Config{
		State: n.state, Log: n.log, Writer: n.writer, Leads: m.serves, Hold: m.hold, Fence: m.fence, Known: m.known, Room: m.room, Active: newActivity(n).active,
		Call: func(ctx context.Context, shard journal.Lineage, subject string, q any) (*nats.Msg, error) {
			return m.peers.Call(ctx, shardID(shard), subject, q)
		},
		Turn:         func(ctx context.Context) error { return n.server.Turn(ctx) },
		AddFunctions: func(d *replay.Draft, code string) error { return n.server.AddFunctions(d, code) },
		Limits:       func() move.Limits { return moveLimits(n.live.Load()) }, Changed: m.changed,
		Clock: n.cfg.Clock, Logger: n.cfg.Logger,
	})
	for subject, answer := range m.mover.Handlers() {
		m.peerServer.Serve(subject, answer)
	}
	m.peerServer.Serve(subjectMoveOrder, orders(m).ordered)
}

// moveLimits returns what bounds moves at present.
func moveLimits(l *options.Live) move.Limits {
	return move.Limits{Hold: l.ClusterHold, Rate: l.ClusterMoveRate, Moves: l.ClusterMoves}
}

// run does the node's part in moves until ctx ends.
func (m movePart) run(ctx context.Context) {
	if m.membership != nil {
		m.mover.Run(ctx)
	}
}

// serves reports whether the node leads its shard, has all of its data, and has asked the
// other shards for what they own.
func (m movePart) serves() bool {
	if m.n.loading.ready() != nil || m.n.repl.Link().State != standing.LinkNone {
		return false
	}
	// Slots that it takes or gives while another node leads the shard, too, and counts more
	// would be lost once it follows.
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.term.serves && m.term.rival.ID == ""
}

// errFence says that replicas lack what they must have before others hear of it.
var errFence = errors.New("replicas that may be promoted have not come to it")

// fence waits until all replicas that stream have come to a number.
func (m movePart) fence(ctx context.Context, seq journal.Seq) error {
	for {
		streaming := 0
		for _, r := range m.n.repl.Replicas() {
			if r.State == standing.LinkStreaming.String() {
				streaming++
			}
		}
		if streaming == 0 {
			return nil
		}
		// One that streams no more does not count any longer, so it is counted anew.
		turn, cancel := context.WithTimeout(ctx, fenceTurn)
		got := m.n.repl.Await(turn, seq, streaming, false)
		cancel()
		switch {
		case got >= streaming:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("number %d: %w: %d of %d have", seq, errFence, got, streaming)
		}
	}
}

// fenceTurn is for how long replicas are waited for before they are counted anew.
const fenceTurn = 100 * time.Millisecond

// known reports whether it was heard that other shards own slots at an epoch or later: the
// target of a move, or whom it has given some of them by now.
func (m movePart) known(ranges []journal.SlotRange, epoch uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view.Claimed(ranges, epoch)
}

// room returns why no more rows can be taken in at present.
func (m movePart) room() error {
	if m.n.mem.Over() {
		return fault.With(fault.Retryable, errors.New("memory is short here"))
	}
	if err := m.n.writer.Refusal(false); err != nil {
		return fault.Instead(fault.Retryable, err)
	}
	return nil
}

// changed tells whoever listens of a move that has come to another phase.
func (m movePart) changed(of cluster.Move) {
	what := map[cluster.Phase]string{cluster.Copying: "begun", cluster.Given: "given", cluster.Taken: "taken", cluster.Ended: "ended"}[of.Phase]
	m.n.events.post(admin.Event{Kind: admin.EventMove, Cause: of.Cause, Move: &admin.MoveChange{What: what, Move: moveShown(&move.Status{Move: of})}})
}

// facts returns what tells how moves go; nil for a node that is none of a cluster's.
func (m movePart) facts() func() report.Moves {
	if m.membership == nil {
		return nil
	}
	return func() report.Moves {
		return report.Moves{All: m.mover.Moves(), Stats: m.mover.Stats(), Pending: m.mover.Pending()}
	}
}

// lent returns which slots the shard has given to others that need not have said so yet.
func lent(moves []cluster.Move) (list []cluster.Lent) {
	for _, m := range moves {
		if m.Side == journal.Source && (m.Phase == cluster.Given || m.Phase == cluster.Taken) {
			list = append(list, cluster.Lent{Ranges: m.Ranges, Epoch: m.Epoch, To: shardID(m.Shard)})
		}
	}
	return list
}

// needs returns the number after which moves need the node's journal.
func (m movePart) needs() (journal.Seq, bool) {
	if m.membership == nil {
		return 0, false
	}
	return m.mover.Needs()
}
