package appliance

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"time"

	"ledge/journal"
	"ledge/journal/jet"
	"ledge/replay"
	"ledge/replay/remote"
	"ledge/respd/command"
)

// What becomes of a replica that has diverged.
const (
	// DivergenceStop leaves it as it is, for an operator to decide.
	DivergenceStop = "stop"
	// DivergenceResync sets aside what it has and takes the leader's.
	DivergenceResync = "resync"
)

// Version is what this program calls itself.
const Version = "0.1.0"

// Defaults of Config.
const (
	DefaultDir           = "./ledge-data"
	DefaultListen        = "127.0.0.1:6379"
	DefaultNATSListen    = "127.0.0.1:4222"
	DefaultSyncInterval  = jet.DefaultSyncEvery
	DefaultMaxClients    = 10000
	DefaultDatabases     = replay.DefaultDatabases
	DefaultMaxValue      = replay.DefaultMaxValue
	DefaultSnapshotBytes = 256 << 20

	DefaultMinReplicasLag    = 10 * time.Second
	DefaultRetainForReplicas = 1 << 30
)

// Off in place of an address means no listener.
const Off = "off"

// Sync modes, as they are written in options and in INFO.
const (
	SyncAlways   = "always"
	SyncInterval = "interval"
	SyncOff      = "off"
)

// Config says what a node is. Zero fields mean the stated defaults. The name
// that an option has towards users stands behind each field; OptionError
// carries it.
type Config struct {
	Dir        string // dir; DefaultDir
	Listen     string // listen; DefaultListen, or Off if there is TLSListen
	NATSListen string // nats-listen; DefaultNATSListen, or Off
	// MetricsListen is the address for Prometheus; empty and Off are none.
	MetricsListen string // metrics-listen

	// TLSListen is the address for Redis clients with TLS; empty is none.
	TLSListen string // tls-listen
	// The files for it, in PEM, and who has to show a certificate that leads to
	// the CA: "no", "optional", "yes"; empty is yes if there is a CA.
	TLSCert, TLSKey, TLSCA string // tls-cert, tls-key, tls-ca
	TLSAuthClients         string // tls-auth-clients
	// With a certificate the NATS listener takes TLS only, and with a CA only
	// clients with a certificate that leads there. A leader is verified by the
	// same CA, else by the system's, and shown the same certificate.
	NATSTLSCert, NATSTLSKey, NATSTLSCA string // nats-tls-cert, nats-tls-key, nats-tls-ca

	// Node names the node in the journal, in logs and in NATS subjects. It is
	// kept in the directory; empty is the name kept there, or the host's on
	// the first start.
	Node string // node

	Sync string // sync; SyncAlways
	// SyncInterval may be set with Sync "interval" only.
	SyncInterval time.Duration // sync-interval; DefaultSyncInterval

	// Password is what AUTH asks clients for; empty is none, on loopback only.
	Password string // password
	// PasswordFile has it instead, with one line end at most behind it.
	PasswordFile string // password-file
	MaxClients   int    // max-clients; DefaultMaxClients
	Databases    int    // databases; DefaultDatabases
	// MaxValue is the longest value, with its key's length taken off.
	MaxValue int64 // max-value; DefaultMaxValue
	// MaxMemory is how much memory the process may take before commands that
	// need more are refused; 0 is no bound. See memory.go.
	MaxMemory int64 // max-memory

	// NotifyKeyspaceEvents are the letters of Redis's option of that name; empty
	// sends no keyspace events.
	NotifyKeyspaceEvents string // notify-keyspace-events

	// A snapshot is taken when the journal has grown by SnapshotBytes or
	// SnapshotEvery has gone by, whichever is set. Neither is
	// DefaultSnapshotBytes.
	SnapshotBytes int64         // snapshot-every
	SnapshotEvery time.Duration // snapshot-every

	// When it is tried to resume without being asked. ResumeMaxAttempts 0 is
	// no cap.
	ResumeAuto        string        // resume-auto; "retryable", "all", "none"
	ResumeInterval    time.Duration // resume-interval; replay.DefaultResumeInterval
	ResumeMaxAttempts int           // resume-max-attempts
	// OnDamage says what a start does about damage that costs something.
	OnDamage string // on-damage; DamageStop
	// Reserve is the room on the disk that is held back for when it is full;
	// 0 is DefaultReserve, negative none.
	Reserve int64 // reserve

	// Follow is the NATS URL of the leader that the node follows; empty is that it
	// leads, unless an operator has said otherwise. The password of the leader's
	// user replica is in FollowPasswordFile, or in auth/leader.
	Follow             string // follow
	FollowPasswordFile string // follow-password-file
	// OnDivergence says what becomes of a replica whose history is not the
	// leader's.
	OnDivergence string // on-divergence; DivergenceStop, DivergenceResync
	// What a replica waits for at most, and after how many failures in a row it
	// counts as failed.
	ConnectTimeout   time.Duration // connect-timeout; remote.DefaultConnectTimeout
	FetchTimeout     time.Duration // fetch-timeout; remote.DefaultFetchTimeout
	SyncChunkTimeout time.Duration // sync-chunk-timeout; remote.DefaultChunkTimeout
	SyncAttempts     int           // sync-attempts; remote.DefaultAttempts

	// AnnounceHost and AnnouncePort are where a replica says that Redis clients
	// reach it; "" and 0 are the address that its leader sees, and the port it
	// listens on.
	AnnounceHost string // announce-host
	AnnouncePort int    // announce-port

	// With MinReplicas a leader takes writes only while so many replicas stream
	// and have been heard of within MinReplicasLag.
	MinReplicas    int           // min-replicas
	MinReplicasLag time.Duration // min-replicas-lag; DefaultMinReplicasLag
	// A replica that has not had all of its leader's for ReadStaleness serves no
	// reads; 0 is no bound.
	ReadStaleness time.Duration // read-staleness
	// RetainForReplicas is how much of the journal is kept for replicas that are
	// behind, beyond what the snapshots need.
	RetainForReplicas int64 // retain-for-replicas; DefaultRetainForReplicas

	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
	// AppendTimeout is how long the disk may take for one append before that is in
	// doubt, and DoubtWait how long clients then wait for its outcome. They are for
	// programs that have a node in them, and tests; 0 are the defaults of packages
	// jet and replay.
	AppendTimeout, DoubtWait time.Duration
	// Clock returns the time; nil is time.Now.
	Clock func() time.Time
}

