package admin

import (
	"context"
	"time"
)

// Backend is the node as the service sees it. Each method may be called from
// any goroutine. An error's class (journal/fault) goes into the reply's
// headers; one that is nobody's fault but the request's is Refused.
type Backend interface {
	Status(ctx context.Context) (Status, error)
	Health(ctx context.Context) (Health, error)
	// Resume tries to resume and returns what was tried. When that did not
	// work, the error says why, and the reply is good all the same.
	Resume(ctx context.Context) (Resumed, error)
	Snapshot(ctx context.Context) (Snapshot, error)
	Snapshots(ctx context.Context) ([]Snapshot, error)
	// Compact takes a snapshot, reads it again and truncates the journal up to it.
	Compact(ctx context.Context) (Compacted, error)
	// Verify reads all of the journal and of the snapshots.
	Verify(ctx context.Context) (Verified, error)
	// BackupBegin holds what a backup needs that goes on from since.
	BackupBegin(ctx context.Context, since BackupSince) (Backup, error)
	// BackupRead returns bytes of the snapshot from an offset on, or, if from is
	// not 0, frames from that number on.
	BackupRead(ctx context.Context, id string, offset int64, from uint64) (Raw, error)
	// BackupEnd lets it go. Up to the number taken there is a backup; nil is that there is
	// none.
	BackupEnd(ctx context.Context, id string, taken *uint64) error
	// ConfigGet returns the parameters whose names match a glob pattern.
	ConfigGet(ctx context.Context, pattern string) (map[string]string, error)
	// ConfigOrigins says of the same where their values are from: default, file,
	// environment, flag, set at run time.
	ConfigOrigins(ctx context.Context, pattern string) (map[string]string, error)
	// ConfigReset gives a parameter the value back that the configuration says.
	ConfigReset(ctx context.Context, name string) error
	// ConfigRewrite writes what was set at run time into the configuration files.
	ConfigRewrite(ctx context.Context) (Rewritten, error)
	// ConfigSet changes all of the given parameters, or none.
	ConfigSet(ctx context.Context, values map[string]string) error
	Clients(ctx context.Context) ([]Client, error)
	// Events returns the last events since a time, the oldest first, at most so many.
	Events(ctx context.Context, since time.Time, most int) ([]Event, error)
	// Passwd gives one of the users another password, and draws one if it is "". The one
	// before holds for so long beside it.
	Passwd(ctx context.Context, user, password string, grace time.Duration) (PasswordChanged, error)
	// Slowlog returns at most n entries, the newest first; all if n is 0.
	Slowlog(ctx context.Context, n int) ([]Slow, error)
	// JournalTail returns a piece of the journal. It waits for one that matches no
	// longer than the query says.
	JournalTail(ctx context.Context, q TailQuery) (Tail, error)
	// Follow makes the node follow the leader with that NATS address.
	Follow(ctx context.Context, leader string) (Link, error)
	// Promote makes the node lead.
	Promote(ctx context.Context) (Promoted, error)
	// Switchover has a replica lead, and the node follow it.
	Switchover(ctx context.Context, to string) (Switched, error)
	// Stop makes the node stop, as SIGTERM does. It does not wait.
	Stop(ctx context.Context) error
	ClusterBackend
}

// Status is what a node is and how it is. Sizes are bytes.
type Status struct {
	Node    string    `json:"node"`
	Version string    `json:"version"`
	Role    string    `json:"role"` // "leader" or "replica"
	Started time.Time `json:"started"`
	Uptime  float64   `json:"uptime_seconds"`
	PID     int       `json:"pid"`
	Dir     string    `json:"dir"`
	Redis   string    `json:"redis"` // address
	NATS    string    `json:"nats"`  // URL; empty without a listener
	Health  Health    `json:"health"`
	Journal Journal   `json:"journal"`
	Data    Data      `json:"data"`
	Saves   Saves     `json:"snapshots"`
	// Backup is the last backup that the node was told of; none is that there was none.
	Backup *LastBackup `json:"last_backup,omitempty"`
	// Link is how a replica stands with its leader; none on a leader.
	Link     *Link     `json:"link,omitempty"`
	Replicas []Replica `json:"replicas,omitempty"`
	// Work is what takes long, the oldest first: what operators have asked for, by the
	// verb, and a full sync that the node is given, as WorkFullSync.
	Work []Work `json:"work,omitempty"`
	// Former are passwords that were changed and still let their users in.
	Former []FormerPassword `json:"former_passwords,omitempty"`
}

