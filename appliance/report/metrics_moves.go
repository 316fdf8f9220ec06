package report

import (
	"ledge/replay/cluster"
)

// moves says how moves of slots go.
func (e *exposition) moves(m Moves) {
	count, lag := make(map[cluster.Phase]int), int64(0)
	for _, s := range m.All {
		count[s.Phase]++
		if !s.Over() {
			lag = max(lag, s.Lag)
		}
	}
	under := e.gauge("ledge_cluster_moves", "Moves of hash slots under way that the node's shard has a part in, by their phase.")
	for _, p := range []cluster.Phase{cluster.Copying, cluster.Ready, cluster.Given, cluster.Taken} {
		under.set(float64(count[p]), label{"state", string(p)})
	}
	st := m.Stats
	ended := e.begin("ledge_cluster_moves_ended_total", "counter", "Moves that have ended here since the start, by how.")
	ended.set(float64(st.Moved), label{"outcome", "moved"})
	ended.set(float64(st.Cancelled), label{"outcome", "cancelled"})
	ended.set(float64(st.Failed-st.Cancelled), label{"outcome", "failed"})
	e.one("counter", "ledge_cluster_move_bytes_total", "Bytes that were taken in from other shards by moves.", float64(st.Bytes))
	e.one("gauge", "ledge_cluster_move_lag_numbers", "How many numbers of the source's journal the target has yet to take in of the move that is furthest behind, into the shard or out of it.", float64(lag))
	e.one("gauge", "ledge_cluster_hold_seconds", "For how long slots that move were held last, so that nothing was written to them.", st.LastHold.Seconds())
	e.one("gauge", "ledge_cluster_hold_seconds_max", "The longest that they were held at a time.", st.Hold.Seconds())
	e.one("gauge", "ledge_cluster_clear_pending_keys", "Keys of slots that other shards have taken, or that did not move after all, which are not cleared yet.", float64(m.Pending))
	e.one("counter", "ledge_cluster_digest_mismatch_total", "Copies whose digest was not the other side's, so that they were made again.", float64(st.Differed))
}
