package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/wire"
)

// Handlers returns what answers the other shards, by subject.
func (m *Mover) Handlers() map[string]func(*nats.Msg) (*nats.Msg, error) {
	return map[string]func(*nats.Msg) (*nats.Msg, error){
		SubjectOffer: answer(maxOffer, m.offered), SubjectHello: answer(wire.MaxJSON, m.hello),
		SubjectFetch: m.fetched, SubjectFunctions: m.library, SubjectEnd: answer(wire.MaxJSON, m.ended),
		SubjectReady: answer(wire.MaxJSON, m.ready), SubjectTaken: answer(wire.MaxJSON, m.taken),
	}
}

// answer makes a handler of a function that has a message for a message.
func answer[Q any, P interface {
	*Q
	wire.Message
}, R any](most int, fn func(Q) (R, error)) func(*nats.Msg) (*nats.Msg, error) {
	return func(msg *nats.Msg) (*nats.Msg, error) {
		var q Q
		if err := wire.DecodeUpTo(msg, P(&q), most); err != nil {
			return nil, err
		}
		r, err := fn(q)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(r)
		return &nats.Msg{Data: b}, err
	}
}

// offerEvery is how often a source tells the target of a move of which it has not heard.
const offerEvery = time.Second

// serve does the source's part in a move that is not an answer: it tells the target that
// there is one, and clears what the target has taken.
func (m *Mover) serve(ctx context.Context, id journal.MoveID, w *worker) {
	for ctx.Err() == nil {
		of, ok := m.find(id)
		if !ok || of.Over() {
			return
		}
		var err error
		switch {
		case of.Phase == cluster.Taken:
			err = m.leave(ctx, of)
		case of.Phase == cluster.Given && m.passedOn(of):
			err = m.took(ctx, id)
		case m.unheard(id):
			if err = m.begun(ctx, of); err == nil {
				err = m.offer(ctx, of)
			}
		}
		m.note(id, func(p *Progress) { p.Cause = cause(err) })
		if !m.paced(ctx, of) {
			w.wait(ctx, offerEvery)
		}
	}
}

// passedOn reports whether others are known to have got slots from the target of a move, which
// so has taken them. That the target itself has them is for it to say: before it does, its
// replicas need not know. A document of a controller may give them to somebody who has nothing
// of what they hold.
func (m *Mover) passedOn(of cluster.Move) bool {
	return m.cfg.State.Custody().Topology == nil && m.cfg.Known(of.Ranges, of.Epoch+1)
}