// OptionError is a fault of one option. Option is its name towards users.
type OptionError struct {
	Option string
	Err    error
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap returns the fault itself.
func (e *OptionError) Unwrap() error { return e.Err }

// Least values of some options.
const (
	minMaxValue  = 64
	minMaxMemory = 32 << 20
	maxDatabases = 1 << 15
	minSnapshot  = 1 << 20
	minReserve   = 1 << 20

	minResumeInterval = 100 * time.Millisecond
	// minTimeout leaves room for the leader's heartbeats, of which there are
	// two in a second.
	minTimeout = time.Second
)

// Validate reports every fault at once, each as an OptionError.
func (c Config) Validate() error {
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &OptionError{option, fmt.Errorf(format, args...)})
	}
	within := func(option string, v, least, most int64) {
		if v != 0 && (v < least || v > most) {
			bad(option, "%d is not between %d and %d", v, least, most)
		}
	}
	c.validateNetwork(bad)
	c.validateTLS(bad)
	if c.Password != "" && c.PasswordFile != "" {
		bad("password-file", "has no meaning beside password")
	}
	if c.Node != "" && !validName(c.Node) {
		bad("node", "%q may have letters, digits, - and _ only, and at most 64 of them", c.Node)
	}
	switch c.Sync {
	case "", SyncAlways, SyncOff:
		if c.SyncInterval != 0 {
			bad("sync-interval", "has no meaning with sync %s", orDefault(c.Sync, SyncAlways))
		}
	case SyncInterval:
		if c.SyncInterval != 0 && (c.SyncInterval < time.Millisecond || c.SyncInterval > time.Hour) {
			bad("sync-interval", "%s is not between 1ms and 1h", c.SyncInterval)
		}
	default:
		bad("sync", "%q is none of always, interval, off", c.Sync)
	}
	within("max-clients", int64(c.MaxClients), 1, 1<<20)
	within("databases", int64(c.Databases), 1, maxDatabases)
	within("max-value", c.MaxValue, minMaxValue, journal.MaxEntry/2)
	within("max-memory", c.MaxMemory, minMaxMemory, 1<<62)
	within("snapshot-every", c.SnapshotBytes, minSnapshot, 1<<62)
	if c.SnapshotEvery != 0 && c.SnapshotEvery < time.Second {
		bad("snapshot-every", "%s is shorter than 1s", c.SnapshotEvery)
	}
	if _, ok := command.ParseEvents(c.NotifyKeyspaceEvents); !ok {
		bad("notify-keyspace-events", "%q has other letters than Ag$lshzxeKEtmdn", c.NotifyKeyspaceEvents)
	}
	c.validateResume(bad)
	c.validateFollow(bad)
	return errors.Join(errs...)
}

