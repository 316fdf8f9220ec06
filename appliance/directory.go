package appliance

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
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

// identity is what ledge.json says.
type identity struct {
	Format  int       `json:"format"`
	State   string    `json:"state"`
	Lineage string    `json:"lineage"`
	Node    string    `json:"node"`
	Created time.Time `json:"created"`
	// Databases is the number the node was last opened with, so that tools
	// which read a stopped node need not be told.
	Databases int `json:"databases"`
	// Follow is the leader's URL while an operator has the node follow one.
	Follow string `json:"follow,omitempty"`
	// Promoted is the leader that the node followed when it was made to lead: an
	// option that names it still is of the past.
	Promoted string `json:"promoted,omitempty"`
	// Adopt is what is to be put in place of the journal; see adopt.
	Adopt *adoption `json:"adopt,omitempty"`
}

// directory is a data directory that this process owns.
type directory struct {
	path    string
	lock    *lock
	node    string   // the node's name; fixed
	id      identity // like lineage, for Open and then for who replaces the journal
	lineage journal.Lineage
}

// openDirectory takes the directory of cfg, which is made if it isn't there.
func openDirectory(cfg *Config) (*directory, error) {
	path, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, optionFault("dir", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, optionFault("dir", err)
	}
	lock, err := lockDirectory(path, true)
	if err != nil {
		return nil, err
	}
	d := &directory{path: path, lock: lock}
	if err := d.identify(cfg); err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.node = d.id.Node
	return d, nil
}

// openStopped takes a directory that has a node, to look at it.
func openStopped(path string) (*directory, error) {
	if _, err := os.Stat(filepath.Join(path, identityFile)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s is not a ledge directory: it has no %s", path, identityFile)
		}
		return nil, optionFault("dir", err)
	}
	lock, err := lockDirectory(path, false)
	if err != nil {
		return nil, err
	}
	d := &directory{path: path, lock: lock}
	if err := d.load(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.node = d.id.Node
	return d, nil
}

// optionFault is a fault that a person has to mend, seen at an option.
func optionFault(option string, err error) error {
	return fault.As(fault.Operator, "", &OptionError{option, err})
}

// identify reads who the directory is, or makes it somebody.
func (d *directory) identify(cfg *Config) error {
	err := d.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = d.begin()
	}
	if err != nil {
		return err
	}
	id := d.id
	id.Node = orDefault(cfg.Node, orDefault(id.Node, defaultName()))
	id.Databases = cfg.Databases
	return d.store(id)
}

// load reads ledge.json. fs.ErrNotExist means that there is none.
func (d *directory) load() error {
	path := filepath.Join(d.path, identityFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return fault.As(fault.Operator, "", err)
	}
	var id identity
	if err := json.Unmarshal(b, &id); err != nil {
		return fault.As(fault.Operator, "", fmt.Errorf("%s: %w", path, err))
	}
	if id.Format > directoryFormat {
		return optionFault("dir", fmt.Errorf("%s has format %d; this program knows up to %d: "+
			"use the program that wrote it, or newer", d.path, id.Format, directoryFormat))
	}
	n, err := strconv.ParseUint(id.Lineage, 16, 64)
	if err != nil || id.Format < 1 || id.State != stateCreating && id.State != stateReady {
		return fault.As(fault.Operator, "", fmt.Errorf("%s: not what ledge writes: %q", path,
			bytes.TrimSpace(b)))
	}
	d.id, d.lineage = id, journal.Lineage(n)
	return nil
}

// begin makes a new identity, in a directory that has nothing else in it.
func (d *directory) begin() error {
	files, err := os.ReadDir(d.path)
	if err != nil {
		return fault.As(fault.Operator, "", err)
	}
	for _, f := range files {
		switch f.Name() {
		case lockFile, identityFile + ".tmp", "lost+found":
			continue
		}
		return optionFault("dir", fmt.Errorf("%s has %q and no %s: it is neither ledge's nor empty",
			d.path, f.Name(), identityFile))
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	d.lineage = journal.Lineage(binary.BigEndian.Uint64(b[:]))
	d.id = identity{Format: directoryFormat, State: stateCreating, Lineage: d.lineage.String(),
		Created: time.Now().UTC().Truncate(time.Second)}
	return nil
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

// follow notes which leader the node follows.
func (d *directory) follow(url string) error {
	id := d.id
	id.Follow, id.Promoted = url, ""
	return d.store(id)
}

// lead notes that the node leads, which has followed a leader.
func (d *directory) lead(followed string) error {
	id := d.id
	id.Follow, id.Promoted = "", followed
	return d.store(id)
}

// store writes the identity if it has changed: whole or not at all.
func (d *directory) store(id identity) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fault.As(fault.Fatal, "", err)
	}
	path := filepath.Join(d.path, identityFile)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, append(b, '\n')) {
		d.id = id
		return nil
	}
	if err := writeFile(path, append(b, '\n')); err != nil {
		return fault.As(fault.Operator, "", err)
	}
	d.id = id
	return nil
}

// writeFile replaces a file whole, and returns when that is durable.
func writeFile(path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// passwords returns the NATS users with their passwords. A password that isn't
// there is drawn: all are on the first start, and one that was removed to
// change it is on the next.
func (d *directory) passwords() ([]jet.User, error) {
	var users []jet.User
	for _, name := range []string{jet.AdminUser, jet.ReplicaUser, jet.MonitorUser} {
		p, err := d.password(name)
		if err != nil {
			return nil, fault.As(fault.Operator, "", err)
		}
		users = append(users, jet.User{Name: name, Password: p})
	}
	return users, nil
}

// password reads or draws the password of a user.
func (d *directory) password(user string) (string, error) {
	path := filepath.Join(d.path, authDir, user)
	b, err := os.ReadFile(path)
	if err == nil {
		if p := strings.TrimSpace(string(b)); p != "" {
			return p, nil
		}
		err = fmt.Errorf("%s is empty; remove it, and a password is drawn", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	p := rand.Text()
	return p, writeFile(path, []byte(p+"\n"))
}

func (d *directory) adminPath() string    { return filepath.Join(d.path, authDir, jet.AdminUser) }
func (d *directory) leaderPath() string   { return filepath.Join(d.path, authDir, "leader") }
func (d *directory) inboxPath() string    { return filepath.Join(d.path, inboxDir) }
func (d *directory) journalPath() string  { return filepath.Join(d.path, journalDir) }
func (d *directory) snapshotPath() string { return filepath.Join(d.path, snapshotDir) }

// snapshotBytes returns how long the largest snapshot is.
func (d *directory) snapshotBytes() (most int64) {
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
