package admin

import "context"

// EventCounts returns how many events were published and dropped.
func (s *Service) EventCounts() (published, dropped int64) {
	return s.events.published.Load(), s.events.dropped.Load()
}

// Verbs returns the verbs that a node can be asked, and what each is for.
func Verbs() (names []string, what map[string]string) {
	what = make(map[string]string)
	for _, v := range verbs {
		names = append(names, v.name)
		what[v.name] = v.what
	}
	return names, what
}

// Ask asks a backend as the service does.
func Ask(ctx context.Context, b Backend, verb string, request []byte) (reply any, err error) {
	return verbNamed(verb).ask(ctx, b, request)
}

// Long reports whether a verb may take long.
func Long(verb string) bool { return verbNamed(verb).long }
