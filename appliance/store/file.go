package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"ledge/journal/durable"
)

// file is the file, as its goroutine knows it.
type file struct {
	path string
	f    *os.File // nil until it has been written, and after the disk has failed
	long int64
	rest time.Time // until then it is written only if somebody waits for it
}

// load reads the file. What can't be read of it is lost.
func (s *Store) load() {
	good, err := s.read()
	if s.cfg.Known && good == 0 && (err == nil || errors.Is(err, errTorn) || errors.Is(err, fs.ErrNotExist)) {
		s.cfg.Log.Warn("the node's own store is empty or not there: settings made at run time, a password among them, and events are lost if it ever had any; data is not",
			"file", s.cfg.Path)
	}
	switch {
	case err == nil:
		s.file.f, err = durable.OpenFile(s.cfg.Path, os.O_WRONLY|os.O_APPEND, 0)
		s.file.long = good
	case errors.Is(err, errTorn):
		err = s.cut(good)
	case errors.Is(err, fs.ErrNotExist):
		err, s.rewrite = nil, true
	default:
		s.setAside(err)
		return
	}
	if err != nil {
		s.cfg.Log.Warn("the node's own store can't be written: what is set at run time is refused, and events are kept in memory alone",
			"file", s.cfg.Path, "cause", err)
		s.rewrite = true
	}
	s.wake()
}

// read takes the rows of the file.
func (s *Store) read() (good int64, err error) {
	f, err := durable.Open(s.cfg.Path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	good, err = scan(f, s.takeLocked)
	if err == nil || errors.Is(err, ErrFull) {
		return good, err
	}
	const most, mostTorn = 2*MaxBytes + slack + maxPending, 2 * (MaxKey + MaxValue)
	rest, rerr := io.ReadAll(io.NewSectionReader(f, good, most))
	switch {
	case rerr != nil:
		return good, errors.Join(err, rerr)
	case salvage(rest, s.takeLocked) > 0:
		if errors.Is(err, errTorn) {
			err = errors.New("a length reaches beyond the end")
		}
		return good, err
	case len(rest) <= mostTorn && tornInZeros(rest):
		return good, errTorn
	}
	return good, err
}

// takeLocked takes in a command of the file.
func (s *Store) takeLocked(c change) error {
	if c.delete {
		s.removeLocked(c.key)
		return nil
	}
	s.setLocked(c.key, c.sealed)
	if s.bytes > MaxBytes {
		return ErrFull
	}
	return nil
}

// cut takes away what was not written whole, and goes on after the rest.
func (s *Store) cut(good int64) error {
	f, err := durable.OpenFile(s.cfg.Path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	if err := f.Truncate(good); err != nil {
		return errors.Join(err, f.Close())
	}
	s.file.f, s.file.long = f, good
	return nil
}

// setAside moves a file that can't be read away, so that another takes its place.
func (s *Store) setAside(why error) {
	err := os.MkdirAll(filepath.Dir(s.cfg.Aside), 0o700)
	if err == nil {
		err = os.Rename(s.cfg.Path, s.cfg.Aside)
	}
	s.mu.Lock()
	rows := 0
	for _, n := range s.count {
		rows += n
	}
	s.rewrite = true
	s.mu.Unlock()
	s.cfg.Log.Warn("the node's own store can't be read whole and begins anew: some of the settings made at run time, a password among them, and of the events may be lost, data is not",
		"file", s.cfg.Path, "cause", why, "rows_kept", rows, "kept_as", s.cfg.Aside)
	if err != nil {
		s.cfg.Log.Warn("the node's own store could not be set aside", "file", s.cfg.Path, "cause", err)
	}
	s.wake()
}

// run keeps the file until Close.
func (s *Store) run() {
	defer close(s.ended)
	retry := time.NewTimer(retryEvery)
	defer retry.Stop()
	for {
		select {
		case <-s.kick:
		case <-retry.C:
		case <-s.stop:
			s.flush(true)
			if s.file.f != nil {
				if err := s.file.f.Close(); err != nil {
					s.failed(err)
				}
			}
			return
		}
		retry.Reset(retryEvery)
		s.flush(false)
	}
}

// flush writes what is pending, and syncs it if somebody waits for that.
func (s *Store) flush(sync bool) {
	s.mu.Lock()
	if !sync && len(s.waiters) == 0 && time.Now().Before(s.file.rest) {
		s.mu.Unlock()
		return
	}
	pending, waiters := s.pending, s.waiters
	anew := s.rewrite || s.file.long+int64(len(pending)) > 2*s.bytes+slack
	s.pending, s.waiters, s.rewrite = nil, nil, false
	var all []byte
	if anew {
		var b bytes.Buffer
		_ = s.db.Save(&b) // which writes to memory
		all = b.Bytes()
	}
	s.mu.Unlock()
	var err error
	switch {
	case anew:
		err = s.file.replace(all)
	case len(pending) > 0 || sync || len(waiters) > 0:
		err = s.file.append(pending, sync || len(waiters) > 0)
	}
	if err != nil {
		s.failed(err)
	}
	for _, w := range waiters {
		w <- err
	}
}

// failed notes that the file lacks what there is.
func (s *Store) failed(err error) {
	s.file.drop()
	s.file.rest = time.Now().Add(retryEvery / 2)
	s.mu.Lock()
	s.rewrite = true
	s.mu.Unlock()
	s.rare.Add(slog.LevelWarn, "the node's own store could not be written; it is tried again", "file", s.cfg.Path, "cause", err)
}

// append writes to the file's end.
func (f *file) append(b []byte, sync bool) error {
	if f.f == nil {
		return errors.New("it is not open")
	}
	n, err := f.f.Write(b)
	f.long += int64(n)
	if err == nil && sync {
		err = f.f.Sync()
	}
	return err
}

// replace writes all of the file.
func (f *file) replace(all []byte) error {
	f.drop()
	err := durable.Replace(f.path, all)
	if err != nil {
		return err
	}
	if f.f, err = durable.OpenFile(f.path, os.O_WRONLY|os.O_APPEND, 0); err != nil {
		return fmt.Errorf("open it again: %w", err)
	}
	f.long = int64(len(all))
	return nil
}

// drop lets go of the file. What its closing says no longer matters.
func (f *file) drop() {
	if f.f != nil {
		_ = f.f.Close()
		f.f = nil
	}
}
