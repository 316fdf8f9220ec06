package options

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"

	"ledge/respd/command"
)

// checkAddress says what is wrong with the address of a listener that may be off.
func checkAddress(addr string) error {
	if addr == Off {
		return nil
	}
	return checkTLSAddress(addr)
}

func checkTLSAddress(addr string) error {
	_, err := splitAddress(addr)
	return err
}

// clashListen wants a way in, and one that strangers can't take.
func clashListen(c *Config) error {
	if c.Listen == Off {
		if c.TLSListen == "" {
			return errors.New("off leaves Redis clients no way in without tls-listen")
		}
		return nil
	}
	host, _ := splitAddress(c.listen())
	if !loopback(host) && !c.hasPassword() {
		return fmt.Errorf("%s can be reached from other machines, so there must be a password", c.Listen)
	}
	return nil
}

// CheckPassword says what is wrong with having the password that c has, whatever file
// it is from: a listener that others reach wants one.
func CheckPassword(c Config) error {
	c.PasswordFile = ""
	return errors.Join(clashListen(&c), clashTLSListen(&c))
}

// listen returns the address for Redis clients, whichever option says it.
func (c *Config) listen() string {
	if c.Listen == "" && 0 < c.Port && c.Port <= math.MaxUint16 {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port))
	}
	return cmp.Or(c.Listen, DefaultListen)
}

// clashPort wants one option to say where Redis clients come.
func clashPort(c *Config) error {
	if c.Port == 0 || c.Listen == "" {
		return nil
	}
	return &besideError{"", "listen", " says " + c.Listen + " already"}
}

// besideError is what is wrong with an option because of another, which is named by the
// place where it was set, between the two parts of a sentence.
type besideError struct{ before, other, after string }

func (e *besideError) Error() string { return e.before + e.other + e.after }

// splitAddress returns the host of a host:port and checks both.
func splitAddress(addr string) (host string, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT", addr)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return "", fmt.Errorf("%q has no valid port", addr)
	}
	return host, nil
}

// loopback reports whether only this machine can reach a listener on host. No
// host at all is every interface. Names other than localhost count as others.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// portOf returns the port of an address that has been checked, 0 for no listener.
func portOf(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return cmp.Or(p, "0")
}

func checkLeader(addr string) error {
	if _, err := LeaderURL(addr); err != nil {
		return fmt.Errorf("%q: %w", ShownURL(addr), err)
	}
	return nil
}

var errNoURL = errors.New("it is not a URL like nats://HOST:PORT")

// ShownURL returns a URL without the password that it should not have.
func ShownURL(s string) string {
	at := strings.LastIndex(s, "@")
	if at < 0 {
		return s
	}
	scheme, _, ok := strings.Cut(s, "://")
	if !ok {
		return command.Redacted + s[at:]
	}
	return scheme + "://" + command.Redacted + s[at:]
}

// LeaderURL makes the URL of a leader's NATS listener.
func LeaderURL(addr string) (string, error) {
	if !strings.Contains(addr, "://") {
		addr = "nats://" + addr
	}
	u, err := url.Parse(addr)
	switch {
	case err != nil:
		return "", errNoURL // what the parser says quotes it
	case u.Scheme != "nats" && u.Scheme != "tls":
		return "", fmt.Errorf("scheme %q is neither nats nor tls", u.Scheme)
	case u.Hostname() == "" || u.Port() == "":
		return "", errors.New("want nats://HOST:PORT or tls://HOST:PORT")
	case u.User != nil:
		return "", errors.New("it may not have a password; use follow-password-file")
	}
	return u.Scheme + "://" + u.Host, nil
}
