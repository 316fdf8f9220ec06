package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"filippo.io/age"
	"github.com/urfave/cli/v2"

	"ledge/appliance"
	"ledge/replay/backup"
)

// sealFlags say for whom a backup is encrypted, in age's format.
func sealFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringSliceFlag{Name: "encrypt-to", Usage: "encrypt to `RECIPIENT`, an age public key; may stand several times"},
		&cli.StringFlag{Name: "recipients-file", Usage: "encrypt to those in `FILE`, one on each line"},
	}, openFlags()...)
}

// OpenFlags say how what is encrypted can be read.
func OpenFlags() []cli.Flag { return openFlags() }

// BackupParts returns the parts of the backup at a path, decrypted as the flags of
// OpenFlags say.
func BackupParts(c *cli.Context, path string) ([]backup.Part, error) {
	open, _, err := opening(c)
	if err != nil {
		return nil, err
	}
	return findParts(c, path, open)
}

// openFlags say how what is encrypted can be read.
func openFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "identity", Usage: "`FILE` with the age private key of an encrypted backup"},
		&cli.StringFlag{Name: "passphrase-file", Usage: "`FILE` with the passphrase of an encrypted backup"},
	}
}

// sealing returns what encrypts a backup; nil is nothing.
func sealing(c *cli.Context) (func(io.Writer) (io.WriteCloser, error), error) {
	var to []age.Recipient
	for _, s := range c.StringSlice("encrypt-to") {
		r, err := age.ParseX25519Recipient(s)
		if err != nil {
			return nil, Usage("--encrypt-to %.100q: %w", s, err)
		}
		to = append(to, r)
	}
	if path := c.String("recipients-file"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			return nil, Usage("--recipients-file: %w", err)
		}
		defer f.Close()
		rs, err := age.ParseRecipients(f)
		if err != nil {
			return nil, Usage("--recipients-file %s: %w", path, err)
		}
		to = append(to, rs...)
	}
	if path := c.String("passphrase-file"); path != "" {
		if len(to) > 0 {
			return nil, Usage("--passphrase-file: a backup is encrypted either to recipients or with a passphrase")
		}
		phrase, err := appliance.ReadPassword(path)
		if err != nil {
			return nil, Usage("--passphrase-file: %w", err)
		}
		r, err := age.NewScryptRecipient(phrase)
		if err != nil {
			return nil, Usage("--passphrase-file: %w", err)
		}
		to = append(to, r)
	}
	if len(to) == 0 {
		return nil, nil
	}
	return func(w io.Writer) (io.WriteCloser, error) { return age.Encrypt(w, to...) }, nil
}

// opener decrypts a part of a backup.
type opener = func(io.Reader) (io.Reader, error)

// errSealed says what is missing.
var errSealed = errors.New("the backup is encrypted; --identity or --passphrase-file says with what")

// opening returns what decrypts a backup, and whether it was told how to.
func opening(c *cli.Context) (open opener, able bool, err error) {
	var ids []age.Identity
	if path := c.String("identity"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			return nil, false, Usage("--identity: %w", err)
		}
		defer f.Close()
		if ids, err = age.ParseIdentities(f); err != nil {
			return nil, false, Usage("--identity %s: %w", path, err)
		}
	}
	if path := c.String("passphrase-file"); path != "" {
		phrase, err := appliance.ReadPassword(path)
		if err != nil {
			return nil, false, Usage("--passphrase-file: %w", err)
		}
		id, err := age.NewScryptIdentity(phrase)
		if err != nil {
			return nil, false, Usage("--passphrase-file: %w", err)
		}
		ids = append(ids, id)
	}
	return func(r io.Reader) (io.Reader, error) {
		if len(ids) == 0 {
			return nil, errSealed
		}
		plain, err := age.Decrypt(r, ids...)
		if err != nil {
			return nil, fmt.Errorf("decrypt: %w", err)
		}
		return plain, nil
	}, len(ids) > 0, nil
}

// beside refuses a part as it is where others are encrypted: whoever has had them
// encrypted does not want the data to be readable beside them.
func (t *taker) beside(files []backup.File) error {
	if t.seal == nil && slices.ContainsFunc(files, func(f backup.File) bool { return f.Sealed }) {
		return errors.New("the parts there are encrypted, and this one would not be: " +
			"give --encrypt-to, --recipients-file or --passphrase-file, or another directory")
	}
	return nil
}

// opens refuses to add to a part that was encrypted for somebody else, if it is said what
// opens it: with one key alone the backup could never be restored.
func (t *taker) opens(last backup.File) error {
	open, able, err := opening(t.o.c)
	if err != nil || !able || !last.Sealed {
		return err
	}
	if _, err := backup.HeaderOf(backup.FilePart(last.Path, true, open)); err != nil {
		return fmt.Errorf("what is to be added to can't be opened: %s: %w", last.Path, err)
	}
	return nil
}
