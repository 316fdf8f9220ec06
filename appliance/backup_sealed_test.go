package appliance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ledge/journal/freeport"
)

// Another key of age's, and its public half.
const (
	otherIdentity  = "AGE-SECRET-KEY-196YMHGXH0JAKTYVKKA9YSZXGKKYF0KVKVDUNWQV5W86PF0ZF369ST8QUES"
	otherRecipient = "age1z372hc7yjurng03kvvufvu0kkxpmuck33tygxguhs70vlvj9cvnsxf47pw"
)

// sealedNode is a node to be backed up, a directory for what is kept, and files with
// keys and passphrases in it.
type sealedNode struct {
	t          *testing.T
	p          *process
	dir, store string
}

func newSealedNode(t *testing.T) *sealedNode {
	n := &sealedNode{t: t, dir: t.TempDir(), store: t.TempDir()}
	n.p = start(t, n.dir, "--nats-listen", freeport.Addr(t))
	n.write("one")
	for name, text := range map[string]string{
		"phrase": "a long passphrase", "other-phrase": "another one", "no-phrase": "",
		"key": ageIdentity, "other-key": otherIdentity, "no-key": "AGE-SECRET-KEY-1QQQQ",
		"recipients": "# those who may\n" + ageRecipient + "\n\n" + otherRecipient + "\n", "one-recipient": ageRecipient,
		"no-recipients": "# nobody\n", "bad-recipients": "somebody@example.com\n",
	} {
		if err := os.WriteFile(n.file(name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func (n *sealedNode) file(name string) string { return filepath.Join(n.store, name) }

func (n *sealedNode) write(v string) {
	n.t.Helper()
	if err := n.p.client().Set(n.t.Context(), "k", v, 0).Err(); err != nil {
		n.t.Fatal(err)
	}
}

// with takes options apart, in which a name after @ is a file's.
func (n *sealedNode) with(options string) (args []string) {
	for _, word := range strings.Fields(options) {
		if name, ok := strings.CutPrefix(word, "@"); ok {
			word = n.file(name)
		}
		args = append(args, word)
	}
	return args
}

// restores restores a backup, with what opens it: want is what the error has in it, ""
// is that it works. Of one that doesn't work nothing is left.
func (n *sealedNode) restores(from, open, want string) {
	n.t.Helper()
	to := filepath.Join(n.t.TempDir(), "restored")
	got := run(n.t, append([]string{"restore", "--from", n.file(from), "--dir", to}, n.with(open)...)...)
	_, err := os.Stat(to)
	switch {
	case want == "" && (got.code != 0 || !strings.Contains(got.stdout, n.p.info("journal_digest"))):
		n.t.Errorf("restore of %s with %q: exit code %d, %q, %s; want the node's digest", from, open, got.code, got.stdout, got.stderr)
	case want != "" && (got.code == 0 || !strings.Contains(got.stderr, want) || err == nil):
		n.t.Errorf("restore of %s with %q: exit code %d, %s, directory %v; want %q, and nothing left", from, open, got.code, got.stderr, err, want)
	}
}

// A backup is encrypted with a passphrase, to recipients of a file or of options, and
// opened by each who may; with what does not open it an error says so, and nothing is left.
func TestBackupSealed(t *testing.T) {
	t.Parallel()
	n := newSealedNode(t)
	for name, options := range map[string]string{
		"phrased": "--passphrase-file @phrase",
		"many":    "--recipients-file @recipients --identity @other-key",
		"one":     "--recipients-file @one-recipient",
	} {
		b := answered[backedUp](t, append([]string{"backup", "--dir", n.dir, "--json", "--to", n.file(name)}, n.with(options)...)...)
		verified := strings.HasPrefix(b.State, "verified")
		if verified == (name == "one") || filepath.Ext(b.Path) != ".age" {
			t.Errorf("%s: %+v; want it encrypted, and verified where that can be opened", name, b)
		}
		raw, err := os.ReadFile(b.Path)
		if err != nil || !strings.HasPrefix(string(raw), "age-encryption.org/v1") {
			t.Errorf("%s begins with %.30q, %v; want age's format", name, raw, err)
		}
	}
	for _, c := range []struct{ from, open, want string }{
		{"phrased", "--passphrase-file @phrase", ""},
		{"phrased", "--passphrase-file @other-phrase", "incorrect passphrase"},
		{"phrased", "--identity @key", "decrypt"},
		{"phrased", "", "--identity or --passphrase-file"},
		{"many", "--identity @key", ""},
		{"many", "--identity @other-key", ""},
		{"one", "--identity @key", ""},
		{"one", "--identity @other-key", "decrypt"},
		{"one", "--identity @no-key", "--identity"},
	} {
		n.restores(c.from, c.open, c.want)
	}
}

// What can't be encrypted as it is asked for is not taken, and what is encrypted for
// others is not added to by whoever says what opens it. Nothing is left of either.
func TestBackupSealedRefused(t *testing.T) {
	t.Parallel()
	n := newSealedNode(t)
	answered[backedUp](t, append([]string{"backup", "--dir", n.dir, "--json", "--to", n.file("kept")}, n.with("--encrypt-to "+ageRecipient)...)...)
	n.write("two")
	before := namesOf(t, n.file("kept"))
	for _, c := range []struct{ options, want string }{
		{"--recipients-file @none", "no such file"},
		{"--recipients-file @no-recipients", "recipients"},
		{"--recipients-file @bad-recipients", "bad-recipients"},
		{"--passphrase-file @none", "no such file"},
		{"--passphrase-file @no-phrase", "--passphrase-file"},
		{"--encrypt-to somebody", "--encrypt-to"},
		{"--encrypt-to " + ageRecipient + " --passphrase-file @phrase", "either"},
		{"--encrypt-to " + otherRecipient + " --identity @other-key", "can't be opened"},
		{"--passphrase-file @phrase", "can't be opened"},
	} {
		for _, to := range []string{"kept", "new/file.backup"} {
			if to != "kept" && !strings.HasPrefix(c.options, "--encrypt-to somebody") {
				continue
			}
			got := run(t, append([]string{"backup", "--dir", n.dir, "--to", n.file(to)}, n.with(c.options)...)...)
			if got.code == 0 || !strings.Contains(got.stderr, c.want) || got.stdout != "" {
				t.Errorf("%s to %s: exit code %d, %q, %s; want %q", c.options, to, got.code, got.stdout, got.stderr, c.want)
			}
		}
	}
	if now := namesOf(t, n.file("kept")); strings.Join(now, " ") != strings.Join(before, " ") {
		t.Errorf("there are %q; want %q as before", now, before)
	}
	if _, err := os.Stat(n.file("new")); err == nil {
		t.Errorf("%s is made; want nothing", n.file("new"))
	}
	b := answered[backedUp](t, append([]string{"backup", "--dir", n.dir, "--json", "--to", n.file("kept")},
		n.with("--encrypt-to "+ageRecipient+" --identity @key")...)...)
	n.restores("kept", "--identity @key", "")
	whole, err := os.ReadFile(b.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{len(whole) - 1, 100} {
		if err := os.WriteFile(b.Path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		n.restores("kept", "--identity @key", filepath.Base(b.Path))
	}
}

// namesOf returns the names of what a directory holds.
func namesOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
