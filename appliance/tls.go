package appliance

import "crypto/tls"

// security is what the node's TLS was read into. It is read once, at the start.
type security struct {
	redis, nats *tls.Config // of the listeners; nil is none
	leader      *tls.Config // to follow with; nil is as the leader's URL says
}

// readSecurity reads the files that a Config names.
func readSecurity(c *Config) (s security, err error) {
	if s.redis, err = c.RedisFiles().Server(c.TLSAuth()); err != nil {
		return s, err
	}
	if s.nats, err = c.NATSFiles().Server(c.NATSAuth()); err != nil {
		return s, err
	}
	if c.NATSTLSCA != "" || c.NATSTLSCert != "" {
		s.leader, err = c.NATSFiles().Client()
	}
	return s, err
}
