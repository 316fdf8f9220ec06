package options

import (
	"errors"
	"io"
	"log/slog"
	"time"

	"ledge/appliance/process"
)

// What becomes of a replica that has diverged.
const (
	// DivergenceStop leaves it as it is, for an operator to decide.
	DivergenceStop = "stop"
	// DivergenceResync sets aside what it has and takes the leader's.
	DivergenceResync = "resync"
)

// What a start does about damage that costs something.
const (
	// DamageStop refuses to start and says which command goes on.
	DamageStop = "stop"
	// DamageServeGood does what that command does.
	DamageServeGood = "serve-good"
)

// Addresses and a directory that commands go by, too.
const (
	DefaultDir        = "./ledge-data"
	DefaultListen     = "127.0.0.1:6379"
	DefaultNATSListen = "127.0.0.1:4222"
)

// DefaultDatabases is how many numbered databases there are when nobody says.
const DefaultDatabases = 16

// Off in place of an address means no listener.
const Off = "off"

// Values of options that are on or off.
const (
	No  = "no"
	Yes = "yes"

	AuthorityJournal  = "journal"
	AuthorityExternal = "external"
)

// Sync modes, as they are written in options and in INFO.
const (
	SyncAlways   = "always"
	SyncInterval = "interval"
	SyncOff      = "off"
)

// Config says what a node is. Zero fields mean the defaults of the table. The
// name that an option has towards users stands after each field; Error carries
// it. Once a node has started its Config does not change.
type Config struct {
	// Live is what can change while the node runs, as it is at first.
	Live

	Dir    string // dir; DefaultDir
	Listen string // listen; DefaultListen, or Off if there is TLSListen
	// Port is short for a Listen on 127.0.0.1, where that is not set; 0 is not.
	Port       int    // port
	NATSListen string // nats-listen; DefaultNATSListen, or Off
	// HTTPListen is the address for browsers, probes and Prometheus; empty and Off
	// are none. MetricsListen is the same under another name.
	HTTPListen, MetricsListen string // http-listen, metrics-listen
	// HTTPPasswordFile has the password that the page asks for.
	HTTPPasswordFile string // http-password-file

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

	// Password is what AUTH asks clients for; empty is none, on loopback only.
	Password string // password
	// PasswordFile has it instead, with one line end at most after it.
	PasswordFile string // password-file
	MaxClients   int    // max-clients
	Databases    int    // databases
	// Cluster says whether the node is one of a cluster's, which has one database.
	Cluster string // cluster; No, Yes
	// ClusterAuthority says who owns which slots: the journals, or a controller outside.
	ClusterAuthority string // cluster-authority; AuthorityJournal, AuthorityExternal
	// ClusterSecretFile has what the cluster's nodes know each other by; empty is auth/peer,
	// which need not be there.
	ClusterSecretFile string // cluster-secret-file
	// MaxValue is the longest value, with its key's length taken off.
	MaxValue int64 // max-value

	// NotifyKeyspaceEvents are the letters of Redis's option of that name; empty
	// sends no keyspace events.
	NotifyKeyspaceEvents string // notify-keyspace-events

	// OnDamage says what a start does about damage that costs something.
	OnDamage string // on-damage; DamageStop
	// Reserve is the room on the disk that is held back for when it is full;
	// negative is none.
	Reserve int64 // reserve

	// Follow is the NATS URL of the leader that the node follows; empty is that it
	// leads, unless an operator has said otherwise. The password of the leader's
	// user replica is in FollowPasswordFile, or in auth/leader.
	Follow             string // follow
	FollowPasswordFile string // follow-password-file
	// OnDivergence says what becomes of a replica whose history is not the
	// leader's.
	OnDivergence string // on-divergence; DivergenceStop, DivergenceResync

	LogFormat string // log-format; of NewLogger
	// Level is what NewLogger goes by, and what LogLevel is put into. Without one
	// the level of Logger can't be changed.
	Level *slog.LevelVar

	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
	// AppendTimeout is how long the disk may take for one append before that is in
	// doubt, and DoubtWait how long clients then wait for its outcome. They are for
	// programs that have a node in them, and tests; 0 are the defaults of packages
	// jet and replay.
	AppendTimeout, DoubtWait time.Duration
	// Clock returns the time; nil is time.Now.
	Clock func() time.Time

	// Without is what of the process is left as in other Go programs.
	Without process.Without // the variable process.Variable

	// From says where each value is from; those that it lacks count as set by
	// whoever made the Config.
	From Origins
	// ConfigFile is the file that some of the values are from; empty is none.
	ConfigFile string
	// Reread puts the Config together anew out of what it was read from, for SIGHUP.
	Reread func() (Config, error)
	// Warn logs what is to be said about a Config that was read anew.
	Warn func()
}

