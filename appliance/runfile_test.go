package appliance_test

// What run.json says of the NATS listener while certificates are rotated: commands on the
// node's machine go by it.

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ledge/appliance"
	"ledge/journal/certtest"
	"ledge/journal/fault"
	"ledge/journal/freeport"
	"ledge/journal/logtest"
)

// saidTLS returns what a node's run.json says of its NATS listener's TLS.
func saidTLS(t *testing.T, dir string) appliance.RunTLS {
	t.Helper()
	var run struct{ TLS appliance.RunTLS }
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "run.json"))), &run); err != nil {
		t.Fatalf("run.json of %s: %v", dir, err)
	}
	return run.TLS
}

// A node that has been given certificates in other files says those: the ones before may
// be gone. Whoever reads run.json meanwhile reads it whole.
func TestRunFileOfOtherFiles(t *testing.T) {
	t.Parallel()
	ca, dir := certtest.New(t, "ours"), t.TempDir()
	first, second := ca.Sign(t, "first", "127.0.0.1"), ca.Sign(t, "second", "127.0.0.1")
	cfg := appliance.Config{Dir: dir, Node: "a", NATSListen: freeport.Addr(t),
		NATSTLSCert: first.Cert, NATSTLSKey: first.Key, NATSTLSCA: ca.CA}
	next := cfg
	next.NATSTLSCert, next.NATSTLSKey = second.Cert, second.Key
	cfg.Reread = func() (appliance.Config, error) { return next, nil }
	n := serve(t, cfg)
	path := filepath.Join(dir, "run.json")
	before := read(t, path)
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	was := saidTLS(t, dir)
	if err := n.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	is := saidTLS(t, dir)
	if want := (appliance.RunTLS{Pin: is.Pin, Cert: second.Cert, Key: second.Key}); is != want || is.Pin == was.Pin {
		t.Errorf("run.json says %+v; want another pin than %s, %s and %s", is, was.Pin, second.Cert, second.Key)
	}
	if seen, err := io.ReadAll(reader); err != nil || string(seen) != before {
		t.Errorf("who has run.json open reads %q, %v; want what was there: %q", seen, err, before)
	}
	for _, p := range []string{first.Cert, first.Key} {
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
	}
	if got := run(t, "health", "--dir", dir); got.code != 0 {
		t.Errorf("health once the files before are gone: exit code %d, %s", got.code, got.stderr)
	}
}

// A certificate that was taken is said, also when the passwords beside it could not be.
func TestRunFileWithoutPasswords(t *testing.T) {
	t.Parallel()
	var log logtest.Log
	s := serveSecured(t, &log)
	const most = 8 // passwords from before that hold
	for i := range most {
		replaceFile(t, filepath.Join(s.dir, "auth", "monitor"), fmt.Sprintf("by-hand-%d\n", i))
		if err := s.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	was := saidTLS(t, s.dir)
	replaceFile(t, filepath.Join(s.dir, "auth", "monitor"), "one too many\n")
	s.sign(t, "second")
	if err := s.Reload(t.Context()); fault.Of(err) != fault.Operator {
		t.Errorf("Reload with a ninth password = %v; want class operator", err)
	}
	if is := saidTLS(t, s.dir); is.Pin == was.Pin {
		t.Errorf("run.json says the pin %s; want that of the certificate that the node shows", is.Pin)
	}
	if got := run(t, "health", "--dir", s.dir); got.code != 0 {
		t.Errorf("health: exit code %d, %s", got.code, got.stderr)
	}
}
