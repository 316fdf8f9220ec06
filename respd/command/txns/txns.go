// Package txns is the family of transactions: MULTI, EXEC, DISCARD, WATCH and
// UNWATCH. These rows only keep a session's transaction state; queueing and
// EXEC itself are the server's, because they concern every command.
package txns

import (
	"ledge/respd/command"
)

// family is what all rows here have in common.
var family = command.Family{Group: "transactions", Cats: []string{"transaction"},
	Flags: command.NoScript | command.Loading | command.Stale}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{multi(), exec(), discard(), watch(), unwatch()}
}
