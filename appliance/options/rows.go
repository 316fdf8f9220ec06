package options

import (
	"math"
	"slices"
	"strconv"
	"time"

	"ledge/journal"
	"ledge/journal/jet"
	"ledge/replay/remote"
	"ledge/replay/wire"
	"ledge/replay/writer"
)

// Bounds of some options.
const (
	minMaxValue  = 64
	minMaxMemory = 32 << 20
	maxDatabases = 1 << 15
	maxClients   = 1 << 20
	maxReplicas  = 1 << 20
	minSnapshot  = 1 << 20
	minReserve   = 1 << 20
	maxSize      = 1 << 62

	minResumeInterval = 100 * time.Millisecond
	// minTimeout leaves room for the leader's heartbeats, of which there are
	// two in a second.
	minTimeout = time.Second
)

// Table returns all options, in the order in which people are shown them.
func Table() []Row {
	return slices.Concat(placeRows(), boundRows(), clusterRows(), careRows(), replicaRows())
}

// placeRows say where the data is, and who reaches the node in which way.
func placeRows() []Row {
	return []Row{
		{Name: "dir", Hint: "DIR", Doc: "where the data is", Default: DefaultDir,
			More: "one process at a time", Params: fixed("dir"),
			value: text(func(c *Config) *string { return &c.Dir }, nil)},
		{Name: "listen", Hint: "ADDR", Doc: "address for Redis clients, or off if there is tls-listen",
			Default: DefaultListen, Params: shown("port", func(c *Config) string { return portOf(c.Listen) }),
			value: text(func(c *Config) *string { return &c.Listen }, checkAddress), clash: clashListen},
		{Name: "port", Hint: "PORT", Doc: "port for Redis clients on 127.0.0.1: short for listen", Otherwise: "the one of listen",
			value: count(func(c *Config) *int { return &c.Port }, 1, math.MaxUint16), clash: clashPort},
		{Name: "tls-listen", Hint: "ADDR", Doc: "address for Redis clients with TLS", Otherwise: "none",
			More:   "see [TLS](../../packaging/docs/tls.md)",
			Params: shown("tls-port", func(c *Config) string { return portOf(c.TLSListen) }),
			value:  text(func(c *Config) *string { return &c.TLSListen }, checkTLSAddress), clash: clashTLSListen},
		{Name: "tls-cert", Hint: "FILE", Doc: "certificate for tls-listen, PEM, with those that lead to its CA", Otherwise: "none",
			value: text(func(c *Config) *string { return &c.TLSCert }, nil), clash: clashTLSFile("tls-cert")},
		{Name: "tls-key", Hint: "FILE", Doc: "the certificate's key, PEM", Otherwise: "systemd's credential tls-key, else none",
			value: text(func(c *Config) *string { return &c.TLSKey }, nil), clash: clashTLSFile("tls-key")},
		{Name: "tls-ca", Hint: "FILE", Doc: "who may sign clients' certificates, PEM", Otherwise: "none",
			value: text(func(c *Config) *string { return &c.TLSCA }, nil), clash: clashTLSFile("tls-ca")},
		{Name: "tls-auth-clients", Hint: "WHO", Doc: "who has to show a certificate: no, optional, yes",
			Otherwise: "yes with tls-ca, else no", Params: shown("tls-auth-clients", (*Config).TLSAuth),
			value: choice(func(c *Config) *string { return &c.TLSAuthClients },
				AuthClientsNo, AuthClientsOptional, AuthClientsYes), clash: clashTLSAuth},
		{Name: "nats-listen", Hint: "ADDR", Doc: "address for NATS clients, or off", Default: DefaultNATSListen,
			More:  "never without credentials",
			value: text(func(c *Config) *string { return &c.NATSListen }, checkAddress)},
		{Name: "nats-tls-cert", Hint: "FILE",
			Doc: "certificate for nats-listen, which takes TLS only then; shown to a leader, too", Otherwise: "none",
			value: text(func(c *Config) *string { return &c.NATSTLSCert }, nil), clash: clashNATSFile("nats-tls-cert")},
		{Name: "nats-tls-key", Hint: "FILE", Doc: "the certificate's key, PEM", Otherwise: "systemd's credential nats-tls-key, else none",
			value: text(func(c *Config) *string { return &c.NATSTLSKey }, nil), clash: clashNATSFile("nats-tls-key")},
		{Name: "nats-tls-ca", Hint: "FILE", Doc: "who must have signed NATS clients' certificates, and the leader's",
			Otherwise: "none; a leader's, the system's",
			value:     text(func(c *Config) *string { return &c.NATSTLSCA }, nil)},
		{Name: "http-listen", Hint: "ADDR", Doc: "address for browsers, probes and Prometheus: the page, /readyz, /metrics; or off", Default: Off,
			More:  "see [the page](../../packaging/docs/page.md) and [METRICS.md](../report/METRICS.md)",
			value: text(func(c *Config) *string { return &c.HTTPListen }, checkAddress), clash: clashHTTPListen},
		{Name: "http-password-file", Hint: "FILE",
			Doc: "where the password for the page is, which may be sent as a bearer token, too", Otherwise: "systemd's credential http-password, else none",
			More:  "without one the page is for this machine only; see [the page](../../packaging/docs/page.md#who-sees-it)",
			value: text(func(c *Config) *string { return &c.HTTPPasswordFile }, nil), clash: clashHTTPPassword},
		{Name: "metrics-listen", Hint: "ADDR", Doc: "what http-listen was called once: the same", Default: Off,
			value: text(func(c *Config) *string { return &c.MetricsListen }, checkAddress), clash: clashMetricsListen},
		{Name: "node", Hint: "NAME", Doc: "the node's name", Otherwise: "kept in the directory; at first the host's",
			Params: fixed("ledge-node"), value: text(func(c *Config) *string { return &c.Node }, checkName)},
	}
}

