package replication

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// sameHost reports whether two URLs lead to one address, with TLS or without.
func sameHost(a, b string) bool {
	_, a, _ = strings.Cut(a, "://")
	_, b, _ = strings.Cut(b, "://")
	return a == b
}

// reach returns where this node can be followed, as the leader sees it, which
// was reached from local.
func reach(b Broker, local net.Addr) (at, password string, err error) {
	if at, err = seenAt(b, local); err != nil {
		return "", "", err
	}
	password, err = b.Password()
	return at, password, err
}

// seenAt is reach without the password.
func seenAt(b Broker, local net.Addr) (at string, err error) {
	own := b.URL()
	if own == "" {
		return "", errors.New("the node has no NATS listener, so it can't be followed")
	}
	u, err := url.Parse(own)
	if err != nil {
		return "", err
	}
	ip, from := net.ParseIP(u.Hostname()), net.IP(nil)
	if tcp, ok := local.(*net.TCPAddr); ok {
		from = tcp.IP
	}
	switch {
	case ip != nil && ip.IsUnspecified() && from != nil:
		u.Host = net.JoinHostPort(from.String(), u.Port())
	case ip != nil && ip.IsLoopback() && from != nil && !from.IsLoopback():
		return "", fmt.Errorf("the node's NATS listener is on %s, which its leader can't reach", ip)
	}
	return u.String(), nil
}