// LastBackup is the last backup that a node was told of.
type LastBackup struct {
	At     time.Time `json:"at"`
	Number uint64    `json:"number"` // the last that it holds
}

// FormerPassword says of a user whose password was changed that the one before, or
// several, still let the user in.
type FormerPassword struct {
	User    string    `json:"user"`
	Until   time.Time `json:"until"`               // when the last of them ends
	Former  int       `json:"former_connections"`  // made with them
	Current int       `json:"current_connections"` // made with the password that stays
}

// PasswordChanged is a user's password that was changed.
type PasswordChanged struct {
	Node  string     `json:"node"`
	User  string     `json:"user"`
	File  string     `json:"file"`            // of the node, where the password is
	Drawn bool       `json:"drawn"`           // by the node
	Until *time.Time `json:"until,omitempty"` // up to when the one before holds; none is that it doesn't
	// Former is how many connections there are by passwords from before. They are closed
	// when those are refused.
	Former int `json:"former_connections"`
}

// Bounds of how long a password holds beside the one that has taken its place.
const (
	DefaultGrace = time.Hour
	MaxGrace     = 30 * 24 * time.Hour
)

// Link is how a replica stands with its leader.
type Link struct {
	Leader string `json:"leader"` // URL
	Node   string `json:"node,omitempty"`
	// State is connecting, handshake, full-sync, streaming, stalled or failed.
	State string    `json:"state"`
	Step  string    `json:"step,omitempty"` // of a full sync
	Since time.Time `json:"since"`
	// What has failed since something last worked.
	Attempts  int        `json:"attempts,omitempty"`
	Class     string     `json:"class,omitempty"`
	LastError string     `json:"last_error,omitempty"` // the causes of the attempts, joined
	Next      *time.Time `json:"next_attempt,omitempty"`

	Applied uint64     `json:"applied_number"`
	Last    *uint64    `json:"leader_number,omitempty"` // as far as is known
	Lag     *uint64    `json:"lag_numbers,omitempty"`   // likewise
	Heard   *time.Time `json:"heard,omitempty"`
	Level   *time.Time `json:"level,omitempty"` // when it last had all of the leader's
	Syncs   int        `json:"full_syncs"`
}

// Replica is a node that follows this one.
type Replica struct {
	Node    string    `json:"node"`
	ID      string    `json:"id"` // of its run
	Redis   string    `json:"redis"`
	NATS    string    `json:"nats,omitempty"` // URL, as it says; none is that nobody can ask it there
	State   string    `json:"state"`
	Applied uint64    `json:"applied_number"`
	Synced  uint64    `json:"synced_number"`
	Heard   time.Time `json:"heard"`
}

// Switched is what a node has handed over.
type Switched struct {
	Node   string  `json:"node"`   // that leads
	Leader string  `json:"leader"` // URL, which the old leader follows
	Number uint64  `json:"number"` // the last of the old leader's
	Took   float64 `json:"took_ms"`
}

// Promoted is what a node that was promoted has.
type Promoted struct {
	Node   string `json:"node"`
	Number uint64 `json:"number"`
	Epoch  uint64 `json:"epoch"`
	// Already says that it led before; Number is its last number then.
	Already bool `json:"already,omitempty"`
	// Followed is the URL of the leader that the node followed, and Heard when that was
	// heard of last, if the link to it was sound: it may lead still.
	Followed string     `json:"followed,omitempty"`
	Heard    *time.Time `json:"heard,omitempty"`
}

// States of a journal.
const (
	StateOK        = "ok"
	StateSuspended = "suspended"
	StateInDoubt   = "in-doubt" // the disk has not answered; see Health.Number
	StateLoading   = "loading"  // the node has not got all of its data yet; see Health.Loading
)