// boundRows say when a write is on disk, who may come, and how much there may be.
func boundRows() []Row {
	return []Row{
		{Name: "sync", Hint: "MODE", Doc: "when a write is on disk: always (before it is answered), interval, off",
			Default: SyncAlways, More: "Redis's `appendfsync`: always, everysec, no",
			Params: append(live("ledge-sync"), Param{Name: "appendfsync", Live: true, show: appendFsync, read: ofAppendFsync}),
			value:  choice(func(c *Config) *string { return &c.Sync }, SyncAlways, SyncInterval, SyncOff)},
		{Name: "sync-interval", Hint: "DURATION", Doc: "with --sync interval, how often",
			Default: jet.DefaultSyncEvery.String(), Params: live("ledge-sync-interval"),
			value: span(func(c *Config) *time.Duration { return &c.SyncInterval }, time.Millisecond, time.Hour),
			clash: clashSyncInterval},
		{Name: "password", Hint: "TEXT", Doc: "what clients must say to AUTH", Otherwise: "none", Secret: true,
			More:   "on the command line every user of the machine can read it",
			Params: []Param{{Name: "requirepass", Live: true, Server: true}},
			value:  text(func(c *Config) *string { return &c.Password }, checkPassword)},
		{Name: "password-file", Hint: "FILE",
			Doc: "where the password is, instead; a line end after it is not part of it", Otherwise: "systemd's credential password, else none",
			More:  "see [Secrets](#secrets)",
			value: text(func(c *Config) *string { return &c.PasswordFile }, nil), clash: clashPasswordFile},
		{Name: "max-clients", Hint: "N", Doc: "connections at a time", Default: "10000",
			Params: []Param{{Name: "maxclients", Live: true, Server: true}},
			value:  count(func(c *Config) *int { return &c.MaxClients }, 1, maxClients)},
		{Name: "idle-timeout", Hint: "DURATION",
			Doc:       "how long a client may be idle before it is closed; 0 is for ever",
			Otherwise: "for ever", More: "one that waits in a blocking command or for messages is not idle; Redis's `timeout`",
			Params: inSecondsParam("timeout", idleTimeout), value: wholeSeconds(idleTimeout, maxIdle, 0)},
		{Name: "tcp-keepalive", Hint: "DURATION",
			Doc:     "how long a client is silent before the kernel asks whether it is there; 0 is never",
			Default: "5m", More: "for clients that come after it was changed",
			Params: inSecondsParam("tcp-keepalive", tcpKeepAlive), value: wholeSeconds(tcpKeepAlive, maxKeepAlive, -1)},
		{Name: "client-output-buffer-limit", Hint: "LIMITS",
			Doc:     "how much may wait for a client that does not read: CLASS HARD SOFT SECONDS, for normal and pubsub",
			Default: defaultOutputText,
			More:    "a class that is not named stays as it is; HARD 0 is what all clients together may have, SOFT 0 is none",
			Params:  []Param{{Name: "client-output-buffer-limit", Live: true, Partial: true}}, value: outputLimits()},
		{Name: "databases", Hint: "N", Doc: "numbered databases", Default: strconv.Itoa(DefaultDatabases),
			Params: []Param{{Name: "databases", Server: true}},
			value:  count(func(c *Config) *int { return &c.Databases }, 1, maxDatabases)},
		{Name: "max-value", Hint: "SIZE", Doc: "the longest value", Default: sizeText(writer.DefaultMaxValue),
			Params: fixed("ledge-max-value"),
			value:  size(func(c *Config) *int64 { return &c.MaxValue }, minMaxValue, journal.MaxEntry/2)},
		{Name: "max-memory", Hint: "SIZE", Doc: "memory that the process may take", Otherwise: "no bound",
			More:   "above it, or with 80 % of it in live data, commands that need memory get Redis's OOM error",
			Params: live("maxmemory"),
			value:  size(func(c *Config) *int64 { return &c.MaxMemory }, minMaxMemory, maxSize).zeroIsNone(func(c *Config) *int64 { return &c.MaxMemory })},
		{Name: "notify-keyspace-events", Hint: "LETTERS", Doc: "which keyspace events are sent, and as what",
			Otherwise: "none", More: "in Redis's letters",
			Params: []Param{{Name: "notify-keyspace-events", Live: true, Server: true}},
			value:  text(func(c *Config) *string { return &c.NotifyKeyspaceEvents }, checkEvents)},
	}
}

