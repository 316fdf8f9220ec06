package options

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// Who has to show a certificate to the TLS listener, as in Redis.
const (
	AuthClientsNo       = "no"
	AuthClientsOptional = "optional" // one that is shown has to be good
	AuthClientsYes      = "yes"
)

// KeyFiles names the files of one side's TLS. Prefix stands before
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
		return &Error{k.option("cert"), fmt.Errorf("needs %s, which is missing", k.option("key"))}
	case k.Key != "" && k.Cert == "":
		return &Error{k.option("key"), fmt.Errorf("needs %s, which is missing", k.option("cert"))}
	}
	return nil
}

// unpairedAt is unpaired for one of the options, as its check words it.
func (k KeyFiles) unpairedAt(option string) error {
	var fault *Error
	if errors.As(k.unpaired(), &fault) && fault.Option == option {
		return fault.Err
	}
	return nil
}

// named returns the file that an option names.
func (k KeyFiles) named(option string) string {
	return map[string]string{k.option("cert"): k.Cert, k.option("key"): k.Key, k.option("ca"): k.CA}[option]
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
	b, err := ReadBounded(k.CA)
	if err != nil {
		return nil, nil, &Error{k.option("ca"), err}
	}
	ca = x509.NewCertPool()
	if !ca.AppendCertsFromPEM(b) {
		return nil, nil, &Error{k.option("ca"), fmt.Errorf("%s has no certificate in PEM", k.CA)}
	}
	return own, ca, nil
}

func (k KeyFiles) pair() (c tls.Certificate, err error) {
	cert, err := ReadBounded(k.Cert)
	if err != nil {
		return c, &Error{k.option("cert"), err}
	}
	key, err := readSecret(k.Key)
	if err != nil {
		return c, &Error{k.option("key"), err}
	}
	if c, err = tls.X509KeyPair(cert, key); err != nil {
		return c, &Error{k.option("cert"), fmt.Errorf("%s with %s: %w", k.Cert, k.Key, err)}
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

// Server returns how to take clients, nil if no certificate is named.
func (k KeyFiles) Server(auth string) (*tls.Config, error) {
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

// NATSFiles are those of the NATS listener, which serve to follow, too.
func (c *Config) NATSFiles() KeyFiles {
	return KeyFiles{"nats-", c.NATSTLSCert, c.NATSTLSKey, c.NATSTLSCA}
}

// RedisFiles are those of the TLS listener for Redis clients.
func (c *Config) RedisFiles() KeyFiles { return KeyFiles{"", c.TLSCert, c.TLSKey, c.TLSCA} }

// NATSAuth says whether NATS clients have to show a certificate.
func (c *Config) NATSAuth() string {
	if c.NATSTLSCA != "" {
		return AuthClientsYes
	}
	return AuthClientsNo
}

// TLSAuth says whether Redis clients have to.
func (c *Config) TLSAuth() string {
	if c.TLSAuthClients == "" && c.TLSCA != "" {
		return AuthClientsYes
	}
	return cmp.Or(c.TLSAuthClients, AuthClientsNo)
}

// clashTLSFile looks at a file that goes with tls-listen.
func clashTLSFile(option string) func(*Config) error {
	return func(c *Config) error {
		k := c.RedisFiles()
		err := k.unpairedAt(option)
		if c.TLSListen == "" && k.named(option) != "" {
			return errors.Join(err, errNoTLSListen)
		}
		return err
	}
}

// clashNATSFile looks at a file that goes with nats-listen.
func clashNATSFile(option string) func(*Config) error {
	return func(c *Config) error { return c.NATSFiles().unpairedAt(option) }
}

var errNoTLSListen = errors.New("has no meaning without tls-listen")

func clashTLSAuth(c *Config) error {
	switch {
	case c.TLSAuthClients == "":
	case c.TLSListen == "":
		return errNoTLSListen
	case c.TLSAuthClients != AuthClientsNo && c.TLSCA == "":
		return fmt.Errorf("%s needs tls-ca, which is missing", c.TLSAuthClients)
	}
	return nil
}

func clashTLSListen(c *Config) error {
	if c.TLSListen == "" {
		return nil
	}
	host, _ := splitAddress(c.TLSListen)
	switch {
	case c.TLSListen != c.listen() || strings.HasSuffix(c.TLSListen, ":0"):
	case c.Listen == "" && c.Port == 0:
		return fmt.Errorf("%s is the address of listen already", c.TLSListen)
	default:
		return &besideError{c.TLSListen + " is the address of ", "listen", " already"}
	}
	switch {
	case c.TLSCert == "" && c.TLSKey == "":
		return errors.New("needs tls-cert and tls-key, which are missing")
	case !loopback(host) && !c.hasPassword() && c.TLSAuth() != AuthClientsYes:
		return fmt.Errorf("%s can be reached from other machines, so there must be a password "+
			"or tls-auth-clients yes", c.TLSListen)
	}
	return nil
}