// Health is whether the journal takes writes, and if not, why and what next.
type Health struct {
	Node  string `json:"node"`
	State string `json:"state"`
	// Number is what may or may not be stored while the journal is in doubt: the
	// disk has not answered. Without one it is another step that hangs. Cause and
	// Since say more.
	Number uint64 `json:"number_in_doubt,omitempty"`
	// The rest up to NextAttempt is of a suspension only.
	Class string     `json:"class,omitempty"` // "retryable", "operator", "fatal"
	Cause string     `json:"cause,omitempty"`
	Since *time.Time `json:"since,omitempty"`
	// Deletes says that the reserve has been given up: what frees room is
	// taken, and nothing else.
	Deletes     bool       `json:"deletes_taken,omitempty"`
	Attempts    int        `json:"attempts,omitempty"`
	Automatic   int        `json:"automatic_attempts,omitempty"` // of Attempts
	LastAttempt *time.Time `json:"last_attempt,omitempty"`
	LastError   string     `json:"last_error,omitempty"`
	// NextAttempt is when the next automatic attempt is due; none if only an
	// operator can resume.
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
	// ReserveMissing says that no room is held back on the disk though it should
	// be. It is tried each ResumeInterval.
	ReserveMissing bool `json:"reserve_missing,omitempty"`
	// Role is that of Status. ReadsRefused and WritesRefused are why clients are refused:
	// a replica takes no writes, and a leader none with too few replicas. LinkFailed is
	// why a replica's link to its leader has failed, and LinkDown why it is down before it
	// counts as failed; LinkSilent is how long ago the leader was heard of then, in seconds.
	// None of them is in events.
	Role string `json:"role,omitempty"`
	// SlotsSeized is slots that the node's own journal has as its shard's, and another shard
	// has seized: they are not served here.
	SlotsSeized string `json:"slots_seized,omitempty"`
	// SlotsGiven is slots that the shard has given to another one, which has not taken them for
	// longer than cluster-node-timeout: nobody serves them.
	SlotsGiven string `json:"slots_given,omitempty"`
	// SlotsWait is what the node waits for before it serves its shard's slots.
	SlotsWait     string  `json:"slots_wait,omitempty"`
	ReadsRefused  string  `json:"reads_refused,omitempty"`
	WritesRefused string  `json:"writes_refused,omitempty"`
	LinkFailed    string  `json:"link_failed,omitempty"`
	LinkDown      string  `json:"link_down,omitempty"`
	LinkSilent    float64 `json:"link_silent_seconds,omitempty"`
	// Loading is how far a node has come that is loading; none otherwise.
	Loading *Loading `json:"loading,omitempty"`
	// The policy.
	ResumeAuto        string  `json:"resume_auto"` // "retryable", "all", "none"
	ResumeInterval    float64 `json:"resume_interval_seconds"`
	ResumeMaxAttempts int     `json:"resume_max_attempts"` // 0 is no cap
}

// Loading is how far a node has come that has not got all of its data yet.
type Loading struct {
	Step    string    `json:"step"` // what it is at, in words
	Began   time.Time `json:"began"`
	Bytes   int64     `json:"bytes"` // read so far
	Total   int64     `json:"total_bytes"`
	Percent float64   `json:"percent"` // of the time that all of it takes, about
	Rows    int64     `json:"rows"`    // keys so far
	Rate    float64   `json:"rows_per_second"`
	Left    *float64  `json:"seconds_left,omitempty"` // about; none while nobody can tell
}

// Journal is what the journal holds.
type Journal struct {
	Lineage  string  `json:"lineage"`
	Epoch    uint64  `json:"epoch"`
	First    uint64  `json:"first_number"`
	Last     uint64  `json:"last_number"`
	Bytes    int64   `json:"bytes"`
	Sync     string  `json:"sync"` // "always", "interval", "off"
	Interval float64 `json:"sync_interval_seconds,omitempty"`
	Digest   string  `json:"digest"` // of the state at Last
	Appends  int64   `json:"appends"`
	Failed   int64   `json:"failed_appends"`
	Reserve  int64   `json:"reserve"` // bytes held back on the disk; 0 while given up
	// Lost says which numbers the last repair that lost any has; empty is none.
	Lost string `json:"lost,omitempty"`
}

// Data is what the state holds.
type Data struct {
	Keys    int   `json:"keys"`
	Clients int   `json:"clients"`
	Memory  int64 `json:"memory"` // taken from the system
	Live    int64 `json:"live"`   // of it, in use
}

// Saves is how snapshots have gone.
type Saves struct {
	Running   bool      `json:"running"`
	Last      time.Time `json:"last"` // that worked; the start if there was none
	Number    uint64    `json:"number"`
	LastError string    `json:"last_error,omitempty"`
}

// Step is one thing that was tried to resume.
type Step struct {
	Name  string  `json:"name"`
	Took  float64 `json:"took_ms"`
	Error string  `json:"error,omitempty"`
}

// Resumed is what an attempt to resume did.
type Resumed struct {
	Node   string `json:"node"`
	State  string `json:"state"` // after it
	Steps  []Step `json:"steps"` // none if there was nothing to resume
	Health Health `json:"health"`
}