// careRows say what the node does for the journal's sake by itself.
func careRows() []Row {
	return []Row{
		{Name: "snapshot-every", Hint: "SIZE|DURATION",
			Doc:     "take a snapshot when the journal has grown by this much, or this often",
			Default: "256MiB", Params: live("ledge-snapshot-every"), value: snapshotEvery()},
		{Name: "resume-auto", Hint: "CLASS", Doc: "which suspensions are tried without being asked: retryable, all, none",
			Default: string(writer.ResumeRetryable), Params: live("ledge-resume-auto"),
			value: choice(func(c *Config) *string { return &c.ResumeAuto },
				string(writer.ResumeRetryable), string(writer.ResumeAll), string(writer.ResumeNone)), clash: clashResume},
		{Name: "resume-interval", Hint: "DURATION", Doc: "how long after one attempt to resume the next is made",
			Default: writer.DefaultResumeInterval.String(), Params: live("ledge-resume-interval"),
			value: span(func(c *Config) *time.Duration { return &c.ResumeInterval }, minResumeInterval, 24*time.Hour)},
		{Name: "resume-max-attempts", Hint: "N", Doc: "attempts that are made without being asked; 0 is no cap",
			Default: "0", Params: live("ledge-resume-max-attempts"),
			value: count(func(c *Config) *int { return &c.ResumeMaxAttempts }, 0, math.MaxInt32)},
		{Name: "on-damage", Hint: "WHAT",
			Doc:     "what a start does when something acknowledged can't be read: stop, or serve-good, which loses it",
			Default: DamageStop, More: "`serve-good` does what `ledge journal repair --apply` does, see [Damage](../../packaging/docs/directory.md#damage)",
			value: choice(func(c *Config) *string { return &c.OnDamage }, DamageStop, DamageServeGood)},
		{Name: "journal-who", Hint: "WHETHER", Doc: "entries of the journal say who wrote them: user, CLIENT SETNAME, address; yes or no",
			Default: No, Params: live("ledge-journal-who"),
			More:  "some 26 bytes an entry, more with a name; older programs can't read such entries, see [FORMAT.md](../../journal/FORMAT.md#effects)",
			value: choice(func(c *Config) *string { return &c.JournalWho }, No, Yes)},
		{Name: "reserve", Hint: "SIZE", Doc: "room on the disk that is held back for when it is full; 0 for none",
			Default: "16MiB", value: reserve()},
	}
}

