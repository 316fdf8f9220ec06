package servers

import (
	"context"
	"time"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// saveLimit bounds how long a client waits for a snapshot.
const saveLimit = 10 * time.Minute

// snapshot takes a snapshot and waits for it.
func snapshot(s *command.Session) error {
	ctx, cancel := context.WithTimeout(s.Context(), saveLimit)
	defer cancel()
	return s.Host.Node().Save(ctx)
}

// SAVE
func save() *command.Spec {
	return family.Conn(command.Spec{
		Name: "save", Arity: 1,
		Flags: command.Admin | command.NoScript | command.NoAsyncLoading | command.NoMulti |
			command.Slow,
		Since:      "1.0.0",
		Complexity: "O(N) where N is the total number of keys in all databases",
		Summary:    "Take a snapshot and wait for it.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		return result(snapshot(s))
	})
}

// BGSAVE [SCHEDULE]
func bgsave() *command.Spec {
	return family.Conn(command.Spec{
		Name: "bgsave", Arity: -1,
		Flags: command.Admin | command.NoScript | command.NoAsyncLoading,
		Since: "1.0.0", Complexity: "O(1)",
		Summary: "Begin a snapshot in the background.",
	}, runBgsave)
}

func runBgsave(s *command.Session, args command.Args) resp.Value {
	if len(args) > 2 || len(args) == 2 && !args.Is(1, "SCHEDULE") {
		return resp.Err(command.ErrSyntax)
	}
	if err := s.Host.Node().SaveInBackground(); err != nil {
		return resp.FromError(err)
	}
	return resp.Simple("Background saving started")
}

// LASTSAVE
func lastsave() *command.Spec {
	return family.Conn(command.Spec{
		Name: "lastsave", Arity: 1,
		Flags: command.Loading | command.Stale | command.Fast,
		Cats:  []string{"admin", "dangerous"},
		Since: "1.0.0", Complexity: "O(1)",
		Summary: "Tell when the last snapshot was taken.",
		Tips:    tipsVaries,
	}, func(s *command.Session, _ command.Args) resp.Value {
		at := s.Host.Node().LastSave()
		if at.IsZero() { // as Redis, which counts its start as a save
			at = s.Host.Stats().Started
		}
		return resp.Int(at.Unix())
	})
}
