package report

import (
	"cmp"
	"math"

	"ledge/admin"
	"ledge/journal/fault"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
	"ledge/replay/writer"
)

// Status words all that operators hear of a node.
func (r *Report) Status() admin.Status {
	srv, j, m, p, c := r.Server(), r.Journal(), r.Memory(), r.Replication(), r.Clients()
	s := admin.Status{
		Node: r.Node, Version: r.Version, Role: Role(p.Link),
		Started: srv.Started.UTC(), Uptime: r.Clock().Sub(srv.Started).Seconds(),
		PID: srv.PID, Dir: srv.Dir, Redis: srv.Redis, NATS: srv.NATS,
		Health: r.OperatorsHealth(),
		Journal: admin.Journal{
			Lineage: j.Lineage.String(), Epoch: j.Epoch,
			First: uint64(j.First), Last: uint64(j.Last), Bytes: j.Bytes, Sync: j.Sync, Interval: j.Interval.Seconds(),
			Digest:  j.Applied.Digest.String(),
			Appends: j.Appends, Failed: j.Failed,
			Reserve: j.Reserve, Lost: j.Lost,
		},
		Data:     admin.Data{Memory: m.Taken, Live: m.Live, Clients: c.Connected},
		Replicas: replicasOf(p.Replicas),
	}
	for _, k := range r.Keys() {
		s.Data.Keys += k.Count
	}
	if p.Link.State != standing.LinkNone {
		link := LinkOf(p.Link)
		s.Link = &link
	}
	saves := r.Saves()
	s.Saves = admin.Saves{Running: saves.Running, Last: saves.Last.UTC(),
		Number: uint64(saves.Pos), LastError: Line(saves.Failed)}
	if !saves.Backup.IsZero() {
		s.Backup = &admin.LastBackup{At: saves.Backup.UTC(), Number: uint64(saves.BackupPos)}
	}
	return s
}

// OperatorsHealth words whether the journal takes writes.
func (r *Report) OperatorsHealth() admin.Health {
	facts := r.Health()
	h := r.HealthOf(facts, facts.Suspension)
	h.SlotsSeized, h.SlotsGiven, h.SlotsWait = facts.Seized, facts.Given, facts.Waits
	h.Role, h.ReadsRefused, h.WritesRefused = Role(facts.Link), Line(facts.Reads), Line(facts.Writes)
	if facts.Link.State == standing.LinkFailed {
		h.LinkFailed = cmp.Or(Line(facts.Link.Err), "its leader has not been reached")
	} else {
		h.LinkDown, h.LinkSilent = Line(facts.Link.Down()), math.Round(10*facts.Link.Silent(r.Clock()).Seconds())/10
	}
	return h
}

// HealthOf words a suspension, nil for none, which may be one of the past.
func (r *Report) HealthOf(facts Health, s *writer.Suspension) admin.Health {
	facts.Suspension = s
	h := admin.Health{
		Node: r.Node, State: facts.state(),
		ResumeAuto: string(facts.Policy.Auto), ResumeInterval: facts.Policy.Interval.Seconds(),
		ResumeMaxAttempts: facts.Policy.MaxAttempts, ReserveMissing: facts.ReserveMissing,
	}
	if l := r.loading(); l.Step != "" {
		h.State, h.Loading = admin.StateLoading, loadingOf(l)
	}
	if s == nil {
		return h
	}
	h.Class, h.Cause = s.Class.String(), Line(s.Cause)
	if s.InDoubt {
		h.Number = uint64(s.Number)
	}
	h.Since, h.Deletes = moment(s.Since), s.Deletes
	h.Attempts, h.Automatic, h.LastError = s.Attempts, s.Automatic, Line(s.LastError)
	h.LastAttempt, h.NextAttempt = moment(s.LastAttempt), moment(s.NextAttempt)
	return h
}

// loadingOf words how far a node has come for operators.
func loadingOf(l Loading) *admin.Loading {
	a := &admin.Loading{Step: l.Step, Began: l.Began.UTC(), Bytes: l.Bytes, Total: l.Total,
		Percent: math.Round(1000*l.Share) / 10, Rows: l.Rows, Rate: math.Round(l.Rate)}
	if l.Left >= 0 {
		left := math.Round(l.Left.Seconds())
		a.Left = &left
	}
	return a
}

// LinkOf words a link for operators.
func LinkOf(l standing.Link) admin.Link {
	a := admin.Link{Leader: l.Leader, Node: l.Node, State: l.State.String(), Step: l.Step, Since: l.Since.UTC(),
		Attempts: l.Attempts, LastError: Line(l.Err), Next: moment(l.Next), Applied: uint64(l.Applied),
		Heard: moment(l.Heard), Level: moment(l.Level), Syncs: l.Syncs}
	if !l.Heard.IsZero() { // else nobody knows
		last, behind := uint64(l.Last), lag(l)
		a.Last, a.Lag = &last, &behind
	}
	if l.Err != nil {
		a.Class = fault.Of(l.Err).String()
	}
	return a
}

func replicasOf(list []standing.Replica) []admin.Replica {
	out := make([]admin.Replica, len(list))
	for i, r := range list {
		out[i] = ReplicaOf(r)
	}
	return out
}

// ReplicaOf words a replica for operators.
func ReplicaOf(r standing.Replica) admin.Replica {
	return admin.Replica{Node: r.Node, ID: r.ID, Redis: r.Redis, NATS: r.NATS, State: r.State,
		Applied: uint64(r.Applied), Synced: uint64(r.Synced), Heard: r.Heard.UTC()}
}

// SnapshotOf words a snapshot for operators.
func SnapshotOf(i snapshot.Info) admin.Snapshot {
	return admin.Snapshot{Number: uint64(i.Pos.Seq), Epoch: i.Epoch, Digest: i.Pos.Digest.String(),
		Keys: i.Keys, Bytes: i.Bytes, Created: i.Created.UTC(), Path: i.Path}
}