func (c Config) validateResume(bad func(option, format string, args ...any)) {
	switch replay.ResumeAuto(c.ResumeAuto) {
	case "", replay.ResumeRetryable, replay.ResumeAll:
	case replay.ResumeNone:
		if c.ResumeInterval != 0 || c.ResumeMaxAttempts != 0 {
			bad("resume-auto", "none leaves resume-interval and resume-max-attempts without a meaning")
		}
	default:
		bad("resume-auto", "%q is none of retryable, all, none", c.ResumeAuto)
	}
	if c.ResumeInterval != 0 && (c.ResumeInterval < minResumeInterval || c.ResumeInterval > 24*time.Hour) {
		bad("resume-interval", "%s is not between %s and 24h", c.ResumeInterval, minResumeInterval)
	}
	if c.ResumeMaxAttempts < 0 {
		bad("resume-max-attempts", "%d is below 0", c.ResumeMaxAttempts)
	}
	if c.OnDamage != "" && c.OnDamage != DamageStop && c.OnDamage != DamageServeGood {
		bad("on-damage", "%q is none of stop, serve-good", c.OnDamage)
	}
	if c.Reserve > 0 && c.Reserve < minReserve {
		bad("reserve", "%d is neither 0 nor at least %d", c.Reserve, minReserve)
	}
}

func (c Config) validateFollow(bad func(option, format string, args ...any)) {
	if c.Follow != "" {
		if _, err := leaderURL(c.Follow); err != nil {
			bad("follow", "%q: %w", shownURL(c.Follow), err)
		}
	}
	if c.OnDivergence != "" && c.OnDivergence != DivergenceStop && c.OnDivergence != DivergenceResync {
		bad("on-divergence", "%q is none of stop, resync", c.OnDivergence)
	}
	for _, o := range []struct {
		name string
		d    time.Duration
	}{{"connect-timeout", c.ConnectTimeout}, {"fetch-timeout", c.FetchTimeout}, {"sync-chunk-timeout", c.SyncChunkTimeout}} {
		if o.d != 0 && (o.d < minTimeout || o.d > time.Hour) {
			bad(o.name, "%s is not between %s and 1h", o.d, minTimeout)
		}
	}
	if c.AnnounceHost != "" {
		if err := remote.CheckHost(c.AnnounceHost); err != nil {
			bad("announce-host", "%w", err)
		}
	}
	if c.AnnouncePort < 0 || c.AnnouncePort > math.MaxUint16 {
		bad("announce-port", "%d is not between 1 and 65535", c.AnnouncePort)
	}
	if c.MinReplicas < 0 {
		bad("min-replicas", "%d is below 0", c.MinReplicas)
	}
	if c.MinReplicasLag != 0 && (c.MinReplicas == 0 || c.MinReplicasLag < minTimeout) {
		bad("min-replicas-lag", "%s has no meaning without min-replicas, or is below %s", c.MinReplicasLag, minTimeout)
	}
	if c.ReadStaleness != 0 && c.ReadStaleness < minTimeout {
		bad("read-staleness", "%s is below %s", c.ReadStaleness, minTimeout)
	}
	if c.RetainForReplicas < 0 {
		bad("retain-for-replicas", "%d is below 0", c.RetainForReplicas)
	}
	if c.SyncAttempts < 0 {
		bad("sync-attempts", "%d is below 1", c.SyncAttempts)
	}
}

