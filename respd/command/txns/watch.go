package txns

import (
	"time"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// maxWatches bounds the keys that one client watches: EXEC looks at all of them at
// once, and so does whatever ends the watches.
const maxWatches = 1 << 17

// watchBytes is about what a watched key takes besides its name.
const watchBytes = 384

const errTooMany resp.Error = "ERR too many watched keys"

// WATCH key [key ...]
func watch() *command.Spec {
	return family.Conn(command.Spec{
		Name: "watch", Arity: -2, Keys: command.AllKeys, KeyFlags: "RO",
		Flags: command.Fast | command.AllowBusy | command.Control,
		Since: "2.2.0", Complexity: "O(1) for every key.",
		Summary: "Let EXEC do nothing if any of the keys changes before it.",
	}, runWatch)
}

func runWatch(s *command.Session, args command.Args) resp.Value {
	if s.Tx.On {
		return resp.Err(errWatchInside)
	}
	if len(s.Tx.Watches)+len(args)-1 > maxWatches {
		return resp.Err(errTooMany)
	}
	most := 0
	for _, key := range args[1:] {
		most += len(key) + watchBytes
	}
	if !s.Conn.HasRoom(most) {
		return resp.Err(command.ErrKeptFull)
	}
	err := s.Host.State().View(time.Now(), func(v *replay.View) error {
		v.Select(s.DB)
		for _, key := range args[1:] {
			s.Watch(v, key, watchBytes)
		}
		return nil
	})
	s.Watching.Store(int32(len(s.Tx.Watches)))
	if err != nil {
		return resp.FromError(err)
	}
	return resp.OK
}

// UNWATCH
func unwatch() *command.Spec {
	return family.Conn(command.Spec{
		Name: "unwatch", Arity: 1,
		Flags: command.Fast | command.AllowBusy | command.Inline,
		Since: "2.2.0", Complexity: "O(1)",
		Summary: "Watch none of the keys any more.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		s.Unwatch()
		return resp.OK
	})
}
