package respd

import (
	"ledge/respd/command"
	"ledge/respd/hub"
	"ledge/respd/resp"
)

const errEventClass resp.Error = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."

// eventsParam is the parameter that says which keyspace events are sent.
func (s *Server) eventsParam() command.Param {
	return command.Param{Name: "notify-keyspace-events",
		Get: func() string { return s.cfg.Hub.Events().String() },
		Set: func(v string, apply bool) error {
			f, ok := hub.ParseEvents(v)
			if !ok {
				return errEventClass
			}
			if apply {
				s.cfg.Hub.SetEvents(f)
			}
			return nil
		}}
}
