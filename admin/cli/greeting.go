package cli

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/replay/backup"
)

// LogFormat is the option that says how the log looks.
const LogFormat = "log-format"

// Greeter tells whoever has started the program that it serves, and where.
type Greeter struct {
	To  io.Writer
	Log *slog.Logger // not nil if all that is said is to be JSON: then it is a record of this
}

// Always returns a log in which the greeting stands whatever the level, as it does on
// standard output where the log is text.
func Always(cfg appliance.Config, to io.Writer) *slog.Logger {
	cfg.Level, cfg.LogLevel = nil, slog.LevelInfo
	return cfg.NewLogger(to)
}

// EarlyLog returns the log for what is wrong with the arguments of a serve before they
// can be read as a whole; nil is that they ask for no JSON.
func EarlyLog(args []string, to io.Writer) *slog.Logger {
	if len(args) < 2 || args[1] != "serve" {
		return nil
	}
	cfg := appliance.Config{LogFormat: os.Getenv(options.Env(LogFormat))}
	for i, a := range args {
		name, value, given := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch {
		case name != LogFormat || !strings.HasPrefix(a, "-"):
		case given:
			cfg.LogFormat = value
		case i+1 < len(args):
			cfg.LogFormat = args[i+1]
		}
	}
	if !cfg.JSON() {
		return nil
	}
	return cfg.NewLogger(to)
}

// record writes the record "started", without the fields that say nothing.
func (g Greeter) record(fields ...slog.Attr) {
	said := []any{slog.String("version", appliance.Version)}
	for _, f := range slices.DeleteFunc(fields, func(f slog.Attr) bool { return f.Value.Equal(slog.StringValue("")) }) {
		said = append(said, f)
	}
	g.Log.Info("started", said...)
}

// Node tells what to do with a node, which is about to follow leader, or to lead if that
// is ""; knows is what it knows of others that may lead, "" for nothing. ca is the file
// that makes known to a client with TLS whom it speaks to: who may sign, or the
// certificate itself.
func (g Greeter) Node(s appliance.Status, leader, knows, ca string) {
	if g.Log != nil {
		g.record(slog.String("node", s.Node), slog.String("redis", s.Listen), slog.String("tls", s.TLSListen),
			slog.String("nats", s.NATS), slog.String("page", s.Page), slog.String("page_needs", s.PageNeeds),
			slog.String("metrics", s.Metrics), slog.String("dir", s.Dir), slog.String("sync", s.Sync),
			slog.String("leader", leader), slog.String("role", knows), slog.String("state", s.Recovered))
		return
	}
	w := g.To
	fmt.Fprintf(w, "ledge %s, node %s, is ready\n", appliance.Version, s.Node)
	if s.Listen == "" {
		fmt.Fprintf(w, "  redis  off\n")
	} else {
		fmt.Fprintf(w, "  redis  %s   try: redis-cli%s\n", s.Listen, whereabouts(s.Listen))
	}
	if s.TLSListen != "" {
		fmt.Fprintf(w, "  tls    %s   try: redis-cli --tls --cacert %s%s\n", s.TLSListen, ca, whereabouts(s.TLSListen))
	}
	if s.NATS == "" {
		fmt.Fprintf(w, "  nats   off\n")
	} else {
		fmt.Fprintf(w, "  nats   %s   user admin, password in %s\n", s.NATS, s.Credentials)
	}
	switch {
	case s.PageNeeds != "":
		fmt.Fprintf(w, "  page   refused: it needs %s   for Prometheus: %s\n", s.PageNeeds, s.Metrics)
	case s.Metrics != "":
		fmt.Fprintf(w, "  page   %s   for Prometheus: %s\n", s.Page, s.Metrics)
	}
	fmt.Fprintf(w, "  data   %s   sync %s\n", s.Dir, s.Sync)
	switch {
	case leader != "":
		fmt.Fprintf(w, "  role   follows %s\n", leader)
	case knows != "":
		fmt.Fprintf(w, "  role   %s\n", knows)
	}
	fmt.Fprintf(w, "  state  %s\n", s.Recovered)
}

// past tells where the past is served, as of when, and how long it took to read it.
func (g Greeter) past(l *backup.Loaded, addr string, at time.Time, took time.Duration) {
	pos, asOf := l.State.Pos(), at.UTC().Format(time.RFC3339Nano)
	if g.Log != nil {
		g.record(slog.String("node", l.Header.Node), slog.String("redis", addr), slog.Bool("past", true),
			slog.Uint64("number", uint64(pos.Seq)), slog.String("digest", pos.Digest.String()),
			slog.String("as_of", asOf), slog.Duration("took", took))
		return
	}
	fmt.Fprintf(g.To, "ledge %s serves the past of node %s, read-only\n", appliance.Version, l.Header.Node)
	fmt.Fprintf(g.To, "  redis  %s   try: redis-cli%s\n", addr, whereabouts(addr))
	fmt.Fprintf(g.To, "  state  number %d, digest %s, as of %s, read in %s\n", pos.Seq, pos.Digest, asOf,
		took.Round(time.Millisecond))
}

// whereabouts returns the options that lead redis-cli to an address.
func whereabouts(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() && host != "127.0.0.1" {
		return " -h " + host + " -p " + port
	}
	return " -p " + port
}