// replicaRows are about replication, and last about the log.
func replicaRows() []Row {
	return []Row{
		{Name: "follow", Hint: "URL",
			Doc:       "NATS address of the leader to follow, nats://HOST:PORT, or tls:// to insist on TLS",
			Otherwise: "none; or as an operator has said",
			value:     text(func(c *Config) *string { return &c.Follow }, checkLeader)},
		{Name: "follow-password-file", Hint: "FILE", Doc: "where the password of the leader's user replica is",
			Otherwise: "systemd's credential follow-password, else DIR/auth/leader", value: text(func(c *Config) *string { return &c.FollowPasswordFile }, nil)},
		{Name: "on-divergence", Hint: "WHAT",
			Doc:     "what a replica whose history is not the leader's does: stop, or resync and set its own aside",
			Default: DivergenceStop,
			value:   choice(func(c *Config) *string { return &c.OnDivergence }, DivergenceStop, DivergenceResync)},
		{Name: "connect-timeout", Hint: "DURATION", Doc: "how long a replica waits for a connection",
			Default: remote.DefaultConnectTimeout.String(), Params: live("ledge-connect-timeout"),
			value: span(func(c *Config) *time.Duration { return &c.ConnectTimeout }, minTimeout, time.Hour)},
		{Name: "fetch-timeout", Hint: "DURATION", Doc: "how long a replica waits for a word of its leader",
			Default: remote.DefaultFetchTimeout.String(), Params: live("ledge-fetch-timeout"),
			value: span(func(c *Config) *time.Duration { return &c.FetchTimeout }, minTimeout, time.Hour)},
		{Name: "sync-chunk-timeout", Hint: "DURATION", Doc: "how long a replica waits for a chunk of a full sync",
			Default: remote.DefaultChunkTimeout.String(), Params: live("ledge-sync-chunk-timeout"),
			value: span(func(c *Config) *time.Duration { return &c.SyncChunkTimeout }, minTimeout, time.Hour)},
		{Name: "sync-attempts", Hint: "N", Doc: "failures in a row after which a replica counts as failed",
			Default: strconv.Itoa(remote.DefaultAttempts), Params: live("ledge-sync-attempts"),
			value: count(func(c *Config) *int { return &c.SyncAttempts }, 1, math.MaxInt32)},
		{Name: "announce-host", Hint: "HOST", Doc: "where a replica says that Redis clients reach it: an IP address or a name",
			Otherwise: "the address that its leader sees", Params: live("replica-announce-ip"),
			More:  "for `INFO replication` and `ROLE` of its leader",
			value: text(func(c *Config) *string { return &c.AnnounceHost }, wire.CheckHost)},
		{Name: "announce-port", Hint: "PORT", Doc: "the port that goes with it; 0 is the one of listen", Otherwise: "the one of listen",
			Params: live("replica-announce-port"),
			value:  count(func(c *Config) *int { return &c.AnnouncePort }, 0, math.MaxUint16)},
		{Name: "min-replicas", Hint: "N", Doc: "replicas that must stream for a write to be taken", Default: "0",
			More: "else `-NOREPLICAS`", Params: live("min-replicas-to-write"),
			value: count(func(c *Config) *int { return &c.MinReplicas }, 0, maxReplicas)},
		{Name: "min-replicas-lag", Hint: "DURATION", Doc: "how long ago such a replica was heard of at most",
			Default: "10s", Params: []Param{{Name: "min-replicas-max-lag", Live: true, show: lagSeconds, read: ofSeconds}},
			value: span(func(c *Config) *time.Duration { return &c.MinReplicasLag }, minTimeout, 0), clash: clashLag},
		{Name: "read-staleness", Hint: "DURATION",
			Doc:       "how long ago a replica that serves reads had all of its leader's at most; 0 is no bound",
			Otherwise: "no bound", More: "one that is further behind answers reads with `-STALE`",
			Params: live("ledge-read-staleness"),
			value: span(func(c *Config) *time.Duration { return &c.ReadStaleness }, minTimeout, 0).
				orZero(func(c *Config) *time.Duration { return &c.ReadStaleness })},
		{Name: "retain-for-replicas", Hint: "SIZE", Doc: "how much of the journal is kept for replicas that are behind",
			Default: "1GiB", More: "one that is further behind needs a full sync", Params: live("ledge-retain-for-replicas"),
			value: size(func(c *Config) *int64 { return &c.RetainForReplicas }, 1, maxSize)},
		{Name: "log-level", Hint: "LEVEL", Doc: "debug, info, warn or error", Default: "info",
			More: "to standard error", Params: live("ledge-log-level"), value: logLevel()},
		{Name: "log-format", Hint: "FORMAT", Doc: "text or json", Default: formatText, value: logFormat()},
	}
}

// fixed is a parameter that shows an option as it was at the start.
func fixed(name string) []Param { return []Param{{Name: name}} }

// shown is one that writes it in another way.
func shown(name string, show func(*Config) string) []Param { return []Param{{Name: name, show: show}} }

// live is one that can be set, by the option's own rule.
func live(name string) []Param { return []Param{{Name: name, Live: true}} }

// Redis counts this lag in whole seconds.
func lagSeconds(c *Config) string { return strconv.Itoa(int(c.MinReplicasLag / time.Second)) }
