package appliance

import "ledge/journal"

// While slots move to another shard, the map holds them, and once they are gone, clients are
// told. The map is drawn by whoever asks first after something has changed, which may be a
// client's command in the middle of a draft. So telling them is left to a goroutine that has
// none of their locks: the one that has slots moved, or watch.

// hold has clients' commands wait: those that may write to slots of writes, and all on slots
// of all; none of either ends it. It stays so until it is called again. When it returns, each
// command is judged by a map with these holds or by a later one, but for those that the
// writer has by then: they are done once a proposal is, that is queued after this. Clients
// have been told of slots that are gone.
func (m *membership) hold(writes, all []journal.SlotRange) {
	m.mu.Lock()
	m.writes, m.all = writes, all
	m.drawLocked()
	m.mu.Unlock()
	m.tellGone()
}

// announce has clients that wait for another map go on, and watch look for slots that are
// gone.
func (m *membership) announce() {
	s := m.server.Load()
	if s == nil { // as the node is opened: there are no clients
		return
	}
	s.Rerouted()
	select {
	case m.drawn <- struct{}{}:
	default: // watch has not come to the one before
	}
}

// tellGone ends what clients have begun with slots that are gone since it was called last.
func (m *membership) tellGone() {
	if m == nil {
		return
	}
	m.telling.Lock()
	defer m.telling.Unlock()
	drawn := m.Map()
	was := m.told
	m.told = drawn
	if s := m.server.Load(); s != nil && was != nil && was != drawn {
		s.SlotsGone(drawn.Gone(was))
	}
}
