package main

// What is another node's in a directory: files, a journal, a block.

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ledge/appliance"
	"ledge/journal/fault"
)

// What is another node's is not taken for this one's: a snapshot is set aside, and
// a ledge.json or a mark takes an operator.
func TestForeignFiles(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, append(sets(1, 5), "SAVE"), func() {})
	lifetime(t, other, append(sets(1, 9), "SAVE"), func() {})
	for name, check := range map[string]func(t *testing.T, dir, other string){
		"snapshot": foreignSnapshot, "ledge.json": foreignIdentity, "meta": foreignMeta, "mark": foreignMark,
	} {
		t.Run(name, func(t *testing.T) { check(t, dir, other) })
	}
}

// planted copies a directory, with one file of another's.
func planted(t *testing.T, dir, other, rel string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	copyTree(t, dir, to)
	b, err := os.ReadFile(filepath.Join(other, rel))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, rel), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func foreignSnapshot(t *testing.T, dir, other string) {
	to := planted(t, dir, other, "snapshots/00000000000000000010.snap")
	got := ledge(t, "journal", "verify", "--dir", to)
	cmd := goesOn.FindStringSubmatch(strings.TrimSpace(got.stderr))
	if got.code != exitRefused || cmd == nil || !strings.Contains(got.stderr, "lost is numbers 7 to 10") {
		t.Fatalf("verify: exit code %d, %s%s; want the numbers that it speaks of named", got.code, got.stdout, got.stderr)
	}
	if got := ledge(t, strings.Fields(cmd[1])...); got.code != 0 {
		t.Fatalf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
	}
	lifetime(t, to, sets(6, 6), func() {})
}

func foreignIdentity(t *testing.T, dir, other string) {
	to := planted(t, dir, other, "ledge.json")
	if err := os.Remove(filepath.Join(to, "ledge.json.copy")); err != nil {
		t.Fatal(err)
	}
	got := ledge(t, "serve", "--dir", to, "--listen", "127.0.0.1:0", "--nats-listen", "off")
	cmd := goesOn.FindStringSubmatch(strings.TrimSpace(got.stderr))
	if got.code != exitRefused || cmd == nil {
		t.Fatalf("a start: exit code %d, %s; want the command that goes on", got.code, got.stderr)
	}
	if got := ledge(t, strings.Fields(cmd[1])...); got.code != 0 {
		t.Fatalf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
	}
	lifetime(t, to, sets(6, 6), func() {})
}

