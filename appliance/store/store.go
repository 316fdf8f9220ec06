// Package store keeps what a node knows for itself alone and what is no part of its
// journal: parameters set at run time, events, samples of how it went. It never
// decides what data is, and losing it costs only that.
//
// Rows are in memory, in one buntdb, each in a table under a key; tables are made by
// putting a row into them. A goroutine of the store's own writes each change to the
// end of a file, in the form in which buntdb keeps its own, so nobody who puts a row
// waits for the disk but those who ask for it (PutSynced). The file is written anew
// from memory when most of it is history, and after the disk has failed.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/buntdb"

	"ledge/journal/fault"
	"ledge/journal/rare"
)

// Bounds of a store.
const (
	// MaxValue is the longest value, and MaxKey the longest key with its table.
	MaxValue = 1 << 20
	MaxKey   = 512
	// MaxBytes is how much all rows may be together.
	MaxBytes = 16 << 20
	// maxPending is how much may wait for the disk. What comes beyond it is written
	// with everything else once the disk goes on.
	maxPending = 4 << 20
	// slack is how much history the file may have beside as much as there are rows.
	slack = 4 << 20
	// retryEvery is how often it is tried again to write the file after the disk has
	// failed, and stopLimit how long Close waits for it.
	retryEvery = 10 * time.Second
	stopLimit  = 5 * time.Second
)

var (
	// ErrFull says that the rows would be too many or too long.
	ErrFull = errors.New("the node's own store has no room for it")
	// ErrClosed says that the store is closed.
	ErrClosed = errors.New("the node's own store is closed")
)

// Config says where a store is.
type Config struct {
	// Path is its file. Whoever opens the store holds the lock of its directory.
	Path string
	// Aside is where a file that can't be read is moved to.
	Aside string
	// Known says that the node has started before, so that it has a file.
	Known bool
	// Log gets what an operator should know; nil is none.
	Log *slog.Logger
}

// Row is a row of a table.
type Row struct {
	Key string
	Val []byte
}

// Store is an open store. Its methods may be called from any goroutine.
type Store struct {
	cfg  Config
	rare *rare.Log
	db   *buntdb.DB // in memory; each value has its checksum before it

	mu      sync.Mutex
	count   map[string]int // mu; rows of each table
	bytes   int64          // mu; of all rows
	pending []byte         // mu; changes that the file lacks
	rewrite bool           // mu; the file lacks more than those
	waiters []chan error   // mu; whoever waits until pending is on the disk
	closed  bool           // mu

	file file // the goroutine's

	kick  chan struct{} // has room for one
	stop  chan struct{} // closed by Close
	ended chan struct{} // closed when the goroutine has ended
}

// Open reads the file and begins to keep it. It never fails: a file that can't be
// read is set aside, and on a disk that takes nothing rows are in memory alone; both
// are logged.
func Open(cfg Config) *Store {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	db, err := buntdb.Open(":memory:")
	if err != nil {
		panic("store: a buntdb in memory: " + err.Error()) // there is nothing that could fail
	}
	s := &Store{cfg: cfg, rare: rare.New(cfg.Log), db: db, count: make(map[string]int), file: file{path: cfg.Path},
		kick: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	s.load()
	go s.run()
	return s
}

// full returns a row's key among those of all tables.
func full(table, key string) string { return table + ":" + key }

// Put makes val the value of a row, which need not be there. It does not wait for the
// disk: after a crash the last rows may be missing.
func (s *Store) Put(table, key string, val []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fault.As(fault.Refused, "put into the node's store", s.putLocked(table, key, val))
}

// PutSynced is Put that returns once the row is on the disk. If it can't be brought
// there before ctx ends the row is as it was before, and the error says why. Nobody
// else may change the row meanwhile.
func (s *Store) PutSynced(ctx context.Context, table, key string, val []byte) error {
	const op = "keep in the node's store"
	before, was := s.Get(table, key)
	done := make(chan error, 1)
	s.mu.Lock()
	err := s.putLocked(table, key, val)
	if err == nil {
		s.waiters = append(s.waiters, done)
	}
	s.mu.Unlock()
	if err != nil {
		return fault.As(fault.Refused, op, err)
	}
	s.wake()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = fmt.Errorf("the disk does not answer: %w", context.Cause(ctx))
	case <-s.ended:
		select {
		case err = <-done: // the last flush has brought it there, or not
		default:
			err = ErrClosed
		}
	}
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if was {
		_ = s.putLocked(table, key, before) // it was there
	} else {
		s.deleteLocked(full(table, key))
	}
	return fault.As(fault.Retryable, op, err)
}

