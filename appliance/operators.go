package appliance

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal/fault"
)

// operators is the door for operators: the admin service, on connections
// within the process. Events go out by one of their own, so that nobody who
// answers requests can forge them.
type operators struct {
	requests, events *nats.Conn
	service          *admin.Service
	peers            func() error // ends answering nodes of other shards; nil before that
}

// openAdmin begins to answer operators, and says in the directory where.
func (n *Node) openAdmin(ctx context.Context) (err error) {
	o := &operators{}
	defer n.admins.Store(o) // whole, or to be closed by Close
	if o.requests, err = n.carrier().Connect(admin.ServiceUser); err != nil {
		return fault.As(fault.Operator, "open admin", err)
	}
	if o.events, err = n.carrier().Connect(admin.EventUser); err != nil {
		return fault.As(fault.Operator, "open admin", err)
	}
	o.service, err = admin.Open(ctx, admin.Config{
		Conn: o.requests, Events: o.events, Backend: backendOf(n), Ready: n.loading.ready,
		Node: n.dir.node, Version: Version, Clock: n.cfg.Clock, Logger: n.cfg.Logger,
	})
	if err != nil {
		return err
	}
	if o.peers, err = (peerPart{n.member}).door(o.requests); err != nil {
		return err
	}
	return leaveAddress(n, o)
}

func (o *operators) publish(e admin.Event) { o.service.Publish(e) }

func (o *operators) close() error {
	var err error
	if o.peers != nil {
		err = o.peers()
	}
	if o.service != nil {
		err = errors.Join(err, o.service.Close())
	}
	for _, nc := range []*nats.Conn{o.events, o.requests} {
		if nc != nil {
			nc.Close()
		}
	}
	return err
}

// runFile says where a running node can be reached. One that was killed leaves
// it where it is; its pid tells.
const runFile = "run.json"

// leaveAddress writes the file, now that operators are answered.
func leaveAddress(n *Node, o *operators) error {
	n.address.Lock()
	defer n.address.Unlock()
	n.admins.Store(o) // from here on whoever presents certificates writes it, too
	return writeAddress(n, n.secure.current.Load().run)
}

// present has connections that begin now be made with other certificates. The file says
// both before the listener shows the next one, and that alone afterwards: whoever has
// seen a certificate of the node finds it in the file.
func present(n *Node, next *certificates) error {
	n.address.Lock()
	defer n.address.Unlock()
	written := n.secure.nats != nil && n.admin() != nil // else leaveAddress is still to write it
	if written {
		both := *n.secure.current.Load().run
		both.Next = next.run.Pin
		if err := writeAddress(n, &both); err != nil {
			return err
		}
	}
	n.secure.current.Store(next)
	if written {
		return writeAddress(n, next.run)
	}
	return nil
}

// writeAddress puts the file in its place whole: nobody reads half of it. It is a
// convenience, so a disk that is full only costs a warning.
func writeAddress(n *Node, secure *RunTLS) error {
	says := map[string]any{
		"pid": os.Getpid(), "redis": n.server.Addr().String(), "nats": n.natsURL(), "inode": Inode(n.dir.path),
	}
	if at := n.Status().TLSListen; at != "" {
		says["redis_tls"] = at
	}
	if n.secure.nats != nil {
		says["tls"] = secure
	}
	b, err := json.Marshal(says)
	if err != nil {
		return fault.With(fault.Fatal, err)
	}
	next := n.dir.runPath() + ".tmp"
	err = os.WriteFile(next, append(b, '\n'), 0o600)
	if err == nil {
		err = os.Rename(next, n.dir.runPath())
	}
	if err != nil {
		n.cfg.Logger.Warn("where the node can be reached is not written down", "cause", err)
	}
	return nil
}

// RunTLS is what run.json says of a NATS listener with TLS, so that commands on
// the same machine need no options.
type RunTLS struct {
	// Pin is the SHA-256 of the listener's certificate, in hex.
	Pin string `json:"pin"`
	// Next is that of the one that the listener is about to show in its place.
	Next string `json:"next,omitempty"`
	// Cert and Key are the node's own files, to be shown to it where clients
	// need a certificate.
	Cert string `json:"cert,omitempty"`
	Key  string `json:"key,omitempty"`
}

func runTLS(nats *tls.Config, cfg *Config) *RunTLS {
	sum := sha256.Sum256(nats.Certificates[0].Certificate[0])
	r := &RunTLS{Pin: hex.EncodeToString(sum[:])}
	if cfg.NATSAuth() == options.AuthClientsYes {
		r.Cert, r.Key = absolute(cfg.NATSTLSCert), absolute(cfg.NATSTLSKey)
	}
	return r
}

// absolute returns a path that is good in other directories, too.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func (p paths) runPath() string { return filepath.Join(p.path, runFile) }

// removeAddress takes the file away again.
func (p paths) removeAddress(log *slog.Logger) {
	if err := os.Remove(p.runPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn("the file that says where the node can be reached stays", "cause", err)
	}
}
