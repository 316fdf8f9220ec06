package report_test

import (
	"time"

	"ledge/appliance/report"
	"ledge/replay/cluster"
	"ledge/replay/move"
)

// underWay is moves of a node: one that goes on, one that waits for its target to say so, and some that have ended.
func underWay() report.Moves {
	return report.Moves{Pending: 7, Stats: move.Stats{Bytes: 5, Moved: 4, Failed: 3, Cancelled: 2, Differed: 1, Hold: time.Second / 4, LastHold: time.Second / 8},
		All: []move.Status{{Move: cluster.Move{Phase: cluster.Copying}, Progress: move.Progress{Lag: 9}}, {Move: cluster.Move{Phase: cluster.Given}},
			{Move: cluster.Move{Phase: cluster.Ended}, Progress: move.Progress{Lag: 20}}}}
}
