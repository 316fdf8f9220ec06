package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"github.com/urfave/cli/v2/altsrc"

	"ledge/appliance"
	"ledge/replay"
	"ledge/replay/remote"
)

// settings is what the options of serve say.
type settings struct {
	node      appliance.Config
	logLevel  slog.Level
	logFormat string
}

// option is one option of serve: a flag, a variable of the environment and a
// key of the configuration file. They are all taken as text and parsed here, so
// that a fault is named in the same way wherever the text came from.
type option struct {
	name, hint, usage string
	def               string // for the help; the default itself is the appliance's
	set               func(s *settings, value string) error
}

// env returns the option's variable.
func (o option) env() string { return envName(o.name) }

func envName(option string) string {
	return "LEDGE_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

// flag returns the option as a flag that a file can set, too.
func (o option) flag() cli.Flag {
	return altsrc.NewStringFlag(&cli.StringFlag{
		Name: o.name, Usage: "`" + o.hint + "`: " + o.usage,
		DefaultText: o.def, EnvVars: []string{o.env()},
	})
}

var serveOptions = []option{
	{"dir", "DIR", "where the data is", appliance.DefaultDir,
		func(s *settings, v string) error { s.node.Dir = v; return nil }},
	{"listen", "ADDR", "address for Redis clients, or off if there is tls-listen", appliance.DefaultListen,
		func(s *settings, v string) error { s.node.Listen = v; return nil }},
	{"tls-listen", "ADDR", "address for Redis clients with TLS", "none",
		func(s *settings, v string) error { s.node.TLSListen = v; return nil }},
	{"tls-cert", "FILE", "certificate for tls-listen, PEM, with those that lead to its CA", "none",
		func(s *settings, v string) error { s.node.TLSCert = v; return nil }},
	{"tls-key", "FILE", "the certificate's key, PEM", "none",
		func(s *settings, v string) error { s.node.TLSKey = v; return nil }},
	{"tls-ca", "FILE", "who may sign clients' certificates, PEM", "none",
		func(s *settings, v string) error { s.node.TLSCA = v; return nil }},
	{"tls-auth-clients", "WHO", "who has to show a certificate: no, optional, yes", "yes with tls-ca, else no",
		func(s *settings, v string) error { s.node.TLSAuthClients = v; return nil }},
	{"nats-listen", "ADDR", "address for NATS clients, or off", appliance.DefaultNATSListen,
		func(s *settings, v string) error { s.node.NATSListen = v; return nil }},
	{"nats-tls-cert", "FILE", "certificate for nats-listen, which takes TLS only then; shown to a leader, too", "none",
		func(s *settings, v string) error { s.node.NATSTLSCert = v; return nil }},
	{"nats-tls-key", "FILE", "the certificate's key, PEM", "none",
		func(s *settings, v string) error { s.node.NATSTLSKey = v; return nil }},
	{"nats-tls-ca", "FILE", "who must have signed NATS clients' certificates, and the leader's",
		"none; a leader's, the system's",
		func(s *settings, v string) error { s.node.NATSTLSCA = v; return nil }},
	{"metrics-listen", "ADDR", "address for Prometheus, which asks for /metrics, or off", appliance.Off,
		func(s *settings, v string) error { s.node.MetricsListen = v; return nil }},
	{"node", "NAME", "the node's name", "kept in the directory; at first the host's",
		func(s *settings, v string) error { s.node.Node = v; return nil }},
	{"sync", "MODE", "when a write is on disk: always (before it is answered), interval, off",
		appliance.SyncAlways,
		func(s *settings, v string) error { s.node.Sync = v; return nil }},
	{"sync-interval", "DURATION", "with --sync interval, how often",
		appliance.DefaultSyncInterval.String(),
		func(s *settings, v string) (err error) { s.node.SyncInterval, err = parseDuration(v); return err }},
	{"password", "TEXT", "what clients must say to AUTH", "none",
		func(s *settings, v string) error { s.node.Password = v; return nil }},
	{"password-file", "FILE", "where the password is, instead; a line end behind it is not part of it", "none",
		func(s *settings, v string) error { s.node.PasswordFile = v; return nil }},
	{"max-clients", "N", "connections at a time", strconv.Itoa(appliance.DefaultMaxClients),
		func(s *settings, v string) (err error) { s.node.MaxClients, err = parseCount(v); return err }},
	{"databases", "N", "numbered databases", strconv.Itoa(appliance.DefaultDatabases),
		func(s *settings, v string) (err error) { s.node.Databases, err = parseCount(v); return err }},
	{"max-value", "SIZE", "the longest value", "8MiB",
		func(s *settings, v string) (err error) { s.node.MaxValue, err = parseSize(v); return err }},
	{"max-memory", "SIZE", "memory that the process may take", "no bound",
		func(s *settings, v string) (err error) { s.node.MaxMemory, err = parseSize(v); return err }},
	{"notify-keyspace-events", "LETTERS", "which keyspace events are sent, and as what", "none",
		func(s *settings, v string) error { s.node.NotifyKeyspaceEvents = v; return nil }},
	{"snapshot-every", "SIZE|DURATION", "take a snapshot when the journal has grown by this much, or this often",
		"256MiB", setSnapshot},
	{"resume-auto", "CLASS", "which suspensions are tried without being asked: retryable, all, none",
		string(replay.ResumeRetryable),
		func(s *settings, v string) error { s.node.ResumeAuto = v; return nil }},
	{"resume-interval", "DURATION", "how long after one attempt to resume the next is made",
		replay.DefaultResumeInterval.String(),
		func(s *settings, v string) (err error) { s.node.ResumeInterval, err = parseDuration(v); return err }},
	{"resume-max-attempts", "N", "attempts that are made without being asked; 0 is no cap", "0",
		func(s *settings, v string) (err error) { s.node.ResumeMaxAttempts, err = parseCap(v); return err }},
	{"on-damage", "WHAT", "what a start does when something acknowledged can't be read: stop, or serve-good, which loses it",
		appliance.DamageStop,
		func(s *settings, v string) error { s.node.OnDamage = v; return nil }},
	{"reserve", "SIZE", "room on the disk that is held back for when it is full; 0 for none", "16MiB",
		func(s *settings, v string) error { return setReserve(s, v) }},
	{"follow", "URL", "NATS address of the leader to follow, nats://HOST:PORT, or tls:// to insist on TLS", "none; or as an operator has said",
		func(s *settings, v string) error { s.node.Follow = v; return nil }},
	{"follow-password-file", "FILE", "where the password of the leader's user replica is", "DIR/auth/leader",
		func(s *settings, v string) error { s.node.FollowPasswordFile = v; return nil }},
	{"on-divergence", "WHAT", "what a replica whose history is not the leader's does: stop, or resync and set its own aside",
		appliance.DivergenceStop,
		func(s *settings, v string) error { s.node.OnDivergence = v; return nil }},
	{"connect-timeout", "DURATION", "how long a replica waits for a connection", remote.DefaultConnectTimeout.String(),
		func(s *settings, v string) (err error) { s.node.ConnectTimeout, err = parseDuration(v); return err }},
	{"fetch-timeout", "DURATION", "how long a replica waits for a word of its leader", remote.DefaultFetchTimeout.String(),
		func(s *settings, v string) (err error) { s.node.FetchTimeout, err = parseDuration(v); return err }},
	{"sync-chunk-timeout", "DURATION", "how long a replica waits for a chunk of a full sync", remote.DefaultChunkTimeout.String(),
		func(s *settings, v string) (err error) { s.node.SyncChunkTimeout, err = parseDuration(v); return err }},
	{"sync-attempts", "N", "failures in a row after which a replica counts as failed", strconv.Itoa(remote.DefaultAttempts),
		func(s *settings, v string) (err error) { s.node.SyncAttempts, err = parseCount(v); return err }},
	{"announce-host", "HOST", "where a replica says that Redis clients reach it: an IP address or a name",
		"the address that its leader sees",
		func(s *settings, v string) error { s.node.AnnounceHost = v; return nil }},
	{"announce-port", "PORT", "the port that goes with it", "the one of listen",
		func(s *settings, v string) (err error) { s.node.AnnouncePort, err = parseCount(v); return err }},
	{"min-replicas", "N", "replicas that must stream for a write to be taken", "0",
		func(s *settings, v string) (err error) { s.node.MinReplicas, err = parseCap(v); return err }},
	{"min-replicas-lag", "DURATION", "how long ago such a replica was heard of at most", appliance.DefaultMinReplicasLag.String(),
		func(s *settings, v string) (err error) { s.node.MinReplicasLag, err = parseDuration(v); return err }},
	{"read-staleness", "DURATION", "how long ago a replica that serves reads had all of its leader's at most", "no bound",
		func(s *settings, v string) (err error) { s.node.ReadStaleness, err = parseDuration(v); return err }},
	{"retain-for-replicas", "SIZE", "how much of the journal is kept for replicas that are behind", "1GiB",
		func(s *settings, v string) (err error) { s.node.RetainForReplicas, err = parseSize(v); return err }},
	{"log-level", "LEVEL", "debug, info, warn or error", "info",
		func(s *settings, v string) error { return setLevel(s, v) }},
	{"log-format", "FORMAT", "text or json", "text",
		func(s *settings, v string) error {
			if v != "text" && v != "json" {
				return fmt.Errorf("%q is neither text nor json", v)
			}
			s.logFormat = v
			return nil
		}},
}

// secretOptions are those whose values nobody else may see. The command line of a
// process is for everybody to see.
var secretOptions = []string{"password"}

// onCommandLine reports whether an option stands among a program's arguments.
func onCommandLine(args []string, option string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		name, _, _ := strings.Cut(a, "=")
		return name == "--"+option || name == "-"+option
	})
}

