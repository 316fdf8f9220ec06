package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ledge/appliance"
	"ledge/journal/fault"
)

// A directory that has lost ledge.json and its copy is served again once an
// operator has said so; what is in them is found out, but for whom it followed.
func TestIdentityLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, sets(1, 5), func() {})
	for _, name := range []string{"ledge.json", "ledge.json.copy"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"serve", "--dir", dir, "--listen", "127.0.0.1:0", "--nats-listen", "off"},
		{"journal", "verify", "--dir", dir}} {
		got := ledge(t, args...)
		if cmd := goesOn.FindStringSubmatch(strings.TrimSpace(got.stderr)); got.code != exitRefused || cmd == nil ||
			cmd[1] != "journal repair --dir "+dir+" --apply" {
			t.Fatalf("%s: exit code %d, %s; want the command that goes on", args, got.code, got.stderr)
		}
	}
	if got := ledge(t, "journal", "repair", "--dir", dir); got.code != 0 ||
		!strings.Contains(got.stdout, "--follow") || !strings.Contains(got.stdout, "loses   nothing\n") {
		t.Errorf("a dry run: exit code %d, %s%s; want nothing lost, and a word about --follow", got.code, got.stdout, got.stderr)
	}
	if got := ledge(t, "journal", "repair", "--dir", dir, "--apply"); got.code != 0 {
		t.Fatalf("repair: exit code %d, %s", got.code, got.stderr)
	}
	lifetime(t, dir, []string{"GET key5", "SET key6 v"}, func() {})
	if got := ledge(t, "journal", "verify", "--dir", dir); !strings.Contains(got.stdout, "6 keys") {
		t.Errorf("verify: exit code %d, %s%s; want 6 keys", got.code, got.stdout, got.stderr)
	}
}

// One of the two files that is damaged is made good from the other one, and kept as evidence.
func TestIdentitySpoiled(t *testing.T) {
	for _, name := range []string{"ledge.json", "ledge.json.copy"} {
		dir := filepath.Join(t.TempDir(), "data")
		lifetime(t, dir, sets(1, 5), func() {})
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{broken"), 0o600); err != nil {
			t.Fatal(err)
		}
		lifetime(t, dir, []string{"GET key5"}, func() {})
		kept, err := filepath.Glob(filepath.Join(dir, "damaged", "*", name))
		if err != nil || len(kept) != 1 {
			t.Fatalf("%s: kept as %q, %v; want it once", name, kept, err)
		}
		if b, err := os.ReadFile(kept[0]); string(b) != "{broken" {
			t.Errorf("%s holds %q, %v; want what was damaged", kept[0], b, err)
		}
		if got := ledge(t, "journal", "verify", "--dir", dir); got.code != 0 || !strings.Contains(got.stdout, "5 keys") {
			t.Errorf("verify: exit code %d, %s%s; want 5 keys", got.code, got.stdout, got.stderr)
		}
	}
}

// What a first start that was cut short has left is no damage.
func TestVerifyUnborn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, nil, func() {})
	b, err := os.ReadFile(filepath.Join(dir, "ledge.json"))
	if err != nil {
		t.Fatal(err)
	}
	unborn := filepath.Dir(write(t, "ledge.json", unsealed(string(b))))
	if got := ledge(t, "journal", "verify", "--dir", unborn); got.code != 0 || !strings.Contains(got.stdout, "cut short") {
		t.Errorf("verify: exit code %d, %s%s; want a note", got.code, got.stdout, got.stderr)
	}
	lifetime(t, unborn, []string{"SET k v"}, func() {})
}

// unsealed makes an identity one of a first start, as an older program wrote it.
func unsealed(text string) string {
	text = strings.Replace(text, `"state": "ready"`, `"state": "creating"`, 1)
	return regexp.MustCompile(`,\s*"written": \d+,\s*"sum": "\w+"`).ReplaceAllString(text, "")
}

