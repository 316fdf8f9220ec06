package appliance

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"ledge/admin"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// passwords returns the passwords of the NATS users who have one. A password that isn't
// there is drawn: all are on the first start, and one that was removed to
// change it is on the next.
func (d *directory) passwords() (map[string]string, error) {
	users := make(map[string]string)
	for _, name := range admin.PasswordUsers() {
		p, err := d.password(name)
		if err != nil {
			return nil, fault.With(fault.Operator, err)
		}
		users[name] = p
	}
	return users, nil
}

// password reads or draws the password of a user. One that nobody can have
// chosen is no password: it is drawn anew.
func (d *directory) password(user string) (string, error) {
	path := d.userPath(user)
	p, err := ReadOwnPassword(path)
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, errNoPassword):
		d.note("%s; another one is drawn", err)
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	p = rand.Text()
	return p, durable.Replace(path, []byte(p+"\n"))
}

// errNoPassword says that what is in a file is no password.
var errNoPassword = errors.New("has no password")

// maxPassword is the longest that a password may be.
const maxPassword = 4096

// ReadPassword reads the password in a file: one line of text. Whoever names the file
// may name a pipe, and this waits for what comes out of it.
func ReadPassword(path string) (string, error) { return passwordBy(os.ReadFile, path) }

// ReadOwnPassword is ReadPassword for a file of a data directory. It waits for nobody.
func ReadOwnPassword(path string) (string, error) { return passwordBy(durable.ReadFile, path) }

// passwordBy reads the password in a file.
func passwordBy(read func(path string) ([]byte, error), path string) (string, error) {
	b, err := read(path)
	var other *durable.NotFile
	switch {
	case errors.Is(err, syscall.EISDIR):
		return "", fmt.Errorf("%s %w: it is a directory", path, errNoPassword)
	case errors.As(err, &other):
		return "", fmt.Errorf("%s %w: it is %s", path, errNoPassword, other.Kind)
	case err != nil:
		return "", err
	}
	p := strings.TrimSpace(string(b))
	if err := checkPassword(p); err != nil {
		return "", fmt.Errorf("%s %w: %w", path, errNoPassword, err)
	}
	return p, nil
}

// checkPassword says what is wrong with a password, which is one line of text.
func checkPassword(p string) error {
	switch {
	case p == "":
		return errors.New("it is empty")
	case len(p) > maxPassword:
		return fmt.Errorf("it has %d bytes", len(p))
	case !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl):
		return errors.New("it is not one line of text")
	}
	return nil
}

// maxSaid is how long a password may be as a NATS client says it, in JSON: the broker
// takes a line of 4096 bytes, and there is more in it.
const maxSaid = 3072

// checkNATSPassword says what is wrong with a password for a NATS user.
func checkNATSPassword(p string) error {
	if err := checkPassword(p); err != nil {
		return fmt.Errorf("the password is not good: %w", err)
	}
	if p != strings.TrimSpace(p) {
		return errors.New("the password begins or ends with a space")
	}
	said, err := json.Marshal(p)
	if err == nil && len(said) > maxSaid {
		err = fmt.Errorf("the password has %d bytes as clients say it, in JSON; the most is %d", len(said), maxSaid)
	}
	return err
}
