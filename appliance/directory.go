package appliance

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/appliance/store"
	"ledge/journal"
	"ledge/journal/fault"
)

// What stands in a data directory.
const (
	identityFile = "ledge.json"
	lockFile     = "lock"
	journalDir   = "journal"
	snapshotDir  = "snapshots"
	authDir      = "auth"
	inboxDir     = "sync"
	divergedDir  = "diverged"
	storeFile    = "node.db"
)

// directoryFormat is the newest layout of a data directory that this program
// knows.
const directoryFormat = 1

// States of a directory. While it is being created its journal may not exist
// yet; afterwards a journal that is missing has been lost.
const (
	stateCreating = "creating"
	stateReady    = "ready"
)

// directory is a data directory that this process owns.
type directory struct {
	paths
	lock   *lock
	node   string // the node's name; fixed
	member string // what the node was called in a cluster when it was opened; fixed
	// wasRestored is that a backup was restored into it, and that this was of account when it
	// was opened; fixed.
	wasRestored bool
	id          identity // like lineage, for Open, and then for whatever replaces the journal
	lineage     journal.Lineage
	secret      *clusterSecret // nil for a node that is none of a cluster's
	unknown     error          // why nothing is known of ledge.json, if so
	notes       []string       // what was not as it should be, cost nothing and is made good
}

// paths is where everything stands in a directory.
type paths struct{ path string }

// openDirectory takes the directory of cfg, which is made if it isn't there.
func openDirectory(cfg *Config) (*directory, error) {
	path, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, optionFault("dir", err)
	}
	made := missing(path)
	undo := func() {
		if made {
			_ = os.Remove(path) // one that isn't empty stays
		}
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, optionFault("dir", err)
	}
	lock, err := lockDirectory(path, true)
	if err != nil {
		undo()
		return nil, err
	}
	d := &directory{paths: paths{path}, lock: lock}
	if !hasIdentity(path) && !hasData(path) {
		if err := tryRoom(path); err != nil {
			lock.undo()
			undo()
			return nil, errors.Join(optionFault("dir", err), d.close())
		}
	}
	d.noteMisplaced()
	err = d.clearWay(asideName())
	if err == nil {
		err = d.identify(cfg)
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.node, d.member, d.wasRestored = d.id.Node, d.id.ID, d.id.Restored
	return d, nil
}

// openStopped takes a directory that has a node, to look at it.
func openStopped(path string) (*directory, error) {
	if !hasIdentity(path) {
		return nil, optionFault("dir", notLedges(path))
	}
	lock, err := lockDirectory(path, false)
	if err != nil {
		return nil, err
	}
	d := &directory{paths: paths{path}, lock: lock}
	d.noteMisplaced()
	if err := d.load(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.node, d.member, d.wasRestored = d.id.Node, d.id.ID, d.id.Restored
	return d, nil
}

// hasIdentity reports whether a directory has ledge.json or its copy.
func hasIdentity(path string) bool {
	for _, name := range []string{identityFile, identityCopy} {
		fi, err := os.Stat(filepath.Join(path, name))
		if !errors.Is(err, fs.ErrNotExist) && (err != nil || fi.Mode().IsRegular()) {
			return true
		}
	}
	return false
}

// hasData reports whether there is a journal or a place for snapshots.
func hasData(path string) bool {
	for _, name := range []string{journalDir, snapshotDir} {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			return true
		}
	}
	return false
}

// notLedges says why a directory without ledge.json is none of ours, and what to
// do about one that was.
func notLedges(path string) error {
	if hasData(path) {
		return journal.Damage(fmt.Errorf("%s has a journal and no %s, nor its copy; run: %s --apply",
			path, identityFile, commandFor("journal repair", path)))
	}
	for _, name := range []string{runFile, authDir, damagedDir, divergedDir, storeFile} {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			return fmt.Errorf("%s has no %s, no journal and no snapshots: if it was a node's, all of its data is gone; "+
				"put a copy of the directory back, or start with an empty one", path, identityFile)
		}
	}
	return fmt.Errorf("%s is not a ledge directory: it has no %s", path, identityFile)
}

// optionFault is a fault that a person has to mend, seen at an option.
func optionFault(option string, err error) error {
	return fault.With(fault.Operator, &OptionError{Option: option, Err: err})
}

// identify reads who the directory is, or makes it somebody.
func (d *directory) identify(cfg *Config) error {
	err := d.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = d.begin()
	}
	if cfg.OnDamage == DamageServeGood && errors.Is(err, journal.ErrDamage) {
		d.forget(err)
		d.id.Node, d.id.Databases = orDefault(cfg.Node, options.DefaultName()), cfg.Databases
		return nil // openState finds out the rest and writes it down
	}
	if err != nil {
		return err
	}
	id := d.id
	id.Node = orDefault(cfg.Node, orDefault(id.Node, options.DefaultName()))
	id.Databases = max(id.Databases, cfg.Databases) // commands for a stopped node need all that were used
	if cfg.InCluster() && id.ID == "" {
		id.ID = newNodeID()
	}
	return d.store(id)
}