// An empty file is nobody's password, on either side of the connection.
func TestEmptyPassword(t *testing.T) {
	path := write(t, "admin", "\n")
	got := ledge(t, "status", "--server", "nats://127.0.0.1:1", "--password-file", path)
	if got.code == 0 || !strings.Contains(got.stderr, path) || !strings.Contains(got.stderr, "empty") {
		t.Errorf("exit code %d, %s; want the file refused", got.code, got.stderr)
	}
}

// An older program knows neither checksum nor copy. What it has written counts,
// whatever the copy says.
func TestOlderProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, sets(1, 2), func() {})
	path := filepath.Join(dir, "ledge.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), `"databases": 16`, `"databases": 20`, 1)
	text = regexp.MustCompile(`,\s*"written": \d+,\s*"sum": "\w+"`).ReplaceAllString(text, "")
	if err := os.WriteFile(path, []byte(strings.Replace(text, `"node": "n"`, `"node": "m"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ledge(t, "journal", "info", "--dir", dir); !strings.Contains(got.stdout, "node      m\n") {
		t.Errorf("journal info says %s%s; want node m", got.stdout, got.stderr)
	}
	lifetime(t, dir, sets(3, 3), func() {})
	again, err := os.ReadFile(path)
	copied, cerr := os.ReadFile(path + ".copy")
	if err != nil || cerr != nil || string(again) != string(copied) || !strings.Contains(string(again), `"sum"`) {
		t.Errorf("after a start ledge.json is %s, %v, and its copy %s, %v; want both the same", again, err, copied, cerr)
	}
}

// bare returns a copy of a directory of which paths are removed.
func bare(t *testing.T, dir string, patterns ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	copyTree(t, dir, to)
	for _, p := range patterns {
		paths, err := filepath.Glob(filepath.Join(to, p))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %q, %v; want something to remove", p, paths, err)
		}
		for _, path := range paths {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	return to
}

// The records of numbers that were truncated may still be in their block. A node
// that has lost its snapshots goes on from them, by itself and by repair.
func TestDamageSnapshotsDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var killed string
	lifetime(t, dir, append(sets(1, 2), "SAVE"), func() {})
	lifetime(t, dir, append(sets(3, 4), "SAVE"), func() {})
	lifetime(t, dir, sets(5, 6), func() { killed = witnessed(t, dir) })
	for name, from := range map[string]string{"closed": dir, "killed": killed} {
		for _, how := range []string{"start", "serve-good", "repair"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				to := bare(t, from, "snapshots/*")
				if got := ledge(t, "journal", "verify", "--dir", to); got.code != exitRefused || !strings.Contains(got.stdout, "6 keys") {
					t.Errorf("verify: exit code %d, %s%s; want 6 keys", got.code, got.stdout, got.stderr)
				}
				c := harmed{t: t, dir: to}
				var log bytes.Buffer
				switch how {
				case "repair":
					got := ledge(t, "journal", "repair", "--dir", to, "--apply")
					if got.code != 0 || !strings.Contains(got.stdout, "loses   nothing\n") {
						t.Fatalf("repair: exit code %d, %s%s; want something to do that loses nothing", got.code, got.stdout, got.stderr)
					}
				default:
					cfg := damageConfig(c.dir)
					cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
					if how == "serve-good" {
						cfg.OnDamage = appliance.DamageServeGood
					}
					n, err := appliance.Open(t.Context(), cfg)
					if err != nil {
						t.Fatal(err)
					}
					if err := n.Close(); err != nil {
						t.Fatal(err)
					}
					if !strings.Contains(log.String(), "nothing is lost") {
						t.Errorf("the log has no warning:\n%s", &log)
					}
				}
				lifetime(t, to, sets(7, 7), func() {})
				if got := ledge(t, "journal", "verify", "--dir", to); got.code != 0 || !strings.Contains(got.stdout, "7 keys") {
					t.Errorf("verify: exit code %d, %s%s; want 7 keys", got.code, got.stdout, got.stderr)
				}
			})
		}
	}
}

// However much of a directory is gone, the command of the refusal leads on, and
// --on-damage serve-good does the same by itself.
func TestDamageIdentityAndMore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, append(append(sets(1, 5), "SAVE"), sets(6, 7)...), func() {})
	for name, c := range map[string]struct {
		gone []string
		keys string
	}{
		"identity":              {[]string{"ledge.json*"}, "7 keys"},
		"identity and journal":  {[]string{"ledge.json*", "journal"}, "5 keys"},
		"identity and blocks":   {[]string{"ledge.json*", "journal/jetstream"}, "5 keys"},
		"identity and mark":     {[]string{"ledge.json*", "journal/mark*"}, "7 keys"},
		"identity and snapshot": {[]string{"ledge.json*", "snapshots"}, "7 keys"},
		"journal":               {[]string{"journal"}, "5 keys"},
	} {
		t.Run(name, func(t *testing.T) {
			to := bare(t, dir, c.gone...)
			got := ledge(t, "serve", "--dir", to, "--listen", "127.0.0.1:0", "--nats-listen", "off")
			cmd := goesOn.FindStringSubmatch(strings.TrimSpace(got.stderr))
			if got.code != exitRefused || cmd == nil {
				t.Fatalf("a start: exit code %d, %s; want the command that goes on", got.code, got.stderr)
			}
			alone := bare(t, to)
			if log, err := served(t, alone, appliance.DamageServeGood); err != nil || !strings.Contains(log, "level=ERROR") {
				t.Errorf("with serve-good: %v; want it served, and ERROR in the log\n%s", err, log)
			}
			if got := ledge(t, "journal", "verify", "--dir", alone); got.code != 0 || !strings.Contains(got.stdout, c.keys) {
				t.Errorf("after serve-good verify: exit code %d, %s%s; want %s", got.code, got.stdout, got.stderr, c.keys)
			}
			if got := ledge(t, "journal", "info", "--dir", alone); !strings.Contains(got.stdout, "node      n\n") {
				t.Errorf("after serve-good the node has another name than --node says: %s%s", got.stdout, got.stderr)
			}
			if got := ledge(t, strings.Fields(cmd[1])...); got.code != 0 {
				t.Fatalf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
			}
			lifetime(t, to, nil, func() {})
			if got := ledge(t, "journal", "verify", "--dir", to); got.code != 0 || !strings.Contains(got.stdout, c.keys) {
				t.Errorf("verify: exit code %d, %s%s; want %s", got.code, got.stdout, got.stderr, c.keys)
			}
		})
	}
}

// served opens a node and closes it, and returns its log.
func served(t *testing.T, dir, onDamage string) (string, error) {
	t.Helper()
	var log bytes.Buffer
	cfg := damageConfig(dir)
	cfg.OnDamage, cfg.Logger = onDamage, slog.New(slog.NewTextHandler(&log, nil))
	n, err := appliance.Open(t.Context(), cfg)
	if err == nil {
		log.WriteString(n.Status().Recovered)
		err = n.Close()
	}
	return log.String(), err
}

// Where all of a node's data is gone and other files of it are left, a start says
// what to do, and empties nothing.
func TestDamageAllGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, sets(1, 2), func() {})
	for _, rel := range []string{"run.json", "damaged/x/mark"} {
		path := filepath.Join(dir, rel)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, gone := range map[string][]string{
		"all":           nil,
		"no auth":       {"auth"},
		"no run.json":   {"run.json"},
		"only run.json": {"auth", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			to := bare(t, dir, append(gone, "ledge.json*", "journal")...)
			_ = os.RemoveAll(filepath.Join(to, "snapshots"))
			for _, how := range []string{appliance.DamageStop, appliance.DamageServeGood} {
				if _, err := served(t, to, how); err == nil || !strings.Contains(err.Error(), "run: mv "+to+" "+to+".old") {
					t.Errorf("%s: a start says %v; want the next step", how, err)
				}
			}
			if got := ledge(t, "journal", "repair", "--dir", to); got.code == 0 || !strings.Contains(got.stderr, "put a copy of the directory back") {
				t.Errorf("repair: exit code %d, %s; want the next step", got.code, got.stderr)
			}
		})
	}
}

// Restore does not offer to empty a node of which nothing is damaged.
func TestRestoreWithoutSnapshot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, sets(1, 3), func() {})
	for _, args := range [][]string{{"restore", "--dir", dir}, {"restore", "--dir", dir, "--apply"}} {
		if got := ledge(t, args...); got.code == 0 || !strings.Contains(got.stderr, "no snapshot to go back to") {
			t.Errorf("%s: exit code %d, %s%s; want it refused", args, got.code, got.stdout, got.stderr)
		}
	}
	if got := ledge(t, "journal", "verify", "--dir", dir); !strings.Contains(got.stdout, "3 keys") {
		t.Errorf("verify: %s%s; want all 3 keys", got.stdout, got.stderr)
	}
	to := bare(t, dir, "journal/jetstream")
	if got := ledge(t, "restore", "--dir", to, "--apply"); got.code != 0 || !strings.Contains(got.stdout, "an empty node") {
		t.Fatalf("restore of a damaged node: exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	if said, err := served(t, to, appliance.DamageStop); err != nil || strings.Contains(said, "new and empty") ||
		!strings.Contains(said, "empty since a repair; lost is 1-") {
		t.Errorf("a start says %s, %v; want it not taken for a new node", said, err)
	}
}

// Directories in the place of both files of the identity, with others or without,
// are as good as their loss.
func TestDamageMisplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, append(sets(1, 5), "SAVE"), func() {})
	const stream = "journal/jetstream/JOURNAL/streams/J/"
	for name, rels := range map[string][]string{
		"identity":   {"ledge.json", "ledge.json.copy"},
		"marks":      {"journal/mark", "journal/mark.copy"},
		"identities": {"ledge.json", "ledge.json.copy", "journal/mark", "journal/mark.copy", stream + "meta.inf"},
		"temporary":  {"ledge.json.tmp", "auth/admin.tmp", stream + "meta.sum.tmp", "journal/mark.copy.tmp"},
		"blocks":     {stream + "msgs/1.blk", stream + "msgs/2.blk", stream + "msgs/index.db"},
	} {
		t.Run(name, func(t *testing.T) {
			to := bare(t, dir)
			for _, rel := range rels {
				path := filepath.Join(to, rel)
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
				if err := os.MkdirAll(filepath.Join(path, "not", "empty"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if got := ledge(t, "journal", "repair", "--dir", bare(t, to), "--apply"); got.code != 0 {
				t.Errorf("repair: exit code %d, %s%s", got.code, got.stdout, got.stderr)
			}
			if _, err := served(t, to, appliance.DamageStop); err != nil {
				cmd := goesOn.FindStringSubmatch(fault.Line(err))
				if cmd == nil {
					t.Fatalf("a start says %v; want the command that goes on", err)
				}
				if got := ledge(t, strings.Fields(cmd[1])...); got.code != 0 {
					t.Fatalf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
				}
			}
			lifetime(t, to, nil, func() {})
			if got := ledge(t, "journal", "verify", "--dir", to); got.code != 0 || !strings.Contains(got.stdout, "5 keys") {
				t.Errorf("verify: exit code %d, %s%s; want 5 keys", got.code, got.stdout, got.stderr)
			}
			if kept, _ := filepath.Glob(filepath.Join(to, "damaged/*/misplaced")); len(kept) == 0 {
				t.Error("the directories are not kept")
			}
		})
	}
}
