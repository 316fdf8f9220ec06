package replication

import (
	"context"
	"errors"
	"fmt"

	"ledge/appliance/options"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/remote"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
)

// source is the node as its replicas' requests see it.
type source struct{ r *Replication }

func (s source) Lineage() journal.Lineage { return s.r.cfg.Log.Lineage() }
func (s source) State() *replay.State     { return s.r.cfg.State }
func (s source) Log() *journal.Log        { return s.r.cfg.Log }
func (s source) Feed() *remote.Feed       { return s.r.feed }

// Serves refuses replicas while the node itself has nothing to go by.
func (s source) Serves() error {
	if l := s.r.Link(); l.State != standing.LinkNone && l.Applied == 0 {
		return fault.With(fault.Retryable, errors.New("the leader is a replica itself that has nothing yet"))
	}
	return nil
}

// Snapshot returns the newest snapshot if the journal goes on from it, or takes
// one.
func (s source) Snapshot(ctx context.Context) (snapshot.Info, error) {
	st, err := s.r.cfg.Log.Stat(ctx)
	if err != nil {
		return snapshot.Info{}, err
	}
	list, _ := snapshot.List(s.r.cfg.Snapshot) // damaged ones are not in it
	if len(list) > 0 && list[0].Pos.Seq+1 >= st.First {
		return list[0], nil
	}
	info, err := s.r.cfg.Snapshots.Take(ctx)
	if err != nil {
		return info, fault.With(fault.Retryable, fmt.Errorf("take a snapshot: %w", err))
	}
	return info, nil
}

// Yield notes for good that another node leads.
func (s source) Yield(leader, password string) error {
	if _, err := options.LeaderURL(leader); err != nil {
		return fault.With(fault.Refused, fmt.Errorf("leader %q: %w", leader, err))
	}
	return s.r.cfg.Directory.Yield(leader, password)
}
