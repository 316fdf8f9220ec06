package appliance_test

import (
	"strings"
	"testing"
)

// Operators learn by the name of a secret parameter whether there is a secret and where
// it is from. They never learn the secret, and no pattern finds what stands in its place.
func TestSecretParameter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := lead(t, dir)
	config := func(want string, args ...string) {
		t.Helper()
		got := run(t, append([]string{"config"}, append(args, "--dir", dir)...)...)
		if line := strings.Join(strings.Fields(got.stdout), " "); got.code != 0 || line != want {
			t.Errorf("config %s: exit code %d, %q, %s; want %q", args, got.code, line, got.stderr, want)
		}
	}
	config("requirepass", "get", "requirepass")
	p.do("CONFIG", "SET", "requirepass", "sesame")
	config("requirepass (redacted)", "get", "requirepass")
	config("requirepass (redacted) set at run time", "get", "REQUIREPASS", "--origin")
	if got := run(t, "config", "get", "--dir", dir, "*"); got.code != 0 || strings.Contains(got.stdout, "requirepass") {
		t.Errorf("config get *: exit code %d, %s; want it without the secret", got.code, got.stdout)
	}
	config("requirepass default", "reset", "requirepass")
	config("requirepass", "get", "requirepass")
}
