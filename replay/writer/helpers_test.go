package writer_test

import (
	"ledge/journal"
	"ledge/replay/replaytest"
)

// Commands for tests.

func set(db journal.DB, key string) replaytest.Command { return setAll(db, key, "value") }

func setAll(db journal.DB, key, val string) replaytest.Command {
	return replaytest.SetUntil(db, key, val, 0)
}