var errNoURL = errors.New("it is not a URL like nats://HOST:PORT")

// shownURL returns a URL without the password that it should not have.
func shownURL(s string) string {
	at := strings.LastIndex(s, "@")
	if at < 0 {
		return s
	}
	scheme, _, ok := strings.Cut(s, "://")
	if !ok {
		return command.Redacted + s[at:]
	}
	return scheme + "://" + command.Redacted + s[at:]
}

// validName reports whether name can be a token of a NATS subject.
func validName(name string) bool {
	return name != "" && len(name) <= 64 && name == cleanName(name)
}

// cleanName replaces what a name may not have.
func cleanName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, name)
}

// defaultName is what a node is called when nobody says.
func defaultName() string {
	host, _ := os.Hostname()
	host, _, _ = strings.Cut(host, ".")
	if host = cleanName(host); len(host) > 64 {
		host = host[:64]
	}
	return orDefault(host, "ledge")
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func (c *Config) setDefaults() {
	c.Dir = orDefault(c.Dir, DefaultDir)
	c.Listen = orDefault(c.Listen, DefaultListen)
	c.NATSListen = orDefault(c.NATSListen, DefaultNATSListen)
	c.Sync = orDefault(c.Sync, SyncAlways)
	c.OnDamage = orDefault(c.OnDamage, DamageStop)
	c.OnDivergence = orDefault(c.OnDivergence, DivergenceStop)
	for _, d := range []struct {
		have *time.Duration
		def  time.Duration
	}{{&c.ConnectTimeout, remote.DefaultConnectTimeout}, {&c.FetchTimeout, remote.DefaultFetchTimeout},
		{&c.SyncChunkTimeout, remote.DefaultChunkTimeout}} {
		if *d.have == 0 {
			*d.have = d.def
		}
	}
	if c.MinReplicasLag == 0 {
		c.MinReplicasLag = DefaultMinReplicasLag
	}
	if c.RetainForReplicas == 0 {
		c.RetainForReplicas = DefaultRetainForReplicas
	}
	if c.SyncAttempts == 0 {
		c.SyncAttempts = remote.DefaultAttempts
	}
	if c.Follow != "" {
		c.Follow, _ = leaderURL(c.Follow) // Validate has seen it
	}
	if c.SyncInterval == 0 {
		c.SyncInterval = DefaultSyncInterval
	}
	if c.MaxClients == 0 {
		c.MaxClients = DefaultMaxClients
	}
	if c.Databases == 0 {
		c.Databases = DefaultDatabases
	}
	if c.MaxValue == 0 {
		c.MaxValue = DefaultMaxValue
	}
	if c.SnapshotBytes == 0 && c.SnapshotEvery == 0 {
		c.SnapshotBytes = DefaultSnapshotBytes
	}
	if c.Reserve == 0 {
		c.Reserve = DefaultReserve
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
}

// resumePolicy returns when it is tried to resume without being asked.
func (c *Config) resumePolicy() replay.ResumePolicy {
	return replay.ResumePolicy{Auto: replay.ResumeAuto(c.ResumeAuto),
		Interval: c.ResumeInterval, MaxAttempts: c.ResumeMaxAttempts}
}

// keyspaceEvents returns which keyspace events are sent at first.
func (c *Config) keyspaceEvents() command.EventFlags {
	f, _ := command.ParseEvents(c.NotifyKeyspaceEvents) // Validate has looked at it
	return f
}

// syncMode returns the journal's name for the mode.
func (c *Config) syncMode() jet.SyncMode {
	switch c.Sync {
	case SyncInterval:
		return jet.SyncInterval
	case SyncOff:
		return jet.SyncOff
	}
	return jet.SyncAlways
}
