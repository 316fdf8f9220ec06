package options

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Files with secrets are refused if everybody on the machine can read or change
// them. That their group can is only warned of: a group like ssl-cert is the
// usual way to hand keys to services.
const (
	othersAccess fs.FileMode = 0o006
	groupAccess  fs.FileMode = 0o060
)

// mostRead is how much is read of a file with a secret, a certificate or options. A
// chain of keys is far from it.
const mostRead = 1 << 20

// longestRead is how long a pipe may take to say what is in it. A named one may have
// nobody who writes to it, and a shell's is written to at once.
const longestRead = 5 * time.Second

// openBounded opens a file for reading so that neither that nor reading it waits for
// another process for longer than longestRead.
func openBounded(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	// A file on a disk has no deadline, and needs none.
	if err := f.SetReadDeadline(time.Now().Add(longestRead)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadBounded reads the whole of a file of at most mostRead bytes. A pipe may take
// longestRead to say what is in it.
func ReadBounded(path string) ([]byte, error) {
	f, err := openBounded(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readWhole(f)
}

// readWhole reads a file of at most mostRead bytes that openBounded has opened.
func readWhole(f *os.File) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, mostRead+1))
	if err == nil && len(b) > mostRead {
		err = fmt.Errorf("%s has more than %d bytes", f.Name(), mostRead)
	}
	return b, err
}

// readSecret reads a file with a secret in it.
func readSecret(path string) ([]byte, error) {
	f, err := openBounded(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case st.IsDir():
		return nil, fmt.Errorf("%s is a directory", path)
	case st.Mode().Perm()&othersAccess != 0:
		return nil, fmt.Errorf("%s can be read or changed by every user of this machine (mode %04o); chmod o-rw %s",
			path, st.Mode().Perm(), path)
	}
	return readWhole(f)
}

// mostPassword is the longest password that a client can say: no argument may be
// longer before it has.
const mostPassword = 16 << 10

// readPassword reads a password. One line end after it is not part of it.
func readPassword(path string) (string, error) {
	b, err := readSecret(path)
	if err != nil {
		return "", err
	}
	p := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	switch {
	case p == "":
		return "", fmt.Errorf("%s is empty", path)
	case len(p) > mostPassword:
		return "", fmt.Errorf("%s has %d bytes; the most that a client can say is %d", path, len(p), mostPassword)
	}
	return p, nil
}

// hasPassword reports whether AUTH asks clients for a password.
func (c *Config) hasPassword() bool { return c.Password != "" || c.PasswordFile != "" }

// ReadSecrets reads the password, if it is in a file, and looks at what other
// files with secrets can be read by. TLS keys are looked at when they are loaded.
func (c *Config) ReadSecrets() (err error) {
	if c.PasswordFile != "" {
		if c.Password, err = readPassword(c.PasswordFile); err != nil {
			return &Error{"password-file", err}
		}
	}
	if c.FollowPasswordFile != "" { // read before each attempt: it may come later
		if _, err := readSecret(c.FollowPasswordFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &Error{"follow-password-file", err}
		}
	}
	if c.ClusterSecretFile != "" {
		if _, err := readPassword(c.ClusterSecretFile); err != nil {
			return &Error{"cluster-secret-file", err}
		}
	}
	if _, err := c.HTTPPassword(); err != nil {
		return err
	}
	for _, f := range [][2]string{{"password-file", c.PasswordFile}, {"follow-password-file", c.FollowPasswordFile},
		{"cluster-secret-file", c.ClusterSecretFile}, {"http-password-file", c.HTTPPasswordFile},
		{"tls-key", c.TLSKey}, {"nats-tls-key", c.NATSTLSKey}} {
		if f[1] == "" || isCredential(f[1]) {
			continue
		}
		if st, err := os.Stat(f[1]); err == nil && st.Mode().Perm()&groupAccess != 0 {
			c.Logger.Warn("a file with a secret can be read or changed by its group",
				"option", f[0], "file", f[1], "mode", fmt.Sprintf("%04o", st.Mode().Perm()))
		}
	}
	return nil
}

// onCommandLine reports whether an option stands among a program's arguments.
func onCommandLine(args []string, option string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		name, _, _ := strings.Cut(a, "=")
		return name == "--"+option || name == "-"+option
	})
}

// Warn logs what the file has that was removed, and which secrets others can
// read: those among a program's arguments, and those in a file that is open to
// all. The file may be nil.
func (o Origins) Warn(log *slog.Logger, args []string, f *File) {
	if f == nil {
		f = &File{}
	}
	for _, w := range f.Warnings {
		log.Warn(w)
	}
	for _, r := range Table() {
		path := o.path(r.Name)
		st, err := os.Stat(path)
		switch {
		case !r.Secret:
		case onCommandLine(args, r.Name):
			log.Warn("a secret stands on the command line, where every user of this machine can read it",
				"option", r.Name, "instead", "--"+r.Name+"-file or "+r.Env())
		case path != "" && err == nil && st.Mode().Perm()&othersAccess != 0:
			log.Warn("a secret stands in a file that every user of this machine can read or change",
				"option", r.Name, "file", path, "mode", fmt.Sprintf("%04o", st.Mode().Perm()))
		}
	}
}