// begun waits until all replicas that may be promoted know of a move: one that does not would
// tell the target that there is none.
func (m *Mover) begun(ctx context.Context, of cluster.Move) error {
	m.mu.Lock()
	fenced := m.fenced[of.ID]
	m.mu.Unlock()
	if fenced || of.Phase != cluster.Copying {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tellWait)
	defer cancel()
	if err := m.cfg.Fence(ctx, m.cfg.State.Pos().Seq); err != nil {
		return fault.As(fault.Retryable, "replicas do not know of the move yet", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fenced[of.ID] = true
	return nil
}

// cause is an error's text.
func cause(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// unheard reports whether a target has said nothing for a while.
func (m *Mover) unheard(id journal.MoveID) bool {
	now := m.cfg.Clock()
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.progress[id]
	return p == nil || now.Sub(p.Heard) >= offerEvery
}

// offer tells the target of a move.
func (m *Mover) offer(ctx context.Context, of cluster.Move) error {
	msg, err := m.cfg.Call(ctx, of.Shard, SubjectOffer, offer{Move: wire.Hex(of.ID), Cluster: wire.NodeID(m.cfg.State.Custody().Cluster),
		Shard: wire.Hex(m.cfg.Log.Lineage()), Slots: of.Ranges, Given: of.Phase == cluster.Given})
	var r stands
	if err == nil {
		err = wire.Decode(msg, &r)
	}
	switch {
	case err != nil && fault.Of(err) == fault.Refused && of.Phase == cluster.Copying:
		return errors.Join(err, m.over(ctx, of, "the target refuses it: "+err.Error()))
	case err != nil || r.Phase != phaseText(cluster.Ended):
		return err
	case of.Phase == cluster.Given && r.Cause == "":
		return m.took(ctx, of.ID)
	case of.Phase == cluster.Copying:
		return m.over(ctx, of, "the target has ended it: "+string(r.Cause))
	}
	return nil
}

// leave clears what is left of slots that the target has taken, and ends the move once it
// is known who has them.
func (m *Mover) leave(ctx context.Context, of cluster.Move) error {
	if err := m.cfg.Turn(ctx); err != nil {
		return err
	}
	if err := m.clear(ctx, of.Ranges, 0); err != nil {
		return err
	}
	// The target tells its shard's part in the cluster at once, so that is a moment.
	for looks := time.Duration(1); !m.cfg.Known(of.Ranges, of.Epoch) && !m.regiven(of); looks++ {
		if looks*knownEvery >= offerEvery {
			return errors.New("the target has not said yet that it owns the slots")
		}
		select {
		case <-time.After(knownEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return m.over(ctx, of, "")
}

// regiven reports whether a controller has heard that the slots of a move were taken, and has
// given some of them to this shard again since then. The target owns them no more, and so
// will not say that it does.
func (m *Mover) regiven(of cluster.Move) bool {
	t := m.cfg.State.Custody().Topology
	return t != nil && t.GivesAny(of.Ranges)
}

// knownEvery is how often it is looked whether a target is known to own what it has taken.
const knownEvery = 10 * time.Millisecond

// heard notes that the target of a move has asked for something.
func (m *Mover) heard(id journal.MoveID) {
	now := m.cfg.Clock()
	m.note(id, func(p *Progress) { p.Heard, p.Cause = now, "" })
}

// asked notes that the target of a move has asked for a part of it, or refuses that.
func (m *Mover) asked(id journal.MoveID) error {
	_, err := m.under(id, journal.Source)
	if err == nil {
		m.heard(id)
	}
	return err
}

// hello answers a target that begins, or goes on after an interruption.
func (m *Mover) hello(q hello) (welcome, error) {
	id := journal.MoveID(q.Move)
	w := welcome{Lineage: wire.Hex(m.cfg.Log.Lineage()), Last: m.cfg.State.Pos().Seq}
	of, err := m.under(id, journal.Source)
	if errors.Is(err, errUnknown) {
		w.Phase = unknown
		return w, nil
	}
	if err != nil {
		return w, err
	}
	m.heard(id)
	m.note(id, func(p *Progress) { p.Waits = string(q.Waits) })
	w.Phase, w.Cause = phaseText(of.Phase), clipped(of.Cause)
	switch of.Phase {
	case cluster.Ended, cluster.Taken:
		if of.Cause == "" {
			w.Give = gave(of)
		}
		return w, nil
	case cluster.Given:
		if w.Give, err = m.tell(m.ctx, of); err != nil {
			return w, err
		}
	}
	at := cluster.Position{Seq: q.Number, Digest: journal.Digest(q.Digest), Epoch: q.Epoch}
	if at.Seq > 0 {
		if on, err := m.onLine(m.ctx, at); err != nil || !on {
			w.Anew = true
			return w, err
		}
	}
	s := &session{id: uint64(newID()), ranges: of.Ranges, sizes: sizesFor(q.Most), cursor: q.Cursor, at: at}
	if at.Seq == 0 { // nothing is copied, so nothing written before now concerns the target
		s.cursor = 0
		if err := m.cfg.State.View(m.cfg.Clock(), func(v *replay.View) error { s.at = v.Slots(nil).At; return nil }); err != nil {
			return w, err
		}
	}
	w.Session = wire.Hex(s.id)
	m.mu.Lock()
	former := m.sessions[id]
	m.sessions[id] = s
	if p := m.progress[id]; p != nil {
		p.cursor = s.cursor
	}
	m.mu.Unlock()
	if former != nil {
		former.end()
	}
	return w, nil
}

// onLine reports whether the journal has a position: that number, of that epoch, on that
// digest.
func (m *Mover) onLine(ctx context.Context, at cluster.Position) (bool, error) {
	span, err := m.cfg.Log.Stat(ctx)
	if err != nil || at.Seq > span.Last || at.Seq+1 < span.First {
		return false, err
	}
	if pos, epoch := m.cfg.State.Position(); pos.Seq == at.Seq {
		return pos.Digest == at.Digest && epoch == at.Epoch, nil
	}
	if at.Seq >= span.First {
		for c, err := range m.cfg.Log.Read(ctx, at.Seq) {
			if err != nil || c.Batch().Epoch != at.Epoch {
				return false, err
			}
			break
		}
	}
	for c, err := range m.cfg.Log.Read(ctx, at.Seq+1) {
		return err == nil && c.Batch().Prev == at.Digest, err
	}
	return false, errSettling
}

// Headers of what a fetch is answered with.
const (
	headerSize   = "Ledge-Size"   // of the whole piece
	headerLast   = "Ledge-Last"   // the last number of the source's journal
	headerActive = "Ledge-Active" // is there if the source serves clients
)

// partBytes is how much of a piece one answer has. It must be small enough for a slow link
// to bring it before the answer counts as late.
const partBytes = 256 << 10

// errSession says that a session is gone, or that it has been replaced.
var errSession = fault.With(fault.Retryable, errors.New("the source does not know this session; say hello first"))

// fetched answers a target that asks for a part of a piece.
func (m *Mover) fetched(msg *nats.Msg) (*nats.Msg, error) {
	var q fetch
	if err := wire.Decode(msg, &q); err != nil {
		return nil, err
	}
	id := journal.MoveID(q.Move)
	if err := m.asked(id); err != nil {
		return nil, err
	}
	m.mu.Lock()
	s := m.sessions[id]
	m.mu.Unlock()
	if s == nil || s.id != uint64(q.Session) {
		return nil, errSession
	}
	part, size, last, err := s.part(m.ctx, m.origin(q.Active || m.cfg.Active()), id, q)
	if err != nil {
		return nil, err
	}
	if behind := m.sent(id, s, len(part), last); q.Offset == 0 {
		m.keepsUp(id, behind)
	}
	r := nats.NewMsg("")
	r.Data = part
	r.Header.Set(headerSize, strconv.Itoa(size))
	r.Header.Set(headerLast, strconv.FormatUint(uint64(last), 10))
	if m.cfg.Active() {
		r.Header.Set(headerActive, "1")
	}
	return r, nil
}

func (m *Mover) origin(beside bool) origin {
	return origin{m.cfg.State, m.cfg.Log, m.cfg.Clock, beside}
}

// part returns a part of a piece, and makes that first if it is the next one.
func (s *session) part(ctx context.Context, from origin, move journal.MoveID, q fetch) (part []byte, size int, last journal.Seq, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return nil, 0, 0, errSession
	}
	if q.Piece == s.n+1 && q.Offset == 0 {
		if err := s.next(ctx, from, move); err != nil {
			s.closeLocked()
			return nil, 0, 0, err
		}
	}
	if q.Piece != s.n || q.Offset >= len(s.piece) {
		return nil, 0, 0, fault.With(fault.Refused, fmt.Errorf("piece %d from %d of session %x, which has piece %d of %d bytes", q.Piece, q.Offset, s.id, s.n, len(s.piece)))
	}
	return s.piece[q.Offset:min(len(s.piece), q.Offset+partBytes)], len(s.piece), s.last, nil
}

// position returns the number that the target has come to, 0 without a session.
func (s *session) position() journal.Seq {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.from
}

// come returns the cursor and the number to which the last piece brings the target.
func (s *session) come() (cursor uint64, at journal.Seq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor, s.at.Seq
}

// end lets go of what the session holds.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked()
}
