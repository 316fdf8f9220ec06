package cli

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/journal/durable"
)

// defaultServer is where a node listens unless told.
const defaultServer = "nats://" + options.DefaultNATSListen

// access finds out where to go and as whom.
func access(c *cli.Context) (admin.ClientConfig, error) {
	cfg := admin.ClientConfig{Server: c.String("server"), User: c.String("user")}
	dir := c.String("dir")
	var run runFile
	var err error
	if cfg.Server == "" {
		if isNodes(dir) && !runs(dir) {
			return cfg, &ExitError{ExitUnreachable, fmt.Errorf("%w: %s", admin.ErrUnreachable, whereNode(c))}
		}
		if run, err = readRun(dir); err != nil {
			return cfg, err
		}
		cfg.Server = *run.NATS
	}
	if cfg.TLS, err = secured(c, cfg.Server, run); err != nil {
		return cfg, err
	}
	path, read := c.String("password-file"), appliance.ReadPassword
	if path == "" {
		path, read = filepath.Join(dir, "auth", cfg.User), appliance.ReadOwnPassword
	}
	password, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return cfg, fmt.Errorf("there is no password of user %q in %s; "+
			"--dir or --password-file says where it is", cfg.User, path)
	}
	if err != nil {
		return cfg, fmt.Errorf("password of user %q: %w", cfg.User, err)
	}
	cfg.Password = password
	return cfg, nil
}

// runFile is what a node has left in its directory about its NATS listener.
type runFile struct {
	PID int `json:"pid"`
	// Inode is that of the directory that the node is in. A copy has another.
	Inode uint64            `json:"inode"`
	NATS  *string           `json:"nats"`
	TLS   *appliance.RunTLS `json:"tls"`
}

// hasRun reports whether a node has said in its directory where it listens.
func hasRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "run.json"))
	return err == nil
}

// runs reports whether a node may run in a directory that is a node's. One that has said
// there where it listens did, and one that could not, on a full disk, has it locked. Who
// listens where nodes do by default is another, if the directory is a copy or its node
// has ended well.
func runs(dir string) bool {
	run, err := readRun(dir)
	return err != nil || run.PID > 0 && run.Inode != 0 || appliance.Held(dir)
}

// readRun reads that. A file that isn't there, makes no sense or was copied with its
// directory says nothing.
func readRun(dir string) (runFile, error) {
	var run runFile
	server := defaultServer
	b, err := durable.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil || json.Unmarshal(b, &run) != nil || run.NATS == nil || run.Inode != 0 && run.Inode != appliance.Inode(dir) {
		return runFile{NATS: &server}, nil
	}
	if *run.NATS == "" {
		return run, &ExitError{ExitUnreachable,
			fmt.Errorf("the node in %s, pid %d, has no NATS listener, so it answers no operators: kill %d stops it; "+
				"start it without --nats-listen off", dir, run.PID, run.PID)}
	}
	return run, nil
}

// tlsFlags say how the NATS listener of a node is known, and what it is shown.
func tlsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "tls-ca", Usage: "`FILE` with who has signed the node's certificate; asks for TLS",
			DefaultText: "what DIR/run.json says; with --server, the system's"},
		&cli.StringFlag{Name: "tls-cert", Usage: "`FILE` with a certificate to show to the node",
			DefaultText: "what DIR/run.json says"},
		&cli.StringFlag{Name: "tls-key", Usage: "`FILE` with the certificate's key"},
	}
}

// secured returns how to connect with TLS, or nil if neither the options nor the
// URL nor the node itself asks for it.
func secured(c *cli.Context, server string, run runFile) (*tls.Config, error) {
	k := options.KeyFiles{Cert: c.String("tls-cert"), Key: c.String("tls-key"), CA: c.String("tls-ca")}
	if k.Cert == "" && k.Key == "" && k.CA == "" && run.TLS == nil && !strings.HasPrefix(server, "tls://") {
		return nil, nil
	}
	if run.TLS != nil && k.Cert == "" && k.Key == "" {
		k.Cert, k.Key = run.TLS.Cert, run.TLS.Key
	}
	cfg, err := k.Client()
	var bad *options.Error
	if errors.As(err, &bad) {
		return nil, Usage("--%s: %w", bad.Option, bad.Err)
	}
	if run.TLS != nil && k.CA == "" {
		pin(cfg, c.String("dir"), run.TLS)
	}
	return cfg, nil
}

// errOtherCert is what is wrong with a certificate that isn't the one pinned.
var errOtherCert = errors.New("it is not the certificate that the node has said in run.json")

// pin accepts the certificates whose hashes are in run.json, whatever name and address
// they are for: the node has said so itself, in a file that only its owner can write. A
// node that has been given another certificate has said that before it shows it, so the
// file is read once more then.
func pin(cfg *tls.Config, dir string, said *appliance.RunTLS) {
	cfg.InsecureSkipVerify = true // the check below takes its place
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		sum := sha256.Sum256(s.PeerCertificates[0].Raw)
		got := hex.EncodeToString(sum[:])
		if said.Pin == got || said.Next == got {
			return nil
		}
		if run, err := readRun(dir); err == nil && run.TLS != nil && (run.TLS.Pin == got || run.TLS.Next == got) {
			return nil
		}
		return &tls.CertificateVerificationError{
			UnverifiedCertificates: []*x509.Certificate{s.PeerCertificates[0]}, Err: errOtherCert}
	}
}

// adviseTLS says what to do about a handshake that has failed; "" is nothing.
func adviseTLS(err error) string {
	var cert *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.As(err, &cert):
		return "--tls-ca says who has signed the node's certificate"
	case errors.As(err, &op) && op.Op == "remote error":
		return "--tls-cert and --tls-key say which certificate the node is shown"
	}
	return ""
}
