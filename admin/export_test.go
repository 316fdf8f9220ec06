package admin

// EventCounts returns how many events were published and dropped.
func (s *Service) EventCounts() (published, dropped int64) {
	return s.events.published.Load(), s.events.dropped.Load()
}
