package options_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ledge/appliance/options"
)

// Two names of one address are a clash, of which both places are named.
func TestHTTPNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledge.yaml")
	if err := os.WriteFile(file, []byte("\nmetrics-listen: 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := options.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = options.Read(func(name string) (string, bool) { return "127.0.0.1:2", name == "http-listen" }, f)
	if err == nil || !strings.Contains(err.Error(), "--http-listen") || !strings.Contains(err.Error(), file+":2: metrics-listen") {
		t.Errorf("both names: %v; want the flag and the file's line named", err)
	}
	for _, tt := range []struct {
		http, metrics, addr, option string
		local                       bool
	}{
		{"127.0.0.1:2", "", "127.0.0.1:2", "http-listen", true},
		{"", "[::1]:2", "[::1]:2", "metrics-listen", true},
		{"off", ":2", ":2", "metrics-listen", false},
		{"10.0.0.1:2", "off", "10.0.0.1:2", "http-listen", false},
		{"off", "off", "", "http-listen", true},
	} {
		c := options.Config{HTTPListen: tt.http, MetricsListen: tt.metrics}
		if err := c.Validate(); err != nil {
			t.Errorf("http-listen %q, metrics-listen %q: %v", tt.http, tt.metrics, err)
		}
		if addr, option := c.HTTPAddress(); addr != tt.addr || option != tt.option || c.HTTPLocal() != tt.local {
			t.Errorf("http-listen %q, metrics-listen %q: %q by %s, local %v; want %q by %s, %v",
				tt.http, tt.metrics, addr, option, c.HTTPLocal(), tt.addr, tt.option, tt.local)
		}
	}
}

// The page's password is read when it is asked for, and a file that all can read is
// refused at the start.
func TestHTTPPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p")
	c := options.Config{HTTPPasswordFile: file}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "without http-listen") {
		t.Errorf("without an address: %v; want that it has no meaning", err)
	}
	if _, err := c.HTTPPassword(); err == nil || !strings.Contains(err.Error(), "http-password-file") {
		t.Errorf("without the file: %v; want the option named", err)
	}
	for _, p := range []string{"first", "second"} {
		if err := os.WriteFile(file, []byte(p+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := c.HTTPPassword(); got != p || err != nil {
			t.Errorf("password %q, %v; want %q", got, err, p)
		}
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	c.SetDefaults()
	if err := c.ReadSecrets(); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("a file that all can read: %v; want it refused", err)
	}
}
