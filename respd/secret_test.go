package respd_test

// Passwords that clients send are seen by nobody else: not in the slow log, in
// errors or in the log.

import (
	"regexp"
	"strings"
	"testing"

	"ledge/journal/logtest"
	"ledge/respd"
	"ledge/respd/command"
)

// What the slow log shows of commands with secrets is what Redis's does.
func TestSlowlogSecrets(t *testing.T) {
	var log logtest.Log
	n := start(t, logTo(&log), func(cfg *respd.Config) { cfg.Password = "sesame" })
	c := n.dial()
	c.want("AUTH sesame", "OK")
	c.want("CONFIG SET slowlog-log-slower-than 0", "OK")
	for _, tt := range []struct{ line, shown string }{
		{"AUTH sesame", `["AUTH" "(redacted)"]`},
		{"auth default sesame", `["auth" "(redacted)" "(redacted)"]`},
		{"AUTH wrong-sesame", `["AUTH" "(redacted)"]`},
		{"HELLO 2 AUTH default sesame SETNAME me", `["HELLO" "2" "AUTH" "(redacted)" "(redacted)" "SETNAME" "me"]`},
		{"HELLO 2 SETNAME me auth default wrong-sesame", `["HELLO" "2" "SETNAME" "me" "auth" "(redacted)" "(redacted)"]`},
		{"CONFIG SET requirepass sesame", `["CONFIG" "SET" "requirepass" "(redacted)"]`},
		{"config set maxclients 100 RequirePass sesame", `["config" "set" "maxclients" "100" "RequirePass" "(redacted)"]`},
		{"CONFIG SET masterauth sesame", `["CONFIG" "SET" "masterauth" "(redacted)"]`},
		{"CONFIG SET tls-key-file-pass sesame", `["CONFIG" "SET" "tls-key-file-pass" "(redacted)"]`},
		{"CONFIG GET requirepass", `["CONFIG" "GET" "requirepass"]`},
		{"SET auth sesame-is-no-secret", `["SET" "auth" "sesame-is-no-secret"]`},
	} {
		c.do(tt.line)
		if got := c.do("SLOWLOG GET 1"); !strings.Contains(got, tt.shown) {
			t.Errorf("%s is shown as %s; want %s", tt.line, got, tt.shown)
		}
	}
	// In a transaction as by itself.
	c.send(encode("MULTI", "CONFIG SET requirepass sesame", "AUTH sesame", "EXEC"))
	for range 4 {
		c.next()
	}
	if got := c.do("SLOWLOG GET -1"); strings.Contains(strings.ReplaceAll(got, "sesame-is-no-secret", ""), "sesame") {
		t.Errorf("the slow log shows a password: %s", got)
	}
	for _, line := range []string{"MIGRATE host 1 key 0 1 AUTH sesame", "MIGRATE host 1 key 0 1 AUTH2 user sesame KEYS a",
		"ACL SETUSER sesame >sesame", "SENTINEL SET leader auth-pass sesame", "AUTH a b sesame", "HELLO 9 AUTH default sesame"} {
		if got := c.do(line); strings.Contains(got, "sesame") || !strings.HasPrefix(got, "(error)") {
			t.Errorf("%s = %s; want an error without the password", line, got)
		}
	}
	if strings.Contains(log.String(), "sesame") {
		t.Errorf("the log shows a password:\n%s", log.String())
	}
}

// A parameter whose name says that it is a secret is on the list.
func TestSecretParams(t *testing.T) {
	n := start(t)
	suspect, fine := regexp.MustCompile(`(?i)pass|auth|secret|token`), []string{"tls-auth-clients"}
	for _, p := range n.srv.Config().Match(func(string) bool { return true }) {
		if suspect.MatchString(p.Name) && !command.SecretParam(p.Name) && p.Name != fine[0] {
			t.Errorf("%s sounds like a secret, and is none", p.Name)
		}
	}
	if !command.SecretParam("RequirePass") || command.SecretParam("maxclients") {
		t.Error("SecretParam takes requirepass for none, or maxclients for one")
	}
}
