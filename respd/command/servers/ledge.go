package servers

import (
	"context"
	"time"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// LEDGE <subcommand>
func health() *command.Spec {
	return family.Container(command.Spec{
		Name: "ledge", Since: "7.0.0",
		Summary: "Look at the journal's health and resume it, and ask the past. Redis has no such command.",
	}, ledgeAt(), ledgeHistory(), ledgeResume(), ledgeStatus(), family.Help("7.0.0"))
}

// resumeLimit bounds how long a client waits for an attempt to resume.
const resumeLimit = time.Minute

// LEDGE RESUME
func ledgeResume() *command.Spec {
	return family.Conn(command.Spec{
		Name: "resume", Arity: 2, Flags: admin&^command.Loading | command.NoMulti | command.Slow, Since: "7.0.0",
		Complexity: "O(1), or O(N) where N is all that is stored, after a failed sync",
		Summary:    "Prove that the journal takes writes again; show what was tried.",
	}, runLedgeResume)
}

// runLedgeResume answers with the steps and how each went, or with an error if
// the journal stays suspended.
func runLedgeResume(s *command.Session, _ command.Args) resp.Value {
	ctx, cancel := context.WithTimeout(s.Context(), resumeLimit)
	defer cancel()
	steps, err := s.Host.Node().Resume(ctx)
	if err != nil {
		return resp.Errf("MISCONF the journal stays suspended: %s", err)
	}
	return fieldMap(steps)
}

// LEDGE STATUS
func ledgeStatus() *command.Spec {
	return family.Conn(command.Spec{
		Name: "status", Arity: 2, Flags: admin, Since: "7.0.0", Complexity: "O(1)",
		Summary: "Show whether the journal takes writes, and if not, why and what next.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		return fieldMap(s.Host.Node().Health())
	})
}

// fieldMap returns fields as names and values.
func fieldMap(fs []command.InfoField) resp.Value {
	var kvs []resp.Value
	for _, f := range fs {
		kvs = append(kvs, resp.Bulk(f.Name), resp.Bulk(f.Value))
	}
	return resp.Map(kvs...)
}