// Snapshot describes a snapshot.
type Snapshot struct {
	Number  uint64    `json:"number"`
	Epoch   uint64    `json:"epoch"`
	Digest  string    `json:"digest"`
	Keys    int       `json:"keys"`
	Bytes   int64     `json:"bytes"`
	Created time.Time `json:"created"`
	Path    string    `json:"path"`
}

// Rewritten is what has become of parameters that were set at run time.
type Rewritten struct {
	Files   []string `json:"files"`   // that have them, by path
	Written []string `json:"written"` // options that the files say
	Kept    []string `json:"kept"`    // parameters that no file can have, and that stay set at run time
}

// Compacted is what compacting has brought.
type Compacted struct {
	Snapshot    Snapshot `json:"snapshot"`
	FirstBefore uint64   `json:"first_number_before"`
	First       uint64   `json:"first_number"`
	BytesBefore int64    `json:"bytes_before"`
	Bytes       int64    `json:"bytes"`
	// History is the number up to which LEDGE AT and serve --as-of go back from now on,
	// and HistoryTime of when that is; none is the beginning, with a First of 1.
	History     uint64     `json:"history_number,omitempty"`
	HistoryTime *time.Time `json:"history_time,omitempty"`
	// Kept says why the journal still has numbers that the snapshot covers, or why
	// there was nothing to truncate; empty if neither.
	Kept string `json:"kept,omitempty"`
	// WritesRefused is why the node takes no writes all the same, empty if it does.
	WritesRefused string `json:"writes_refused,omitempty"`
}

// Verified is what was found to be good.
type Verified struct {
	First     uint64  `json:"first_number"`
	Last      uint64  `json:"last_number"`
	Digest    string  `json:"digest"` // of the state, counted again
	Keys      int     `json:"keys"`
	Snapshots int     `json:"snapshots"`
	Took      float64 `json:"took_ms"`
}

// Client is a connected Redis client.
type Client struct {
	ID       int64     `json:"id"`
	Addr     string    `json:"addr"`
	Name     string    `json:"name,omitempty"`
	Lib      string    `json:"lib,omitempty"`
	DB       int       `json:"db"`
	Protocol int       `json:"protocol"`
	Since    time.Time `json:"since"`
	Idle     float64   `json:"idle_seconds"`
	Command  string    `json:"command,omitempty"` // the last one
}

// Slow is an entry of the slow log.
type Slow struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Took   float64   `json:"took_ms"`
	Args   []string  `json:"args"`
	Client string    `json:"client"`
	Name   string    `json:"name,omitempty"`
}

// Kinds of events.
const (
	EventSuspended    = "suspended"
	EventInDoubt      = "in-doubt" // the disk does not answer, until resumed or suspended
	EventResumed      = "resumed"
	EventResumeFailed = "resume-failed"
	EventReserve      = "reserve"      // given up, or held again
	EventSnapshot     = "snapshot"     // taken, or failed
	EventClientLimit  = "client-limit" // a client was turned away
	EventLink         = "link"         // a replica stands otherwise with its leader
	EventRole         = "role"         // the node leads, or follows, from now on
	EventReplica      = "replica"      // a replica of the node came, or was lost
	EventTopology     = "topology"     // a cluster was founded, joined or left here, a node forgotten, slots seized or yielded, or a controller's document taken
	EventMove         = "move"         // a move of hash slots was begun, given, taken or has ended
	EventStarted      = "started"
	EventStopping     = "stopping"
)

// Event is something that happened to a node. It is published on
// ledge.<node>.event.<kind>.
type Event struct {
	Node string    `json:"node"`
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
	// The rest depends on the kind.
	Class    string    `json:"class,omitempty"`
	Cause    string    `json:"cause,omitempty"`
	Attempts int       `json:"attempts,omitempty"`
	Health   *Health   `json:"health,omitempty"`
	Snapshot *Snapshot `json:"snapshot,omitempty"`
	Link     *Link     `json:"link,omitempty"`
	Role     string    `json:"role,omitempty"`   // "leader" or "replica"
	Leader   string    `json:"leader,omitempty"` // URL of whom a replica follows from now on
	Number   uint64    `json:"number,omitempty"` // the last that the node has
	Replica  *Replica  `json:"replica,omitempty"`
	Topology *Topology `json:"topology,omitempty"`
	// Move is a move of hash slots; Cause is why it has ended without moving them.
	Move *MoveChange `json:"move,omitempty"`
}
