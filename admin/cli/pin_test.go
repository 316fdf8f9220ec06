package cli

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"ledge/appliance"
)

// A node may be given another certificate between a command's reading run.json and its
// connecting. It writes both into the file before it shows the next one.
func TestPinWhileRotated(t *testing.T) {
	hash := func(name string) string {
		sum := sha256.Sum256([]byte(name))
		return hex.EncodeToString(sum[:])
	}
	dir := t.TempDir()
	text := fmt.Sprintf(`{"pid":1,"nats":"nats://127.0.0.1:1","tls":{"pin":%q,"next":%q}}`, hash("second"), hash("third"))
	if err := os.WriteFile(filepath.Join(dir, "run.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		said appliance.RunTLS
		good []string
	}{
		{"what was read before", appliance.RunTLS{Pin: hash("first")}, []string{"first", "second", "third"}},
		{"what was read meanwhile", appliance.RunTLS{Pin: hash("first"), Next: hash("second")}, []string{"first", "second", "third"}},
		{"what is there", appliance.RunTLS{Pin: hash("second"), Next: hash("third")}, []string{"second", "third"}},
	} {
		var cfg tls.Config
		pin(&cfg, dir, &c.said)
		takes := func(name string) bool {
			return cfg.VerifyConnection(tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte(name)}}}) == nil
		}
		for _, name := range c.good {
			if !takes(name) {
				t.Errorf("with %s the %s certificate is refused; want it taken", c.name, name)
			}
		}
		if takes("stranger's") || takes("") {
			t.Errorf("with %s a certificate is taken that the node has not said", c.name)
		}
	}
}
