package appliance

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Who has to show a certificate to the TLS listener, as in Redis.
const (
	AuthClientsNo       = "no"
	AuthClientsOptional = "optional" // one that is shown has to be good
	AuthClientsYes      = "yes"
)

// KeyFiles names the files of one side's TLS. Prefix stands in front of
// tls-cert, tls-key and tls-ca in the names of the options that name them.
type KeyFiles struct {
	Prefix        string
	Cert, Key, CA string
}

func (k KeyFiles) option(name string) string { return k.Prefix + "tls-" + name }

// unpaired returns what is wrong with naming one of certificate and key alone.
func (k KeyFiles) unpaired() error {
	switch {
	case k.Cert != "" && k.Key == "":
		return &OptionError{k.option("cert"), fmt.Errorf("needs %s, which is missing", k.option("key"))}
	case k.Key != "" && k.Cert == "":
		return &OptionError{k.option("key"), fmt.Errorf("needs %s, which is missing", k.option("cert"))}
	}
	return nil
}

// load reads what is named. The error names the option.
func (k KeyFiles) load() (own []tls.Certificate, ca *x509.CertPool, err error) {
	if err := k.unpaired(); err != nil {
		return nil, nil, err
	}
	if k.Cert != "" {
		c, err := k.pair()
		if err != nil {
			return nil, nil, err
		}
		own = []tls.Certificate{c}
	}
	if k.CA == "" {
		return own, nil, nil
	}
	b, err := os.ReadFile(k.CA)
	if err != nil {
		return nil, nil, &OptionError{k.option("ca"), err}
	}
	ca = x509.NewCertPool()
	if !ca.AppendCertsFromPEM(b) {
		return nil, nil, &OptionError{k.option("ca"), fmt.Errorf("%s has no certificate in PEM", k.CA)}
	}
	return own, ca, nil
}

func (k KeyFiles) pair() (c tls.Certificate, err error) {
	cert, err := os.ReadFile(k.Cert)
	if err != nil {
		return c, &OptionError{k.option("cert"), err}
	}
	key, err := readSecret(k.Key)
	if err != nil {
		return c, &OptionError{k.option("key"), err}
	}
	if c, err = tls.X509KeyPair(cert, key); err != nil {
		return c, &OptionError{k.option("cert"), fmt.Errorf("%s with %s: %w", k.Cert, k.Key, err)}
	}
	return c, nil
}

// Client returns how to connect to a server: its certificate has to lead to the
// CA, or to one of the system's if none is named.
func (k KeyFiles) Client() (*tls.Config, error) {
	own, ca, err := k.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: own, RootCAs: ca}, nil
}

// server returns how to take clients, nil if no certificate is named.
func (k KeyFiles) server(auth string) (*tls.Config, error) {
	own, ca, err := k.load()
	if err != nil || own == nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: own, ClientCAs: ca}
	switch auth {
	case AuthClientsYes:
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	case AuthClientsOptional:
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return cfg, nil
}

// natsFiles are those of the NATS listener, which serve to follow, too.
func (c *Config) natsFiles() KeyFiles {
	return KeyFiles{"nats-", c.NATSTLSCert, c.NATSTLSKey, c.NATSTLSCA}
}

// redisFiles are those of the TLS listener for Redis clients.
func (c *Config) redisFiles() KeyFiles { return KeyFiles{"", c.TLSCert, c.TLSKey, c.TLSCA} }

// natsAuth says whether NATS clients have to show a certificate.
func (c *Config) natsAuth() string {
	if c.NATSTLSCA != "" {
		return AuthClientsYes
	}
	return AuthClientsNo
}

// tlsAuth says whether Redis clients have to.
func (c *Config) tlsAuth() string {
	if c.TLSAuthClients == "" && c.TLSCA != "" {
		return AuthClientsYes
	}
	return orDefault(c.TLSAuthClients, AuthClientsNo)
}

// security is what the node's TLS was read into. It is read once, at the start.
type security struct {
	redis, nats *tls.Config // of the listeners; nil is none
	leader      *tls.Config // to follow with; nil is as the leader's URL says
}

func (c *Config) security() (s security, err error) {
	if s.redis, err = c.redisFiles().server(c.tlsAuth()); err != nil {
		return s, err
	}
	if s.nats, err = c.natsFiles().server(c.natsAuth()); err != nil {
		return s, err
	}
	if c.NATSTLSCA != "" || c.NATSTLSCert != "" {
		s.leader, err = c.natsFiles().Client()
	}
	return s, err
}

func (c Config) validateTLS(bad func(option, format string, args ...any)) {
	for _, k := range []KeyFiles{c.natsFiles(), c.redisFiles()} {
		var fault *OptionError
		if errors.As(k.unpaired(), &fault) {
			bad(fault.Option, "%w", fault.Err)
		}
	}
	switch c.TLSAuthClients {
	case "", AuthClientsNo:
	case AuthClientsOptional, AuthClientsYes:
		if c.TLSCA == "" && c.TLSListen != "" {
			bad("tls-auth-clients", "%s needs tls-ca, which is missing", c.TLSAuthClients)
		}
	default:
		bad("tls-auth-clients", "%q is none of no, optional, yes", c.TLSAuthClients)
	}
	if c.TLSListen != "" {
		c.validateTLSListen(bad)
		return
	}
	for _, o := range [][2]string{{"tls-cert", c.TLSCert}, {"tls-key", c.TLSKey}, {"tls-ca", c.TLSCA},
		{"tls-auth-clients", c.TLSAuthClients}} {
		if o[1] != "" {
			bad(o[0], "has no meaning without tls-listen")
		}
	}
}

func (c Config) validateTLSListen(bad func(option, format string, args ...any)) {
	host, err := splitAddress(c.TLSListen)
	switch {
	case err != nil:
		bad("tls-listen", "%w", err)
	case c.TLSListen == orDefault(c.Listen, DefaultListen) && !strings.HasSuffix(c.TLSListen, ":0"):
		bad("tls-listen", "%s is the address of listen already", c.TLSListen)
	case c.TLSCert == "" && c.TLSKey == "":
		bad("tls-listen", "needs tls-cert and tls-key, which are missing")
	case !loopback(host) && !c.hasPassword() && c.tlsAuth() != AuthClientsYes:
		bad("tls-listen", "%s can be reached from other machines, so there must be a password "+
			"or tls-auth-clients yes", c.TLSListen)
	}
}
