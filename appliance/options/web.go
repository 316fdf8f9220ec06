package options

import (
	"cmp"
	"errors"
)

// HTTPAddress returns where browsers, probes and Prometheus are answered, "" for
// nowhere, and the option that says so.
func (c *Config) HTTPAddress() (addr, option string) {
	if on(c.HTTPListen) {
		return c.HTTPListen, "http-listen"
	}
	if on(c.MetricsListen) {
		return c.MetricsListen, "metrics-listen"
	}
	return "", "http-listen"
}

// on reports whether an address is one.
func on(addr string) bool { return addr != "" && addr != Off }

// HTTPPassword reads the password that the page asks for, "" for none. It is read
// anew for each login, so that another one counts without a restart.
func (c *Config) HTTPPassword() (string, error) {
	if c.HTTPPasswordFile == "" {
		return "", nil
	}
	p, err := readPassword(c.HTTPPasswordFile)
	if err != nil {
		return "", &Error{"http-password-file", err}
	}
	return p, nil
}

// HTTPLocal reports whether only this machine reaches the page.
func (c *Config) HTTPLocal() bool {
	addr, _ := c.HTTPAddress()
	host, _ := splitAddress(cmp.Or(addr, "127.0.0.1:0"))
	return loopback(host)
}

func clashHTTPListen(c *Config) error {
	if on(c.HTTPListen) && on(c.MetricsListen) {
		return &besideError{"is the same as ", "metrics-listen", ", which is set as well; keep one of them"}
	}
	return nil
}

func clashMetricsListen(c *Config) error {
	if on(c.HTTPListen) && on(c.MetricsListen) {
		return &besideError{"is the same as ", "http-listen", ", which is set as well; keep that one"}
	}
	return nil
}

func clashHTTPPassword(c *Config) error {
	if addr, _ := c.HTTPAddress(); addr == "" && c.HTTPPasswordFile != "" {
		return errors.New("has no meaning without http-listen")
	}
	return nil
}
