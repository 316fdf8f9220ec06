package appliance

import (
	"fmt"
	"net"
)

func (c Config) validateNetwork(bad func(option, format string, args ...any)) {
	if c.Listen == Off {
		if c.TLSListen == "" {
			bad("listen", "off leaves Redis clients no way in without tls-listen")
		}
	} else if host, err := splitAddress(orDefault(c.Listen, DefaultListen)); err != nil {
		bad("listen", "%w", err)
	} else if !loopback(host) && !c.hasPassword() {
		bad("listen", "%s can be reached from other machines, so there must be a password", c.Listen)
	}
	if c.MetricsListen != "" && c.MetricsListen != Off {
		if _, err := splitAddress(c.MetricsListen); err != nil {
			bad("metrics-listen", "%w", err)
		}
	}
	if c.NATSListen == Off {
		return
	}
	if _, err := splitAddress(orDefault(c.NATSListen, DefaultNATSListen)); err != nil {
		bad("nats-listen", "%w", err)
	}
}

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