// Live is what can be changed while a node runs. One that has been handed out
// does not change: CONFIG SET replaces it by another.
type Live struct {
	Sync string // sync; SyncAlways
	// SyncInterval may be set with Sync "interval" only.
	SyncInterval time.Duration // sync-interval

	// When it is tried to resume without being asked. ResumeMaxAttempts 0 is
	// no cap.
	ResumeAuto        string        // resume-auto; "retryable", "all", "none"
	ResumeInterval    time.Duration // resume-interval
	ResumeMaxAttempts int           // resume-max-attempts

	// While slots change hands, writes to them wait for ClusterHold at most at a time. Each
	// move into the shard copies ClusterMoveRate bytes a second at most, 0 is any number,
	// and at most ClusterMoves are under way into it, and as many out of it.
	ClusterHold     time.Duration // cluster-hold
	ClusterMoveRate int64         // cluster-move-rate
	ClusterMoves    int           // cluster-moves
	// ClusterAlone says whether a node that leads serves its slots though it has heard of no
	// other shard since.
	ClusterAlone string // cluster-alone; AloneServe, AloneRefuse
	// ClusterNodeTimeout is after how long without a word a node is shown as failed.
	ClusterNodeTimeout time.Duration // cluster-node-timeout

	// JournalWho has entries of the journal say who wrote them.
	JournalWho string // journal-who; No, Yes

	// What a replica waits for at most, and after how many failures in a row it
	// counts as failed.
	ConnectTimeout   time.Duration // connect-timeout
	FetchTimeout     time.Duration // fetch-timeout
	SyncChunkTimeout time.Duration // sync-chunk-timeout
	SyncAttempts     int           // sync-attempts

	// AnnounceHost and AnnouncePort are where a replica says that Redis clients
	// reach it; "" and 0 are the address that its leader sees, and the port it
	// listens on.
	AnnounceHost string // announce-host
	AnnouncePort int    // announce-port

	// With MinReplicas a leader takes writes only while so many replicas stream
	// and have been heard of within MinReplicasLag.
	MinReplicas    int           // min-replicas
	MinReplicasLag time.Duration // min-replicas-lag
	// A replica that has not had all of its leader's for ReadStaleness serves no
	// reads; 0 is no bound.
	ReadStaleness time.Duration // read-staleness
	// RetainForReplicas is how much of the journal is kept for replicas that are
	// behind, beyond what the snapshots need.
	RetainForReplicas int64 // retain-for-replicas
	// MaxMemory is how much memory the process may take before commands that
	// need more are refused; 0 is no bound.
	MaxMemory int64 // max-memory
	// A snapshot is taken when the journal has grown by SnapshotBytes or
	// SnapshotEvery has gone by, whichever is set.
	SnapshotBytes int64         // snapshot-every
	SnapshotEvery time.Duration // snapshot-every
	LogLevel      slog.Level    // log-level

	// A client that neither sends nor takes anything for IdleTimeout is closed; 0 is
	// no bound.
	IdleTimeout time.Duration // idle-timeout
	// TCPKeepAlive is how long a connection is silent before the kernel asks whether
	// the client is there; negative is never.
	TCPKeepAlive time.Duration // tcp-keepalive
	// Output bounds what waits for one client that does not read.
	Output OutputLimits // client-output-buffer-limit
}

// Error is a fault of one option. Option is its name towards users.
type Error struct {
	Option string
	Err    error
}

func (e *Error) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap returns the fault itself.
func (e *Error) Unwrap() error { return e.Err }

// Validate reports every fault at once, each as an Error. A value is held
// against its own bounds first, and against other options if it is within them.
func (c Config) Validate() error {
	var errs []error
	for _, r := range Table() {
		err := r.check(&c)
		if err == nil && r.clash != nil {
			err = r.clash(&c)
		}
		for _, e := range each(err) {
			errs = append(errs, &Error{r.Name, e})
		}
	}
	return errors.Join(errs...)
}

// Faulty returns the options that Validate has found faults of.
func Faulty(err error) (names []string) {
	for _, e := range each(err) {
		var bad *Error
		if errors.As(e, &bad) {
			names = append(names, bad.Option)
		}
	}
	return names
}

// each returns the errors that were joined, or the one that there is.
func each(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// SetDefaults gives every option that has no value its default. It is for what
// Validate has found good.
func (c *Config) SetDefaults() {
	c.Listen, c.Port = c.listen(), 0
	if c.InCluster() {
		c.Databases = 1
	}
	for _, r := range Table() {
		if r.Default == "" || !r.none(c) {
			continue
		}
		if err := r.parse(c, r.Default); err != nil {
			panic("default of " + r.Name + ": " + err.Error())
		}
	}
	if c.Follow != "" {
		c.Follow, _ = LeaderURL(c.Follow)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
}

// NewLogger returns a log as LogLevel and LogFormat ask for.
func (c Config) NewLogger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.LogLevel}
	if c.Level != nil {
		c.Level.Set(c.LogLevel)
		opts.Level = c.Level
	}
	var to *prefixed
	if Priority(w, slog.LevelInfo) != "" {
		to = &prefixed{w: w}
		w = to
	}
	var h slog.Handler = slog.NewTextHandler(w, opts)
	if c.JSON() {
		opts.ReplaceAttr = inSeconds
		h = slog.NewJSONHandler(w, opts)
	}
	if to != nil {
		h = prioritized{h, to}
	}
	return slog.New(h)
}

// JSON reports whether the log is JSON, and so all that is said on standard error.
func (c Config) JSON() bool { return c.LogFormat == formatJSON }

// inSeconds has a duration be a number of seconds, for programs.
func inSeconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.Float64Value(a.Value.Duration().Seconds())
	}
	return a
}
