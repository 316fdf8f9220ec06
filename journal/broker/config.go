package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"
)

// DefaultName is what a server is called that nobody has named.
const DefaultName = "ledge"

// Config says what Start starts.
type Config struct {
	// Dir is the broker's store directory. Whoever calls Start holds its lock: two
	// brokers on one directory destroy it without a word.
	Dir string
	// Name is the server's name; it must not have spaces. Empty is DefaultName.
	Name string

	// SyncAlways has each message synced before it is acknowledged. SyncInterval is
	// when the broker syncs otherwise, closes idle files and compacts truncated
	// blocks. It must be set: left out, the broker would take two minutes.
	SyncAlways   bool
	SyncInterval time.Duration

	// Listen is the host:port for NATS clients. Empty means none: the broker is
	// then reached within the process only.
	Listen string
	// TLS is what clients at Listen must speak; nil is none. Connections within the
	// process never do.
	TLS *tls.Config
	// Users are let into account ADMIN. If Listen is set there must be one who
	// comes from outside.
	Users []User

	Log *slog.Logger // nil is none
}

// Validate reports every fault at once.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Dir == "" {
		bad("no store directory")
	}
	if c.SyncInterval <= 0 {
		bad("broker interval %s", c.SyncInterval)
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			bad("listen address: %w", err)
		}
		if !slices.ContainsFunc(c.Users, func(u User) bool { return !u.Inside }) {
			bad("listen address %s without users", c.Listen)
		}
	}
	if err := checkUsers(c.Users); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
