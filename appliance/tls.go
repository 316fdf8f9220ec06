package appliance

import (
	"bytes"
	"crypto/tls"
	"slices"
	"sync/atomic"
)

// security is how the node's TLS is done. Which listeners have it does not change;
// certificates do, when the files are read anew: connections that begin then are made
// with what the files say.
type security struct {
	redis, nats *tls.Config // of the listeners; nil is none
	current     *atomic.Pointer[certificates]
}

// certificates are what the files were read into.
type certificates struct {
	redis, nats *tls.Config
	leader      *tls.Config // to follow with; nil is as the leader's URL says
	run         *RunTLS     // of nats, for run.json; nil without it
}

// readSecurity reads the files that a Config names.
func readSecurity(c *Config) (s security, err error) {
	k, err := readKeys(c)
	if err != nil {
		return s, err
	}
	s.current = new(atomic.Pointer[certificates])
	s.current.Store(&k)
	latest := func(of func(*certificates) *tls.Config) *tls.Config {
		if of(&k) == nil {
			return nil
		}
		cfg := of(&k).Clone()
		cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return of(s.current.Load()), nil }
		return cfg
	}
	s.redis = latest(func(k *certificates) *tls.Config { return k.redis })
	s.nats = latest(func(k *certificates) *tls.Config { return k.nats })
	return s, nil
}

func readKeys(c *Config) (k certificates, err error) {
	if k.redis, err = c.RedisFiles().Server(c.TLSAuth()); err != nil {
		return k, err
	}
	if k.nats, err = c.NATSFiles().Server(c.NATSAuth()); err != nil {
		return k, err
	}
	if k.nats != nil {
		k.run = runTLS(k.nats, c)
	}
	if c.NATSTLSCA != "" || c.NATSTLSCert != "" {
		k.leader, err = c.NATSFiles().Client()
	}
	return k, err
}

// renewed returns the options whose files say something else than before.
func (k certificates) renewed(before certificates) []string {
	list := []string{}
	for prefix, of := range map[string][2]*tls.Config{"": {before.redis, k.redis}, "nats-": {before.nats, k.nats}} {
		was, is := of[0], of[1]
		if was == nil || is == nil {
			continue
		}
		if !slices.EqualFunc(was.Certificates, is.Certificates, func(a, b tls.Certificate) bool {
			return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
		}) {
			list = append(list, prefix+"tls-cert")
		}
		if !was.ClientCAs.Equal(is.ClientCAs) {
			list = append(list, prefix+"tls-ca")
		}
	}
	slices.Sort(list)
	return list
}

// leader returns how to follow a leader.
func (s *security) leader() *tls.Config { return s.current.Load().leader }

// reread reads what the files are now. Whether a listener has TLS stays.
func (s *security) reread(c *Config) (k certificates, err error) {
	if k, err = readKeys(c); err != nil {
		return k, err
	}
	if k.redis == nil {
		k.redis = s.current.Load().redis
	}
	if k.nats == nil {
		k.nats, k.run = s.current.Load().nats, s.current.Load().run
	}
	return k, nil
}
