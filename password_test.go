package main

// Where a password comes from, and what is said about who else can read it.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal/certtest"
	"ledge/journal/logtest"
)

// A node takes its password from where it is told to, and warns where others can
// read it; it never shows it.
func TestPasswordSources(t *testing.T) {
	key := certtest.New(t, "ours").Sign(t, "own", "127.0.0.1")
	shared := filepath.Join(t.TempDir(), "shared.key")
	b, err := os.ReadFile(key.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(shared, b, 0o600); err != nil {
		t.Fatal(err)
	}
	group := write(t, "group", "sesame\n")
	config, open := write(t, "closed.yaml", "password: sesame\n"), write(t, "open.yaml", "password: sesame\n")
	for path, mode := range map[string]os.FileMode{shared: 0o640, group: 0o640, open: 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	const onLine, byGroup, inFile = "stands on the command line", "by its group", "stands in a file"
	for _, c := range []struct {
		name, env string
		opts      []string
		password  string
		warns     string
	}{
		{"file", "", []string{"--password-file", write(t, "p", "sesame\n")}, "sesame", ""},
		{"file without a line end", "", []string{"--password-file", write(t, "p", "sesame")}, "sesame", ""},
		{"file of Windows", "", []string{"--password-file", write(t, "p", "sesame\r\n")}, "sesame", ""},
		{"file with two line ends", "", []string{"--password-file", write(t, "p", " sesame \n\n")}, " sesame \n", ""},
		{"file for the group", "", []string{"--password-file", group}, "sesame", byGroup},
		{"command line", "", []string{"--password", "sesame"}, "sesame", onLine},
		{"command line, one word", "", []string{"--password=sesame"}, "sesame", onLine},
		{"command line and environment", "sesame", []string{"--password", "sesame"}, "sesame", onLine},
		{"environment", "sesame", nil, "sesame", ""},
		{"configuration", "", []string{"--config", config}, "sesame", ""},
		{"open configuration", "", []string{"--config", open}, "sesame", inFile},
		{"key for the group", "", []string{"--tls-listen", "127.0.0.1:0", "--tls-cert", key.Cert, "--tls-key", shared}, "", byGroup},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env != "" {
				t.Setenv("LEDGE_PASSWORD", c.env)
			}
			var log logtest.Log
			_, greeting := servingTo(t, &log, append([]string{"--listen", "127.0.0.1:0", "--nats-listen", "off",
				"--log-level", "warn"}, c.opts...)...)
			opensTo(t, greeting, c.password)
			for _, w := range []string{onLine, byGroup, inFile} {
				if got := strings.Contains(log.String(), w); got != (w == c.warns) {
					t.Errorf("a warning with %q: %v; want %v:\n%s", w, got, w == c.warns, log.String())
				}
			}
			if strings.Contains(log.String(), "sesame") {
				t.Errorf("the log shows the password:\n%s", log.String())
			}
		})
	}
}

// opensTo checks that the node which has said greeting lets in whoever says the
// password, if it has one, and nobody else.
func opensTo(t *testing.T, greeting, password string) {
	t.Helper()
	_, at, _ := strings.Cut(greeting, "redis  ")
	at, _, _ = strings.Cut(at, " ")
	passwords := map[string]bool{password: true}
	if password != "" {
		passwords["other"] = false
	}
	for p, want := range passwords {
		r := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: at, Password: p, MaxRetries: -1, DisableIdentity: true})
		if err := r.Ping(t.Context()).Err(); (err == nil) != want {
			t.Errorf("PING with password %q = %v; want it to work: %v", p, err, want)
		}
		r.Close()
	}
}
