package servers

import (
	"math/bits"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"ledge/respd/command"
)

func infoServer(s *command.Session) []command.InfoField {
	var f fields
	f.add("redis_version", command.CompatVersion)
	f.add("redis_mode", command.Mode(s.Host))
	f.add("os", osName())
	f.add("arch_bits", bits.UintSize)
	f.add("monotonic_clock", "go")
	f.add("go_version", runtime.Version())
	f.add("process_id", os.Getpid())
	if _, port, err := net.SplitHostPort(s.LAddr); err == nil {
		f.add("tcp_port", port)
	}
	now := time.Now()
	up := int64(max(0, now.Sub(s.Host.Stats().Started)).Seconds())
	f.add("server_time_usec", now.UnixMicro())
	f.add("uptime_in_seconds", up)
	f.add("uptime_in_days", up/86400)
	if exe, err := os.Executable(); err == nil {
		f.add("executable", exe)
	}
	f.add("config_file", "")
	return f
}

// osName is the system's name, release and machine.
func osName() string {
	name := runtime.GOOS
	if name == "linux" {
		name = "Linux"
		if rel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
			name += " " + strings.TrimSpace(string(rel))
		}
	}
	return name + " " + runtime.GOARCH
}

func infoClients(s *command.Session) []command.InfoField {
	var n, pubsub, blocked, in, out int
	s.Host.Clients(func(c *command.Session) {
		n++
		i, o := c.Conn.Buffers()
		in, out = max(in, i), max(out, o)
		if c.Blocked.Load() {
			blocked++
		}
		if c.Subscribed() {
			pubsub++
		}
	})
	var f fields
	f.add("connected_clients", n)
	f.add("cluster_connections", 0)
	if most := parameter(s, "maxclients"); most != "" {
		f.add("maxclients", most)
	}
	f.add("client_recent_max_input_buffer", in)
	f.add("client_recent_max_output_buffer", out)
	f.add("blocked_clients", blocked)
	f.add("tracking_clients", 0)
	f.add("pubsub_clients", pubsub)
	f.add("clients_in_timeout_table", 0)
	return f
}

// parameter returns a parameter of CONFIG, empty if there is none of that
// name.
func parameter(s *command.Session, name string) string {
	for _, p := range s.Host.Config().Match(func(n string) bool { return n == name }) {
		return p.Get()
	}
	return ""
}

func infoReplication(s *command.Session) []command.InfoField {
	var f fields
	f.add("role", "master")
	f.add("connected_slaves", 0)
	f.add("master_repl_offset", uint64(s.Host.State().Pos().Seq))
	return f
}

func infoCluster(s *command.Session) []command.InfoField {
	enabled := "0"
	if s.Host.Cluster() != nil {
		enabled = "1"
	}
	return []command.InfoField{{Name: "cluster_enabled", Value: enabled}}
}

func infoPersistence(s *command.Session) []command.InfoField {
	var f fields
	f.add("loading", 0)
	f.add("async_loading", 0)
	if n := s.Host.Node(); n != nil {
		at := n.LastSave()
		if at.IsZero() {
			at = s.Host.Stats().Started
		}
		f.add("rdb_last_save_time", at.Unix())
	}
	return f
}
