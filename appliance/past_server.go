package appliance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"sync"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/standing"
	"ledge/replay/writer"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Past serves a state that is not there any more, for reading. It has no journal and
// no directory, and its clock stands still, so that what had a deadline then is there
// as it was. Whoever opens it closes the state.
type Past struct {
	cfg    PastConfig
	at     time.Time // at which its clock stands
	state  *replay.State
	writer *writer.Writer
	server *respd.Server
	stop   chan struct{}
	once   sync.Once
}

// OpenPast listens for clients.
func OpenPast(ctx context.Context, cfg PastConfig, st *replay.State, l journal.Lineage) (*Past, error) {
	at := cfg.At
	if at.IsZero() {
		at = time.Now()
	}
	p := &Past{cfg: cfg, at: at, state: st, stop: make(chan struct{})}
	clock := func() time.Time { return at }
	pos := st.Pos()
	log, err := journal.NewLog(ctx, nowhere{pos.Seq}, l)
	if err != nil {
		return nil, err
	}
	p.writer = writer.New(writer.Config{Log: log, State: st, Node: cfg.Node, Clock: clock, Logger: cfg.Logger})
	why := fault.With(fault.Refused, resp.Error(fmt.Sprintf(
		"READONLY This is the past, at number %d of %s: it can't be written.", pos.Seq, at.UTC().Format(time.RFC3339))))
	if _, err := p.writer.Follow(ctx, why); err != nil {
		return nil, err
	}
	p.server, err = respd.Open(ctx, respd.Config{Listen: cfg.Listen, Password: cfg.Password, MaxClients: cfg.MaxClients,
		State: st, Writer: p.writer, Node: pastSide{p: p}, Clock: clock, Logger: cfg.Logger})
	if err != nil {
		return nil, addressFault("listen", cfg.Listen, err)
	}
	p.server.Stats().Started = time.Now() // its clock stands in the past, and how long it runs is no part of that
	return p, nil
}

// Addr returns where it listens.
func (p *Past) Addr() net.Addr { return p.server.Addr() }

// Run serves until ctx ends, or a client says SHUTDOWN.
func (p *Past) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	writing, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var busy sync.WaitGroup
	var failed error
	busy.Go(func() {
		failed = p.writer.Run(writing)
		cancel()
	})
	busy.Go(func() { p.state.KeepOrder(writing) })
	busy.Go(func() {
		select {
		case <-p.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	err := p.server.Run(ctx)
	end()
	busy.Wait()
	return errors.Join(err, failed)
}

// Close stops listening. Run must have ended.
func (p *Past) Close() error { return p.server.Close() }

// nowhere is the journal of what has none: it ends where the state is, and takes
// nothing.
type nowhere struct{ last journal.Seq }

var errNowhere = fault.With(fault.Operator, errors.New("the past has no journal to write to"))

func (n nowhere) Read(context.Context, journal.Seq) iter.Seq2[journal.Frame, error] {
	return func(func(journal.Frame, error) bool) {}
}

func (n nowhere) Stat(context.Context) (journal.Stat, error) {
	return journal.Stat{First: n.last + 1, Last: n.last}, nil
}

func (n nowhere) Append(context.Context, journal.Seq, []byte) error { return errNowhere }

func (n nowhere) AppendAll(context.Context, journal.Seq, [][]byte) (int, error) {
	return 0, errNowhere
}

func (n nowhere) Cut(context.Context, journal.Seq) error         { return errNowhere }
func (n nowhere) Bulk(context.Context, bool) error               { return errNowhere }
func (n nowhere) SetSync(context.Context, journal.Syncing) error { return errNowhere }
func (n nowhere) Syncing() journal.Syncing                       { return journal.Syncing{} }
func (n nowhere) Reopen(context.Context) error                   { return nil }
func (n nowhere) Truncate(context.Context, journal.Seq) error    { return errNowhere }
func (n nowhere) Sync(context.Context) error                     { return nil }
func (n nowhere) Close() error                                   { return nil }

func (n nowhere) Synced() (journal.Seq, <-chan struct{}) { return n.last, make(chan struct{}) }

// pastSide is the past as its clients see it. No controller has a say in it.
type pastSide struct {
	externalPart
	pastCluster
	p *Past
}

var _ command.Node = pastSide{}

// errPast refuses what a node does that has a journal.
var errPast = resp.Error("ERR This is the past: it has no journal, no snapshots and no replicas")

// Info returns where in the past it is.
func (s pastSide) Info(wanted func(section string) bool) []command.InfoSection {
	if wanted != nil && !wanted("Journal") {
		return nil
	}
	pos := s.p.state.Pos()
	return []command.InfoSection{{Name: "Journal", Fields: []command.InfoField{
		{Name: "journal_as_of_time", Value: s.p.at.UTC().Format(time.RFC3339Nano)},
		{Name: "journal_as_of_node", Value: s.p.cfg.Node},
		{Name: "journal_applied_seq", Value: number(pos.Seq)},
		{Name: "journal_digest", Value: pos.Digest.String()},
	}}}
}

func (s pastSide) Save(context.Context) error { return errPast }
func (s pastSide) SaveInBackground() error    { return errPast }

// Health says that nothing is wrong: it never takes writes.
func (s pastSide) Health() []command.InfoField {
	return []command.InfoField{{Name: "journal_state", Value: "past"}}
}

func (s pastSide) Resume(context.Context) ([]command.InfoField, error) { return nil, errPast }
func (s pastSide) Syncs() bool                                         { return false }
func (s pastSide) AwaitSync(context.Context, journal.Seq) bool         { return false }
func (s pastSide) LastSave() time.Time                                 { return s.p.at }
func (s pastSide) Shutdown()                                           { s.p.once.Do(func() { close(s.p.stop) }) }
func (s pastSide) Link() standing.Link                                 { return standing.Link{} }
func (s pastSide) Replicas() []standing.Replica                        { return nil }
func (s pastSide) Follow(context.Context, string) error                { return errPast }
func (s pastSide) Promote(context.Context) error                       { return errPast }

func (s pastSide) Await(context.Context, journal.Seq, int, bool) int { return 0 }

func (s pastSide) Recall(context.Context, string, journal.DB, string, func(*replay.View)) error {
	return errPast
}

func (s pastSide) History(context.Context) ([]command.InfoField, error) { return nil, errPast }
