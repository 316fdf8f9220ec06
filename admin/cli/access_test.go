package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// The node leaves its address in its directory; a file that makes no sense is
// as good as none.
func TestReadRun(t *testing.T) {
	for text, want := range map[string]string{
		`{"pid":1,"redis":"127.0.0.1:6379","nats":"nats://127.0.0.1:1","new":[]}`: "nats://127.0.0.1:1",
		`{"pid":1}`: defaultServer, `{"pid":`: defaultServer, `[]`: defaultServer, ``: defaultServer,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "run.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readRun(dir); err != nil || *got.NATS != want {
			t.Errorf("with %q: %+v, %v; want %q", text, got, err, want)
		}
	}
	if got, err := readRun(t.TempDir()); err != nil || *got.NATS != defaultServer {
		t.Errorf("without a file: %+v, %v; want %q", got, err, defaultServer)
	}
}
