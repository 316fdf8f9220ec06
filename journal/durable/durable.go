// Package durable writes files so that a power cut leaves them whole: the old
// one or the new one, with its name.
//
// A file that is synced may still lose its name, because the name is part of
// the directory. So whoever creates, renames or removes a file syncs its
// directory afterwards, which File does as well.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// File syncs the file or directory at path. One that is not there is in order:
// the broker removes files at any time. Nothing of a pipe or the like can be synced.
func File(path string) error {
	switch fi, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !fi.Mode().IsRegular() && !fi.IsDir():
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Tree syncs every file under dir, the directories, and dir's own name.
func Tree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // the broker removes temporary files in the background
		case err != nil:
			return err
		case d.IsDir():
			dirs = append(dirs, path)
			return nil
		}
		return File(path)
	})
	if err != nil {
		return err
	}
	slices.Reverse(dirs)
	for _, d := range append(dirs, filepath.Dir(dir)) {
		if err := File(d); err != nil {
			return err
		}
	}
	return nil
}

// Replace writes b as the file at path, whole or not at all, and returns when
// it is on the disk.
func Replace(path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return File(filepath.Dir(path))
}

// Full reports whether err says that there is no room: the disk is full, or a
// quota on it is used up.
func Full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
