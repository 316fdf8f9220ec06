package options

import (
	"os"
	"path/filepath"
	"strings"
)

// CredentialsVariable is where systemd says that a unit's credentials are
// (LoadCredential=, SetCredentialEncrypted= and so on).
const CredentialsVariable = "CREDENTIALS_DIRECTORY"

// credential is one of systemd's that is taken where nothing is said of an option that
// names a file with a secret: it is called like that, without -file at its end.
type credential struct {
	option string
	file   func(*Config) *string
	// wanted reports whether the secret would mean something: a unit may have
	// credentials of one name for several programs.
	wanted func(*Config) bool
}

var credentials = []credential{
	{"password-file", func(c *Config) *string { return &c.PasswordFile }, func(c *Config) bool { return c.Password == "" }},
	{"follow-password-file", func(c *Config) *string { return &c.FollowPasswordFile }, func(*Config) bool { return true }},
	{"cluster-secret-file", func(c *Config) *string { return &c.ClusterSecretFile }, (*Config).InCluster},
	{"http-password-file", func(c *Config) *string { return &c.HTTPPasswordFile },
		func(c *Config) bool { addr, _ := c.HTTPAddress(); return addr != "" }},
	{"tls-key", func(c *Config) *string { return &c.TLSKey }, func(c *Config) bool { return c.TLSCert != "" }},
	{"nats-tls-key", func(c *Config) *string { return &c.NATSTLSKey }, func(c *Config) bool { return c.NATSTLSCert != "" }},
}

// Credential is the name of the credential that stands in for an option; "" is none.
func Credential(option string) string {
	for _, cred := range credentials {
		if cred.option == option {
			return strings.TrimSuffix(option, "-file")
		}
	}
	return ""
}

// takeCredentials has options that nothing is said of name the unit's credentials.
func takeCredentials(c *Config, from Origins, said map[string]bool) {
	dir := os.Getenv(CredentialsVariable)
	if dir == "" {
		return
	}
	for _, cred := range credentials {
		name := Credential(cred.option)
		path := filepath.Join(dir, name)
		if said[cred.option] || !cred.wanted(c) {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			*cred.file(c) = path
			from[cred.option] = "$" + CredentialsVariable + "/" + name
		}
	}
}

// isCredential reports whether a file is one of systemd's, which sees to it that nobody
// else reads it; its mode may show a group that an access list is about.
func isCredential(path string) bool {
	dir := os.Getenv(CredentialsVariable)
	return dir != "" && filepath.Dir(path) == filepath.Clean(dir)
}
