package servers

import (
	"fmt"
	"sort"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/hub"
	"ledge/respd/stats"
)

func infoStats(s *command.Session) []command.InfoField {
	st := s.Host.Stats()
	h := s.Host.Hub()
	var f fields
	f.add("total_connections_received", st.Connections.Load())
	f.add("total_commands_processed", st.Commands.Load())
	f.add("total_net_input_bytes", st.NetIn.Load())
	f.add("total_net_output_bytes", st.NetOut.Load())
	f.add("rejected_connections", st.Rejected.Load())
	f.add("expired_keys", st.Expired.Load())
	f.add("evicted_keys", 0)
	f.add("evicted_clients", st.Evicted.Load())
	f.add("keyspace_hits", st.Hits.Load())
	f.add("keyspace_misses", st.Misses.Load())
	f.add("pubsub_channels", h.Topics(hub.Channel))
	f.add("pubsub_patterns", h.Topics(hub.Pattern))
	f.add("pubsubshard_channels", h.Topics(hub.ShardChannel))
	f.add("total_error_replies", st.Errors.Load())
	f.add("acl_access_denied_auth", st.Denied.Load())
	f.add("tls_handshake_failures", st.Handshakes.Load())
	f.add("foreign_protocol_connections", st.Foreign.Load())
	f.add("command_panics", st.Panics.Load())
	f.add("oom_rejected_commands", st.OOM.Load())
	f.add("client_query_buffer_limit_disconnections", st.InputLimit.Load())
	f.add("client_output_buffer_limit_disconnections", st.OutputLimit.Load())
	f.add("client_idle_disconnections", st.Idle.Load())
	return f
}

func infoCommands(s *command.Session) []command.InfoField {
	var f fields
	s.Host.Stats().ByCommand(func(spec *command.Spec, c stats.Calls) {
		each := 0.0
		if c.Calls > 0 {
			each = float64(c.Micros) / float64(c.Calls)
		}
		f.add("cmdstat_"+spec.FullName(),
			fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
				c.Calls, c.Micros, each, c.Rejected, c.Failed))
	})
	return byName(f)
}

func infoErrors(s *command.Session) []command.InfoField {
	var f fields
	s.Host.Stats().ByError(func(code string, n int64) {
		f.add("errorstat_"+code, fmt.Sprintf("count=%d", n))
	})
	return byName(f)
}

func byName(f fields) fields {
	sort.Slice(f, func(i, j int) bool { return f[i].Name < f[j].Name })
	return f
}

func infoKeyspace(s *command.Session) []command.InfoField {
	var f fields
	err := s.Host.State().View(time.Now(), func(v *replay.View) error {
		for n := range v.Databases() {
			db := journal.DB(n)
			keys := v.Len(db)
			expires, ttl := v.Expiring(db)
			if keys > 0 {
				f.add(fmt.Sprintf("db%d", n),
					fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d", keys, expires, ttl))
			}
		}
		return nil
	})
	if err != nil {
		return nil // the state is closed: the node is stopping
	}
	return f
}
