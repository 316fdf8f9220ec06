package command

import (
	"ledge/replay"
	"ledge/respd/resp"
)

// InCluster has rows refuse what can't be done in a cluster. It is called before anybody
// uses the table.
func (t *Table) InCluster() {
	for _, s := range t.sorted {
		if s.Clustered != nil {
			s.refuse(s.Clustered)
		}
	}
}

// refuse has a command ask whether it may run before it does.
func (s *Spec) refuse(why func(Args) error) {
	asked := func(read func(*replay.View, Args) resp.Value) func(*replay.View, Args) resp.Value {
		return func(v *replay.View, args Args) resp.Value {
			if err := why(args); err != nil {
				return resp.FromError(err)
			}
			return read(v, args)
		}
	}
	if read := s.Read; read != nil {
		s.Read = asked(read)
	}
	if reading := s.Reading; reading != nil {
		s.Reading = func(args Args) func(*replay.View, Args) resp.Value {
			if read := reading(args); read != nil {
				return asked(read)
			}
			return nil
		}
	}
	if write := s.Write; write != nil {
		s.Write = func(d *replay.Draft, args Args) (resp.Value, error) {
			if err := why(args); err != nil {
				return resp.Value{}, err
			}
			return write(d, args)
		}
	}
	if conn := s.Conn; conn != nil {
		s.Conn = func(c *Session, args Args) resp.Value {
			if err := why(args); err != nil {
				return resp.FromError(err)
			}
			return conn(c, args)
		}
	}
}

// NotInCluster is for rows that are refused in a cluster whatever their arguments.
func NotInCluster(text resp.Error) func(Args) error { return func(Args) error { return text } }
