package appliance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Files with secrets are refused if everybody on the machine can read or change
// them. That their group can is only warned of: a group like ssl-cert is the
// usual way to hand keys to services.
const (
	othersAccess fs.FileMode = 0o006
	groupAccess  fs.FileMode = 0o060
)

// mostSecret is how much of a file with a secret is read. A chain of keys is far
// from it.
const mostSecret = 1 << 20

// readSecret reads a file with a secret in it.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
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
	b, err := io.ReadAll(io.LimitReader(f, mostSecret+1))
	if err == nil && len(b) > mostSecret {
		err = fmt.Errorf("%s has more than %d bytes", path, mostSecret)
	}
	return b, err
}

// mostPassword is the longest password that a client can say: no argument may be
// longer before it has.
const mostPassword = 16 << 10

// readPassword reads a password. One line end behind it is not part of it.
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

// readSecrets reads the password, if it is in a file, and looks at what other
// files with secrets can be read by. TLS keys are looked at when they are loaded.
func (c *Config) readSecrets() (err error) {
	if c.PasswordFile != "" {
		if c.Password, err = readPassword(c.PasswordFile); err != nil {
			return &OptionError{"password-file", err}
		}
	}
	if c.FollowPasswordFile != "" { // read before each attempt: it may come later
		if _, err := readSecret(c.FollowPasswordFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &OptionError{"follow-password-file", err}
		}
	}
	for _, f := range [][2]string{{"password-file", c.PasswordFile}, {"follow-password-file", c.FollowPasswordFile},
		{"tls-key", c.TLSKey}, {"nats-tls-key", c.NATSTLSKey}} {
		if f[1] == "" {
			continue
		}
		if st, err := os.Stat(f[1]); err == nil && st.Mode().Perm()&groupAccess != 0 {
			c.Logger.Warn("a file with a secret can be read or changed by its group",
				"option", f[0], "file", f[1], "mode", fmt.Sprintf("%04o", st.Mode().Perm()))
		}
	}
	return nil
}