func foreignMeta(t *testing.T, dir, other string) {
	const rel = "journal/jetstream/JOURNAL/streams/J/meta."
	to := planted(t, dir, other, rel+"inf")
	copied, err := os.ReadFile(filepath.Join(other, rel+"sum"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, rel+"sum"), copied, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := ledge(t, "journal", "verify", "--dir", to); got.code != exitRefused || !strings.Contains(got.stdout, "written again") {
		t.Fatalf("verify: exit code %d, %s%s; want a note", got.code, got.stdout, got.stderr)
	}
	lifetime(t, to, sets(6, 6), func() {})
}

func foreignMark(t *testing.T, dir, other string) {
	to := planted(t, dir, other, "journal/mark")
	if err := os.Remove(filepath.Join(to, "journal/mark.copy")); err != nil {
		t.Fatal(err)
	}
	got := ledge(t, "serve", "--dir", to, "--listen", "127.0.0.1:0", "--nats-listen", "off")
	cmd := goesOn.FindStringSubmatch(strings.TrimSpace(got.stderr))
	if got.code != exitRefused || cmd == nil || !strings.Contains(got.stderr, "move it away") {
		t.Fatalf("a start: exit code %d, %s; want to be told to move the mark away, and the command", got.code, got.stderr)
	}
	if err := os.Remove(filepath.Join(to, "journal/mark")); err != nil {
		t.Fatal(err)
	}
	if got := ledge(t, strings.Fields(cmd[1])...); got.code != 0 {
		t.Fatalf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
	}
	lifetime(t, to, sets(6, 6), func() {})
}

// A journal that was put in the place of the node's own is outvoted by ledge.json
// and a snapshot: what is served is the node's, and the loss is named. Where only
// ledge.json says that it is foreign, nobody serves it unasked.
func TestForeignJournal(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, append(append(sets(1, 5), "SAVE"), sets(6, 7)...), func() {})
	lifetime(t, other, append(append(sets(1, 9), "SAVE"), sets(10, 12)...), func() {})
	swapped := func(t *testing.T, gone ...string) string {
		t.Helper()
		to := bare(t, dir, append(gone, "journal")...)
		copyTree(t, filepath.Join(other, "journal"), filepath.Join(to, "journal"))
		return to
	}
	ours := func(t *testing.T, to string) {
		t.Helper()
		if got := ledge(t, "journal", "verify", "--dir", to); got.code != 0 || !strings.Contains(got.stdout, "5 keys") {
			t.Errorf("verify: exit code %d, %s%s; want the 5 keys of the snapshot", got.code, got.stdout, got.stderr)
		}
		if kept, _ := filepath.Glob(filepath.Join(to, "damaged/*/journal/*.blk")); len(kept) == 0 {
			t.Error("the other node's journal is not kept")
		}
		lifetime(t, to, sets(6, 6), func() {})
	}
	for _, words := range []string{"journal repair", "restore"} {
		t.Run(words, func(t *testing.T) {
			to := swapped(t)
			_, err := served(t, to, appliance.DamageStop)
			if err == nil || goesOn.FindString(fault.Line(err)) == "" || !lostAre.MatchString(err.Error()) ||
				!strings.Contains(err.Error(), "5 keys") {
				t.Fatalf("a start says %v; want the node's own keys, the loss and the command", err)
			}
			if got := ledge(t, append(strings.Fields(words), "--dir", to, "--apply")...); got.code != 0 {
				t.Fatalf("exit code %d, %s", got.code, got.stderr)
			}
			ours(t, to)
		})
	}
	t.Run("serve-good", func(t *testing.T) {
		to := swapped(t)
		log, err := served(t, to, appliance.DamageServeGood)
		if err != nil || !strings.Contains(log, "numbers are lost") {
			t.Fatalf("%v; want the loss in the log\n%s", err, log)
		}
		ours(t, to)
	})
	t.Run("serve-good without a snapshot", func(t *testing.T) {
		to := swapped(t, "snapshots")
		if _, err := served(t, to, appliance.DamageServeGood); err == nil || goesOn.FindString(fault.Line(err)) == "" {
			t.Fatalf("a start says %v; want another node's data refused, and the command", err)
		}
	})
	t.Run("serve-good with its snapshots", func(t *testing.T) {
		to := swapped(t, "snapshots")
		copyTree(t, filepath.Join(other, "snapshots"), filepath.Join(to, "snapshots"))
		if _, err := served(t, to, appliance.DamageServeGood); err == nil || goesOn.FindString(fault.Line(err)) == "" {
			t.Fatalf("a start says %v; want another node's data refused, and the command", err)
		}
	})
}

// Another node's block in the place of the journal's is one damage and not as
// many as it has records, whatever the records say.
func TestDamageIsCounted(t *testing.T) {
	dir, other := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, append(sets(1, 5), "SAVE"), func() {})
	lifetime(t, other, sets(1, 300), func() {})
	const rel = "journal/jetstream/JOURNAL/streams/J/msgs/1.blk"
	b, err := os.ReadFile(filepath.Join(other, rel))
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(filepath.Join(dir, rel))
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string][]byte{
		"foreign": b, "own and foreign": append(bytes.Clone(own), b...), "repeated": bytes.Repeat(own, 50),
		"foreign twice": bytes.Repeat(b, 2),
	} {
		t.Run(name, func(t *testing.T) {
			to := bare(t, dir)
			if err := os.WriteFile(filepath.Join(to, rel), block, 0o600); err != nil {
				t.Fatal(err)
			}
			got := ledge(t, "journal", "repair", "--dir", to)
			if n := strings.Count(got.stdout, "damage "); got.code != 0 || n == 0 || n > 10 || !strings.Contains(got.stdout, "more like it") {
				t.Errorf("exit code %d, %d lines of damage; want a few, and a count\n%.2000s%s", got.code, n, got.stdout, got.stderr)
			}
			if log, err := served(t, to, appliance.DamageServeGood); err != nil || strings.Count(log, "msg=damage ") > 10 {
				t.Errorf("a start: %v, %d lines of damage; want a few", err, strings.Count(log, "msg=damage "))
			}
		})
	}
}