func (s *Store) putLocked(table, key string, val []byte) error {
	k := full(table, key)
	switch {
	case s.closed:
		return ErrClosed
	case table == "" || strings.Contains(table, ":"):
		return fmt.Errorf("table %q: a name without a colon is wanted", table)
	case len(k) > MaxKey || len(val) > MaxValue:
		return fmt.Errorf("a row of %d and %d bytes: %w", len(k), len(val), ErrFull)
	}
	grown := int64(len(k) + len(val))
	if old, ok := s.get(k); ok {
		grown -= int64(len(k) + len(old))
	}
	if grown > 0 && s.bytes+grown > MaxBytes {
		return ErrFull
	}
	sealed := seal(k, val)
	s.setLocked(k, sealed)
	s.changeLocked(appendSet(s.pending, k, sealed))
	return nil
}

// setLocked makes a sealed value that of a row in memory.
func (s *Store) setLocked(k, sealed string) {
	_ = s.db.Update(func(tx *buntdb.Tx) error {
		old, replaced, err := tx.Set(k, sealed, nil)
		if replaced {
			s.bytes -= size(k, old)
		} else {
			s.count[tableOf(k)]++
		}
		s.bytes += size(k, sealed)
		return err // there is none: the transaction is ours and takes changes
	})
}

// changeLocked has the goroutine write what is pending, or all if that is too much.
func (s *Store) changeLocked(pending []byte) {
	if s.pending = pending; len(pending) > maxPending {
		s.pending, s.rewrite = nil, true
	}
	s.wake()
}

func (s *Store) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Delete removes a row, which need not be there. It does not wait for the disk.
func (s *Store) Delete(table, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fault.As(fault.Refused, "delete from the node's store", ErrClosed)
	}
	s.deleteLocked(full(table, key))
	return nil
}

func (s *Store) deleteLocked(k string) {
	if s.removeLocked(k) {
		s.changeLocked(appendDelete(s.pending, k))
	}
}

// removeLocked takes a row out of memory and reports whether it was there.
func (s *Store) removeLocked(k string) bool {
	err := s.db.Update(func(tx *buntdb.Tx) error {
		old, err := tx.Delete(k)
		if err == nil {
			s.count[tableOf(k)]--
			s.bytes -= size(k, old)
		}
		return err
	})
	return err == nil
}

// Trim removes the first rows of a table, so that at most keep are left.
func (s *Store) Trim(table string, keep int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fault.As(fault.Refused, "trim the node's store", ErrClosed)
	}
	var gone []string
	for _, r := range s.rows(table, "", "", max(0, s.count[table]-max(0, keep))) {
		gone = append(gone, full(table, r.Key))
	}
	for _, k := range gone {
		s.deleteLocked(k)
	}
	return nil
}

// Close writes what is pending and waits for that, but not for ever. It may be called
// twice, and on nil.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return nil
	}
	close(s.stop)
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-s.ended:
	case <-limit.C:
		return fault.As(fault.Operator, "close the node's store",
			fmt.Errorf("the disk has not answered within %s", stopLimit))
	}
	s.rare.Close()
	return fault.As(fault.Operator, "close the node's store", s.db.Close())
}