// origins tells where each option's value came from.
type origins map[string]string

// name returns how to name an option to whoever set it.
func (o origins) name(option string) string {
	if at, ok := o[option]; ok {
		return at
	}
	return "--" + option
}

// fault words an error with the place where each option in it was set.
func (o origins) fault(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, o.fault(e))
		}
		return errors.Join(out...)
	}
	var bad *appliance.OptionError
	if errors.As(err, &bad) {
		return fmt.Errorf("%s: %w", o.name(bad.Option), bad.Err)
	}
	return err
}

// parse reads the options of c, whose flags the file has filled in already.
// lines are the places of the file's keys.
func parse(c *cli.Context, options []option, lines map[string]string) (settings, origins, error) {
	s := settings{logFormat: "text"}
	from := make(origins)
	var errs []error
	for _, o := range options {
		v := c.String(o.name)
		env := os.Getenv(o.env())
		switch {
		case !c.IsSet(o.name):
			continue
		case lines[o.name] != "":
			from[o.name] = lines[o.name] + ": " + o.name
		case env != "" && env == v:
			from[o.name] = o.env()
		case v == "" && env == "" && isEnvSet(o.env()):
			continue // an empty variable is no choice
		}
		err := errors.New("no value")
		if v != "" {
			err = o.set(&s, v)
		}
		if err != nil {
			errs = append(errs, &appliance.OptionError{Option: o.name, Err: err})
		}
	}
	errs = append(errs, s.node.Validate())
	if err := errors.Join(errs...); err != nil {
		return s, from, &exitError{exitUsage, from.fault(err)}
	}
	return s, from, nil
}

