package appliance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ledge/admin"
)

// Passwords are drawn once, for the owner's eyes only. One that was removed is
// drawn again, and the others stay; so is one that nobody can have chosen.
func TestPasswords(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	cfg.SetDefaults()
	d, err := openDirectory(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	draw := func() map[string]string {
		t.Helper()
		users, err := d.passwords()
		if err != nil {
			t.Fatal(err)
		}
		return users
	}
	first := draw()
	var seen []string
	for _, user := range admin.PasswordUsers() {
		path := filepath.Join(d.path, "auth", user)
		b, err := os.ReadFile(path)
		if err != nil || string(b) != first[user]+"\n" || len(first[user]) < 20 {
			t.Errorf("%s has %q, %v; want the one line %q", path, b, err, first[user])
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", path, info.Mode(), err)
		}
		if slices.Contains(seen, first[user]) {
			t.Errorf("%s has somebody else's password", user)
		}
		seen = append(seen, first[user])
	}
	monitor := filepath.Join(d.path, "auth", admin.MonitorUser)
	if err := os.Remove(monitor); err != nil {
		t.Fatal(err)
	}
	second := draw()
	for user := range first {
		if same := first[user] == second[user]; same == (user == admin.MonitorUser) {
			t.Errorf("after the monitor's was removed, the password of %s is the same: %v", user, same)
		}
	}
	if err := os.WriteFile(monitor, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, damage := range []string{"", "\n", "\x00\x00\x00\x00", "\xff\xfe\x01", strings.Repeat("x", maxPassword+1)} {
		if err := os.WriteFile(monitor, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		d.notes = nil
		third := draw()
		if p := third[admin.MonitorUser]; len(p) < 20 || third[admin.AdminUser] != first[admin.AdminUser] {
			t.Errorf("with %.8q in the file the password is %q; want one that is drawn, and the others as they were", damage, p)
		}
		if len(d.notes) != 1 || !strings.Contains(d.notes[0], monitor) {
			t.Errorf("with %.8q in the file the notes are %q; want one with the file's name", damage, d.notes)
		}
	}
}

// The password of a leader may be put where a node looks for it before its first
// start. Whatever else is in auth was somebody's, and stays.
func TestLeaderPasswordFirst(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		taken bool
	}{
		{"an empty auth", nil, true},
		{"the leader's password", []string{"leader"}, true},
		{"another node's password", []string{"admin"}, false},
		{"both", []string{"leader", "replica"}, false},
		{"a directory", []string{"leader/x"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Dir: t.TempDir()}
			cfg.SetDefaults()
			auth := filepath.Join(cfg.Dir, authDir)
			if err := os.Mkdir(auth, 0o700); err != nil {
				t.Fatal(err)
			}
			for _, f := range c.files {
				path := filepath.Join(auth, f)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte("secret\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			d, err := openDirectory(&cfg)
			if (err == nil) != c.taken {
				t.Errorf("openDirectory = %v; want it taken: %v", err, c.taken)
			}
			if err == nil {
				defer d.close()
			}
			for _, f := range c.files {
				if b, err := os.ReadFile(filepath.Join(auth, f)); string(b) != "secret\n" {
					t.Errorf("%s has %q, %v; want what was in it", f, b, err)
				}
			}
		})
	}
}