// newNodeID draws what a node is called in a cluster.
func newNodeID() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// begin makes a new identity, in a directory that has nothing else in it.
func (d *directory) begin() error {
	files, err := os.ReadDir(d.path)
	if err != nil {
		return fault.With(fault.Operator, err)
	}
	foreign, ledges := "", ""
	for _, f := range files {
		switch f.Name() {
		case lockFile, identityFile + ".tmp", identityCopy + ".tmp", roomDir, "lost+found":
			continue
		case authDir: // a leader's password is put there before the first start
			if !d.onlyLeader() {
				ledges = f.Name()
			}
			continue
		case journalDir, snapshotDir:
			return optionFault("dir", notLedges(d.path))
		case inboxDir, divergedDir, damagedDir, runFile, reserveFile, storeFile, storeFile + ".tmp":
			ledges = f.Name()
			continue
		}
		foreign = f.Name()
	}
	if ledges != "" {
		return optionFault("dir", fmt.Errorf("%s has %q of a ledge node, and neither %s nor a journal nor snapshots: "+
			"all of its data is gone; put a copy of the directory back, or, to begin anew, "+
			"move what is left of it away, run: mv %[4]s %[4]s.old", d.path, ledges, identityFile, quoted(d.path)))
	}
	if foreign != "" {
		return optionFault("dir", fmt.Errorf("%s has %q and no %s: it is neither ledge's nor empty",
			d.path, foreign, identityFile))
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	d.lineage = journal.Lineage(binary.BigEndian.Uint64(b[:]))
	d.id = identity{Format: directoryFormat, State: stateCreating, Lineage: d.lineage.String(),
		Created: time.Now().UTC().Truncate(time.Second)}
	return nil
}

// onlyLeader reports whether auth has nothing but a leader's password.
func (d *directory) onlyLeader() bool {
	files, err := os.ReadDir(filepath.Join(d.path, authDir))
	return err == nil && !slices.ContainsFunc(files, func(f fs.DirEntry) bool {
		return f.Name() != filepath.Base(d.leaderPath()) || !f.Type().IsRegular()
	})
}

// fresh reports whether the journal may still have to be made.
func (d *directory) fresh() bool { return d.id.State == stateCreating }

// ready notes that the journal has been made.
func (d *directory) ready() error {
	id := d.id
	id.State, id.Adopt = stateReady, nil
	return d.store(id)
}

// first returns the number that a journal which is to be made begins with.
func (d *directory) first() journal.Seq {
	if d.id.Adopt == nil {
		return 1
	}
	return journal.Seq(d.id.Adopt.First)
}

// leader returns whom the node follows: the option says so, or what an operator
// said before the node stopped. One that was promoted leads unless the option is
// another than it was then.
func (d *directory) leader(option string) string {
	url, promoted := d.id.follows(option)
	if promoted {
		d.note("the node was promoted, so it leads; follow is ignored: %s", url)
		return ""
	}
	return url
}

// follows returns the leader, whom one that was promoted does not follow.
func (id identity) follows(option string) (url string, promoted bool) {
	url = orDefault(option, id.Follow)
	return url, url != "" && url == id.Promoted
}

// writeFollows notes which leader the node follows.
func (d *directory) writeFollows(url string) error {
	id := d.id
	id.Follow, id.Promoted = url, ""
	return d.store(id)
}

// writeLeads notes that the node leads, which has followed a leader, and what its option
// follow was meanwhile: one that says the same at a later start was not meant for that.
func (d *directory) writeLeads(option string) error {
	id := d.id
	id.Follow, id.Promoted = "", option
	return d.store(id)
}

// writeMember notes that the node has another id from now on.
func writeMember(d *directory, member string) error {
	id := d.id
	id.ID = member
	return d.store(id)
}

// writeProven notes that what the journal of a restored node says of slots is so, as far as
// nobody was heard if it is alone.
func writeProven(d *directory, alone bool) error {
	id := d.id
	id.Restored, id.Alone = alone, alone
	return d.store(id)
}

// openStore opens the store of what is no part of the journal. known says that the node has
// started before.
func (d paths) openStore(known bool, log *slog.Logger) *store.Store {
	return store.Open(store.Config{Path: filepath.Join(d.path, storeFile), Known: known,
		Aside: filepath.Join(d.path, asideName(), storeFile), Log: log})
}

func (d paths) adminPath() string           { return filepath.Join(d.path, authDir, admin.AdminUser) }
func (d paths) userPath(user string) string { return filepath.Join(d.path, authDir, user) }
func (d paths) leaderPath() string          { return filepath.Join(d.path, authDir, "leader") }
func (d paths) inboxPath() string           { return filepath.Join(d.path, inboxDir) }
func (d paths) journalPath() string         { return filepath.Join(d.path, journalDir) }
func (d paths) snapshotPath() string        { return filepath.Join(d.path, snapshotDir) }

// snapshotBytes returns how long the largest snapshot is.
func (d paths) snapshotBytes() (most int64) {
	files, _ := os.ReadDir(d.snapshotPath()) // recovery says what is wrong with it
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			most = max(most, info.Size())
		}
	}
	return most
}

// close lets the directory go. It is safe to call twice.
func (d *directory) close() error {
	if d.lock == nil {
		return nil
	}
	err := d.lock.Close()
	d.lock = nil
	return err
}

// IsDirectory reports whether a path is a node's data directory.
func IsDirectory(path string) bool {
	for _, name := range []string{identityFile, identityCopy} {
		if fi, err := os.Stat(filepath.Join(path, name)); err == nil && fi.Mode().IsRegular() {
			return true
		}
	}
	return false
}
