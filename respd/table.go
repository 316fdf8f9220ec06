package respd

import (
	"ledge/respd/command"
	"ledge/respd/command/bits"
	"ledge/respd/command/clusters"
	"ledge/respd/command/conns"
	"ledge/respd/command/geos"
	"ledge/respd/command/hashes"
	"ledge/respd/command/hlls"
	"ledge/respd/command/keys"
	"ledge/respd/command/lists"
	"ledge/respd/command/pubsubs"
	"ledge/respd/command/scripts"
	"ledge/respd/command/servers"
	"ledge/respd/command/sets"
	"ledge/respd/command/strs"
	"ledge/respd/command/txns"
	"ledge/respd/command/zsets"
)

// Commands returns the table of all commands of this program.
func Commands() *command.Table { return commandsWith(scripts.New(scripts.Config{})) }

// commandsWith returns the table with scripts that run on an engine.
func commandsWith(e *scripts.Engine) *command.Table {
	return command.NewTable(strs.Table(), bits.Table(), geos.Table(), hashes.Table(), hlls.Table(),
		lists.Table(), sets.Table(), keys.Table(), txns.Table(), conns.Table(), pubsubs.Table(),
		servers.Table(), clusters.Table(), zsets.Table(), e.Table())
}