func isEnvSet(name string) bool {
	_, ok := os.LookupEnv(name)
	return ok
}

func setSnapshot(s *settings, v string) error {
	if d, err := time.ParseDuration(v); err == nil && d > 0 {
		s.node.SnapshotEvery = d
		return nil
	}
	n, err := parseSize(v)
	if err != nil {
		return fmt.Errorf("%q is neither a size like 256MiB nor a duration like 1h", v)
	}
	s.node.SnapshotBytes = n
	return nil
}

func setReserve(s *settings, v string) (err error) {
	if v == "0" {
		s.node.Reserve = -1
		return nil
	}
	s.node.Reserve, err = parseSize(v)
	return err
}

func setLevel(s *settings, v string) error {
	switch strings.ToLower(v) {
	case "debug", "info", "warn", "error":
		return s.logLevel.UnmarshalText([]byte(v))
	}
	return fmt.Errorf("%q is none of debug, info, warn, error", v)
}

func parseDuration(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a duration like 1s or 250ms", v)
	}
	return d, nil
}

func parseCount(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a whole number above 0", v)
	}
	return n, nil
}

func parseCap(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a whole number", v)
	}
	return n, nil
}

// units are those of sizes. As in Redis, kb is 1024 bytes and k is 1000.
var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1e3, "kb": 1 << 10, "kib": 1 << 10,
	"m": 1e6, "mb": 1 << 20, "mib": 1 << 20,
	"g": 1e9, "gb": 1 << 30, "gib": 1 << 30,
	"t": 1e12, "tb": 1 << 40, "tib": 1 << 40,
}

// parseSize reads a number of bytes like 8MiB.
func parseSize(v string) (int64, error) {
	digits := strings.TrimRight(v, "bBiIkKmMgGtT")
	unit, ok := units[strings.ToLower(v[len(digits):])]
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if !ok || err != nil || n < 1 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size like 8MiB", v)
	}
	return n * unit, nil
}
