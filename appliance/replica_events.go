package appliance

import (
	"context"
	"fmt"
	"time"

	"ledge/admin"
	"ledge/appliance/report"
	"ledge/replay/standing"
)

// A leader's replicas are looked at so often, and whenever one comes: a leader that is killed
// right after that is to know of it when it is started again. One that does not count for lostAfter is
// lost: by then min-replicas-lag has passed as well, so a restart in a few seconds is
// no event.
const (
	replicasEvery = time.Second
	lostAfter     = 5 * time.Second
)

// roll is which replicas a node has, as it was told.
type roll struct {
	known map[string]*rolled // by name and address
}

func newRoll() roll { return roll{known: make(map[string]*rolled)} }

// rolled is a replica on the roll.
type rolled struct {
	standing.Replica
	gone time.Time // since when it does not count; zero is that it does
}

// watchReplicas tells of replicas that come to a leader and that are lost, until ctx ends.
func (e *events) watchReplicas(ctx context.Context) {
	tick := time.NewTicker(replicasEvery)
	defer tick.Stop()
	r, turn := newRoll(), int64(0)
	for {
		select {
		case <-tick.C:
		case <-e.came:
		case <-ctx.Done():
			return
		}
		// Those that leave a node because it leads no more are not lost, and those that it had
		// before it followed another node come anew.
		if now := e.turns.Load(); now != turn {
			r, turn = newRoll(), now
		}
		if e.node.repl.Link() != (standing.Link{}) {
			r = newRoll()
			continue
		}
		for _, ev := range r.look(e.node.repl.Replicas(), e.node.cfg.Clock()) {
			e.post(ev)
		}
	}
}

// followed is told that a replica streams that did not. It does not wait.
func (e *events) followed() { poke(e.came) }

// look compares those that count at a time with those on the roll, and returns what
// has happened. As many are on the roll as a leader takes, and those that it lost
// within lostAfter.
func (r *roll) look(list []standing.Replica, now time.Time) (evs []admin.Event) {
	there := make(map[string]bool, len(list))
	for _, is := range list {
		key := is.Node + " " + is.Redis
		there[key] = true
		switch was := r.known[key]; {
		case was != nil:
			was.Replica, was.gone = is, time.Time{}
		case is.State == standing.LinkStreaming.String():
			r.known[key] = &rolled{Replica: is}
			evs = append(evs, replicaEvent(is, ""))
		}
	}
	for key, was := range r.known {
		switch {
		case there[key]:
		case was.gone.IsZero():
			was.gone = now
		case now.Sub(was.gone) >= lostAfter:
			delete(r.known, key)
			evs = append(evs, replicaEvent(was.Replica, fmt.Sprintf("nothing was heard of it for %s",
				now.Sub(was.Heard).Round(time.Second))))
		}
	}
	return evs
}

func replicaEvent(r standing.Replica, cause string) admin.Event {
	a := report.ReplicaOf(r)
	return admin.Event{Kind: admin.EventReplica, Cause: cause, Replica: &a}
}
