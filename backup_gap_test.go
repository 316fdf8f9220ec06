package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A key of age's, and its public half: it is quicker than a passphrase.
const (
	gapIdentity  = "AGE-SECRET-KEY-15NTM9A694LTETGL7UVPQVG49S4AUQFNU7SJZNU23C5LM69RPMZSSFRR325"
	gapRecipient = "age1xchvclhyptmq5ylv7v7hcuzsdfk25np8qefqhvc2esjqdads24fsh8xg9n"
)

// gapsSaid is what backup list and backup verify say to programs of what is missing.
type gapsSaid struct {
	Missing []struct {
		First uint64 `json:"first_number"`
		Last  uint64 `json:"last_number"`
	}
}

// A directory with a gap, since the node had truncated its journal before it was backed up
// again, says which numbers are missing wherever it is looked into or asked for them.
func TestBackupGap(t *testing.T) {
	m := newMixed(t)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(gapIdentity+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := m.writes(); got.code != 0 {
		t.Fatal(got.stderr)
	}
	var list struct {
		Parts []backupPart
		gapsSaid
	}
	if askJSON(t, &list, "backup", "list", "--json", m.kept); list.Missing == nil || len(list.Missing) > 0 {
		t.Errorf("backup list has missing %v without a gap; want an empty list", list.Missing)
	}
	for range 3 {
		if err := m.c.Append(t.Context(), "k", "v").Err(); err != nil {
			t.Fatal(err)
		}
	}
	between := time.Now().UTC().Format(time.RFC3339Nano)
	if got := ledge(t, "compact", "--dir", m.dir); got.code != 0 {
		t.Fatal(got.stderr)
	}
	first := *list.Parts[0].Last + 1
	says := fmt.Sprintf("numbers %d to %d are missing from the backup", first, first+2)
	if got := m.writes("--encrypt-to", gapRecipient, "--identity", key); got.code != 0 {
		t.Fatal(got.stderr)
	}
	for _, args := range []string{"backup list --json", "backup list --json --identity " + key, "backup verify --json --identity " + key} {
		var said gapsSaid
		askJSON(t, &said, append(strings.Fields(args), m.kept)...)
		if len(said.Missing) != 1 || said.Missing[0].First != first || said.Missing[0].Last != first+2 {
			t.Errorf("%s: missing %v; want %d to %d", args, said.Missing, first, first+2)
		}
	}
	to := " --identity " + key + " --from " + m.kept + " --dir " + filepath.Join(t.TempDir(), "new")
	past := "serve --listen 127.0.0.1:0 --as-of "
	for args, code := range map[string]int{
		"backup list " + m.kept: 0, "backup verify --identity " + key + " " + m.kept: 0,
		"restore --to-number " + fmt.Sprint(first+1) + to: 1, "restore --to-time " + between + to: 1,
		past + fmt.Sprint(first+1) + to: 1, past + between + to: 1,
	} {
		got := ledge(t, strings.Fields(args)...)
		out := got.stdout
		if code != 0 {
			out = got.stderr
		}
		if got.code != code || !strings.Contains(out, says) {
			t.Errorf("%s: exit code %d, %s%s; want %d and %q", args, got.code, got.stdout, got.stderr, code, says)
		}
		if ends := fmt.Sprintf("ends at number %d, ", first+3); code != 0 && !strings.Contains(out, ends) {
			t.Errorf("%s: %s; want %q", args, out, ends)
		}
	}
}
