package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// lastBackup is what status says of backups, and of the journal.
type lastBackup struct {
	Backup *struct {
		At     string
		Number uint64
	} `json:"last_backup"`
	Journal struct {
		Last uint64 `json:"last_number"`
	}
}

// backupPart is a part as backup list has it.
type backupPart struct {
	Name  string
	Bytes int64
	Last  *uint64 `json:"last_number"`
}

// askJSON runs a command that says JSON.
func askJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	got := ledge(t, args...)
	if err := json.Unmarshal([]byte(got.stdout), into); err != nil || got.code != 0 {
		t.Fatalf("%q: exit code %d, %v, %s%s", args, got.code, err, got.stdout, got.stderr)
	}
}

// prune removes the parts from before the newest base.
func prune(t *testing.T, kept string, parts []backupPart) {
	t.Helper()
	last, kind := uint64(0), "-base.backup"
	for _, p := range parts {
		if p.Bytes == 0 || p.Last == nil {
			t.Fatalf("part %+v; want its size and last number", p)
		}
		if strings.HasSuffix(p.Name, kind) {
			last = max(last, *p.Last)
		}
	}
	for _, p := range parts {
		if *p.Last > last || *p.Last == last && strings.HasSuffix(p.Name, kind) {
			continue
		}
		if err := os.Remove(filepath.Join(kept, p.Name)); err != nil {
			t.Fatal(err)
		}
	}
}

// A directory of backups is pruned by what backup list says to programs, as the page
// about backups has it; the node says when the last one was taken, over a restart, too.
func TestBackupPruned(t *testing.T) {
	dir, greeting := serving(t, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--http-listen", "off")
	_, addr, _ := strings.Cut(greeting, "redis  ")
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: strings.Fields(addr)[0], MaxRetries: -1, DisableIdentity: true})
	defer c.Close()
	kept := filepath.Join(t.TempDir(), "kept")
	var status lastBackup
	if askJSON(t, &status, "status", "--dir", dir, "--json"); status.Backup != nil {
		t.Errorf("last_backup is %+v before there is one; want none", status.Backup)
	}
	for i, base := range []string{"--base=false", "--base=false", "--base", "--base=false"} {
		if err := c.Set(t.Context(), "k", i, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if got := ledge(t, "backup", "--dir", dir, base, "--to", kept); got.code != 0 {
			t.Fatal(got.stderr)
		}
		if askJSON(t, &status, "status", "--dir", dir, "--json"); status.Backup == nil || status.Backup.Number != status.Journal.Last {
			t.Fatalf("last_backup is %+v; want number %d", status.Backup, status.Journal.Last)
		}
	}
	var list struct{ Parts []backupPart }
	askJSON(t, &list, "backup", "list", "--json", kept)
	prune(t, kept, list.Parts)
	var held struct {
		Parts  int
		Number uint64
		Keys   int
	}
	askJSON(t, &held, "backup", "verify", "--json", kept)
	if held.Number != status.Journal.Last || held.Keys != 1 || held.Parts != 2 || len(list.Parts) != 4 {
		t.Errorf("backup verify says %+v; want number %d, 1 key, 2 parts of %d", held, status.Journal.Last, len(list.Parts))
	}
}
