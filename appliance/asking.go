package appliance

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"ledge/replay/cluster"
)

// Before a node that begins to lead serves the slots of its shard, it asks the other shards
// which slots they own: its journal may have been set back to before it gave some of them, and
// another node may lead its shard by now. Until they have answered, commands on its slots
// wait, as they do while slots move; then they go by the map that was made of the answers.

// askLimit bounds for how long the others are waited for. A command waits a little longer than
// that before it is refused, so that it is answered.
const askLimit = 2500 * time.Millisecond

// term is the time for which a node leads its shard, as far as its part in a cluster goes.
type term struct {
	began    time.Time // zero while the node follows, or has not all of its data yet
	promoted bool      // the node followed before, in the same run
	led      uint64    // the epoch at which it was made to lead
	heard    bool      // a node of another shard has spoken since
	asked    bool      // the others have answered, or were waited for
	serves   bool      // the slots are served, unless refusal says why not
	// rival is another node that leads the shard and counts more, without an id if none does.
	rival cluster.Record
}

// askPart is a membership's part in what has to be known before slots are served. It is for a
// node without one, too.
type askPart struct{ *membership }

// begin is told that the node has all of its data.
func (m askPart) begin() {
	if m.membership != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.drawLocked()
	}
}

// followLocked has the term be what the node's role makes of it. The caller holds mu.
func (m askPart) followLocked(r role) {
	switch {
	case m.n.loading.ready() != nil:
	case !r.leads:
		m.term, m.followed = term{}, true
	case m.term.began.IsZero():
		m.term = term{began: m.n.cfg.Clock(), promoted: m.followed}
		m.term.led = m.ledSince(m.followed)
		poke(m.turned)
	}
}

// holdLocked returns a map with the holds that there are: those of moves, and that of the
// shard's slots until the others were asked. The caller holds mu.
func (m askPart) holdLocked(drawn *cluster.Map, r role) *cluster.Map {
	unproven := restoredPart(m).unprovenLocked(m.n.state.Custody())
	if !m.term.began.IsZero() && !m.term.serves && !unproven && len(drawn.Shards) == 1 && (drawn.Cluster == "" || len(m.kinLocked()) == 0) {
		m.term.asked, m.term.serves = true, true // there is nobody to ask
	}
	m.refuseLocked(drawn)
	if m.refusal() != nil {
		drawn = drawn.Refusing()
	}
	if _, ok := m.view.Copy(); ok {
		poke(m.turned)
	}
	all := m.all[:len(m.all):len(m.all)]
	if r.leads && !m.term.serves {
		all = append(all, drawn.Shards[0].Ranges()...)
	}
	if len(m.writes)+len(all) == 0 {
		return drawn
	}
	return drawn.Holding(m.writes, all)
}

// kinLocked returns where the other nodes of the node's own shard are asked, by their ids, if
// one of them may lead it: none was heard of in that role by a node that was promoted itself.
func (m askPart) kinLocked() map[string]string {
	kin := make(map[string]string)
	if m.term.promoted || m.n.dir.secret.current() == "" {
		return kin
	}
	own := m.view.Own()
	for _, r := range m.view.Records() {
		if at := natsAt(r); r.Shard == own.Shard && r.ID != own.ID && !r.Left && at != "" {
			kin[r.ID] = at
		}
	}
	return kin
}

// run asks whenever the node begins to lead, and has it said what is not served, until ctx
// ends.
func (m askPart) run(ctx context.Context) {
	if m.membership == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	said := ""
	for {
		restoredPart(m).replace()
		if began, due := m.due(); due {
			m.ask(ctx, began)
		}
		m.part(ctx)
		said = m.say(said)
		select {
		case <-m.turned:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// due returns since when the node leads, and whether it has to ask.
func (m askPart) due() (began time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.term.began, !m.term.began.IsZero() && !m.term.serves
}

// ask asks, and has the slots served after that, unless the node has ceased to lead.
func (m askPart) ask(ctx context.Context, began time.Time) {
	asking, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	m.mu.Lock()
	kin := m.kinLocked()
	m.mu.Unlock()
	asked := make(chan struct{})
	var busy sync.WaitGroup
	for _, at := range kin {
		busy.Go(func() { _ = m.peers.Ask(asking, at) }) // whoever does not answer does not lead, or can't be heard
	}
	go func() { defer close(asked); busy.Wait() }()
	silent := m.await(asking, began, asked)
	took := m.n.cfg.Clock().Sub(began)
	cancel()
	<-asked
	if ctx.Err() == nil && restoredPart(m).prove(ctx, began) && m.serve(began) {
		if len(silent) > 0 {
			m.n.cfg.Logger.Warn("some shards did not say which slots they own before this node serves its own", "shards", strings.Join(silent, " "), "waited", took)
		} else {
			m.n.cfg.Logger.Info("the other shards have said which slots they own", "took", took)
		}
	}
}

// await waits until all other shards have answered, and the kin that was asked, too, or ctx
// ends, or the node ceases to lead. It returns the shards that have not.
func (m askPart) await(ctx context.Context, began time.Time, kin <-chan struct{}) (silent []string) {
	for {
		silent = m.silent(began)
		if len(silent) == 0 && kin == nil {
			return nil
		}
		select {
		case <-m.answered:
		case <-kin:
			kin = nil
		case <-m.turned:
			if now, _ := m.due(); !now.Equal(began) {
				poke(m.turned) // for run
				return silent
			}
		case <-ctx.Done():
			return silent
		}
	}
}

// silent returns the other shards that can be asked and have not answered since then.
func (m askPart) silent(began time.Time) (list []string) {
	answered := make(map[string]bool)
	for _, l := range m.peers.Links() {
		answered[l.Shard] = l.Up && !l.Heard.Before(began)
	}
	for _, s := range peerPart(m).others() {
		if len(s.Nodes) > 0 && !answered[s.ID] {
			list = append(list, s.ID)
		}
	}
	return list
}

// serve has the slots served. What is refused is refused before that. It reports whether
// the node leads still.
func (m askPart) serve(began time.Time) (ok bool) {
	for _, serves := range []bool{false, true} {
		m.mu.Lock()
		if ok = m.term.began.Equal(began); ok {
			m.term.asked, m.term.serves = true, serves
			m.drawLocked()
		}
		m.mu.Unlock()
		m.n.gate.judge()
	}
	return ok
}

// heardLocked notes that a node has spoken. The caller holds mu.
func (m askPart) heardLocked(id string) {
	if m.term.heard || m.view == nil || m.term.began.IsZero() {
		return
	}
	own := m.view.Own().Shard
	for _, r := range m.view.Records() {
		if r.ID == id && r.Shard != own {
			m.term.heard = true
			restoredPart(m).heardLocked()
			poke(m.turned)
		}
	}
}

// waits returns what the node waits for before it serves its slots, "" for nothing.
func (m askPart) waits() string {
	if m.membership == nil {
		return ""
	}
	began, due := m.due()
	if !due {
		return ""
	}
	if why := restoredPart(m).waits(); why != "" {
		return why
	}
	silent, all := len(m.silent(began)), len(peerPart(m).others())
	return fmt.Sprintf("it asks the other shards which slots they own, %s at most: %d of %d have answered", askLimit, all-silent, all)
}

// poke leaves a token, if there is none.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
