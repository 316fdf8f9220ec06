package options

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

// A unit's credentials are taken by their names where nothing else is said of the option
// and where they mean something, and their place is named.
func TestCredentials(t *testing.T) {
	dir := tree(t, map[string]string{"password": "sesame\n", "follow-password": "f\n", "cluster-secret": "s\n", "http-password": "h\n", "tls-key": "k\n", "nats-tls-key": "n\n"})
	t.Setenv(CredentialsVariable, dir)
	in := func(name string) string { return filepath.Join(dir, name) }
	for name, tt := range map[string]struct {
		flags map[string]string
		file  string
		want  map[string]string // files, by option
	}{
		"nothing else": {nil, "", map[string]string{"password-file": in("password"), "follow-password-file": in("follow-password")}},
		"with listeners": {map[string]string{"http-listen": "127.0.0.1:1", "nats-tls-cert": "c", "tls-listen": "127.0.0.1:2", "tls-cert": "c"}, "",
			map[string]string{"password-file": in("password"), "follow-password-file": in("follow-password"),
				"http-password-file": in("http-password"), "tls-key": in("tls-key"), "nats-tls-key": in("nats-tls-key")}},
		"metrics-listen":   {map[string]string{"metrics-listen": "127.0.0.1:1", "password": "p", "follow-password-file": "x"}, "", map[string]string{"http-password-file": in("http-password"), "follow-password-file": "x"}},
		"a cluster":        {map[string]string{"cluster": "yes"}, "", map[string]string{"password-file": in("password"), "follow-password-file": in("follow-password"), "cluster-secret-file": in("cluster-secret")}},
		"a password":       {map[string]string{"password": "p"}, "", map[string]string{"follow-password-file": in("follow-password")}},
		"a file of both":   {map[string]string{"password-file": "x"}, "follow-password-file: y\n", map[string]string{"password-file": "x", "follow-password-file": "y"}},
		"an empty flag":    {map[string]string{"password-file": ""}, "", map[string]string{"follow-password-file": in("follow-password")}},
		"password in file": {nil, "password: p\nfollow-password-file: y\n", map[string]string{"follow-password-file": "y"}},
	} {
		path := filepath.Join(tree(t, map[string]string{"ledge.yaml": tt.file}), "ledge.yaml")
		f, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		flag := func(option string) (string, bool) { v, ok := tt.flags[option]; return v, ok }
		if name == "an empty flag" {
			t.Setenv("LEDGE_PASSWORD_FILE", "")
		}
		c, from, err := Read(flag, f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, cred := range credentials {
			if got := *cred.file(&c); got != tt.want[cred.option] {
				t.Errorf("%s: %s is %q; want %q", name, cred.option, got, tt.want[cred.option])
			}
			isOne := strings.HasPrefix(tt.want[cred.option], dir)
			if at := from.At(cred.option); (at == "$CREDENTIALS_DIRECTORY/"+Credential(cred.option)) != isOne || (from.Kind(cred.option) == ByCredential) != isOne {
				t.Errorf("%s: %s is from %q, %s", name, cred.option, at, from.Kind(cred.option))
			}
		}
	}
}

// The password is the credential's, and what is wrong with one is said at its place. A
// group that its mode shows is none of ours.
func TestCredentialRead(t *testing.T) {
	dir := tree(t, map[string]string{"password": "sesame\n"}) // of mode 0640
	t.Setenv(CredentialsVariable, dir)
	var log bytes.Buffer
	c, _, err := Read(silent, nil)
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if err := c.ReadSecrets(); err != nil || c.Password != "sesame" || log.Len() > 0 {
		t.Errorf("the password is %q, %v, and the log has %q; want sesame, and nothing", c.Password, err, &log)
	}
	if err != nil {
		t.Error(err)
	}
	t.Setenv(CredentialsVariable, tree(t, map[string]string{"password": "\n"}))
	c, from, err := Read(silent, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := from.Fault(c.ReadSecrets()); err == nil || !strings.HasPrefix(err.Error(), "$CREDENTIALS_DIRECTORY/password: ") {
		t.Errorf("an empty one: %v; want its place", err)
	}
}
