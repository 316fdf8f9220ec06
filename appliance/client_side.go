package appliance

import (
	"context"
	"fmt"
	"time"

	"ledge/admin"
	"ledge/appliance/replication"
	"ledge/appliance/report"
	"ledge/journal"
	"ledge/replay/writer"
	"ledge/respd/command"
)

// clientSide is the node as Redis clients see it.
type clientSide struct {
	*replication.Replication
	*recaller
	redisOrders
	externalPart
	report *report.Report
	saves  *snapshots
	health *writer.Health
	log    *journal.Log
	stop   func()
}

var _ command.Node = clientSide{}

func sideOf(n *Node) clientSide {
	return clientSide{Replication: n.repl, recaller: newRecaller(n), redisOrders: redisOrders{n.member}, externalPart: externalPart{n.member}, report: n.report, saves: n.saves, health: n.writer.Health(),
		log: n.log, stop: n.Shutdown}
}

// Role returns what the node is: "master" or "slave".
func (c clientSide) Role() string { return report.RedisRole(c.Link()) }

// Info returns INFO's fields that only the node knows, of the sections that are
// wanted.
func (c clientSide) Info(wanted func(section string) bool) []command.InfoSection {
	return c.report.Info(wanted)
}

// Health returns the fields of INFO about the journal's health.
func (c clientSide) Health() []command.InfoField { return c.report.InfoHealth() }

// Resume tries to resume a suspended journal and returns what was tried.
func (c clientSide) Resume(ctx context.Context) ([]command.InfoField, error) {
	steps, err := c.health.Resume(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s", report.Line(err))
	}
	var f []command.InfoField
	for _, s := range steps {
		f = append(f, command.InfoField{Name: s.Name, Value: "ok"})
	}
	return append(f, command.InfoField{Name: "state", Value: admin.StateOK}), nil
}

// AwaitSync waits until the journal is on the disk up to a number, or ctx ends.
func (c clientSide) AwaitSync(ctx context.Context, seq journal.Seq) bool {
	return c.log.AwaitSync(ctx, seq)
}

// Syncs reports whether the journal is synced without anybody's asking.
func (c clientSide) Syncs() bool { return c.log.Syncing().Mode != journal.SyncOff }

// Save takes a snapshot and waits for it.
func (c clientSide) Save(ctx context.Context) error { return c.saves.take(ctx) }

// SaveInBackground begins a snapshot.
func (c clientSide) SaveInBackground() error { return c.saves.ask() }

// LastSave returns when the last snapshot that worked was taken.
func (c clientSide) LastSave() time.Time { return c.saves.lastSave() }

// Shutdown makes the node stop. It does not wait.
func (c clientSide) Shutdown() { c.stop() }
