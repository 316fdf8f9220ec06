package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
)

// completions are what each shell has to offer for a line: the last word is the
// one that is being written.
var completions = []struct {
	words   []string
	want    []string // among what is offered
	without []string
}{
	{[]string{""}, []string{"serve", "journal", "completion", "status"}, []string{"--dir"}},
	{[]string{"ser"}, []string{"serve"}, []string{"status"}},
	{[]string{"serve", "--sn"}, []string{"--snapshot-every"}, []string{"--dir", "serve"}},
	{[]string{"journal", ""}, []string{"info", "tail", "verify", "repair"}, []string{"serve", "get"}},
	{[]string{"journal", "repair", "--"}, []string{"--apply", "--dir"}, []string{"--sync"}},
	{[]string{"config", "set", "--us"}, []string{"--user"}, nil},
	{[]string{"journal", "--dir", "serve", "ver"}, []string{"verify"}, []string{"version"}}, // a value is no command
	{[]string{"serve", "--config", "led"}, []string{"ledge.yaml"}, []string{"ledge"}},
	{[]string{"serve", "--dir", "led"}, []string{"ledger"}, []string{"ledge.yaml"}},
	{[]string{"serve", "--sync", "ser"}, nil, []string{"serve"}},
	{[]string{"serve", "--sync", ""}, []string{"always", "interval", "off"}, []string{"--dir"}},
	{[]string{"serve", "--log-format", "j"}, []string{"json"}, []string{"text"}},
	{[]string{"serve", "--log-level", "w"}, []string{"warn"}, []string{"error"}},
	{[]string{"serve", "--resume-auto", ""}, []string{"none", "retryable", "all"}, nil},
	{[]string{"status", "--user", "mo"}, []string{"monitor"}, []string{"admin"}},
	{[]string{"serve", "--from", "led"}, []string{"ledge.yaml"}, nil},
	{[]string{"journal", "tail", "--dir", "led"}, []string{"ledger"}, []string{"ledge.yaml"}},
	{[]string{"config", "set", "maxm"}, []string{"maxmemory"}, []string{"maxclients"}},
	{[]string{"config", "get", "appendf"}, []string{"appendfsync"}, nil},
	{[]string{"config", "get", "slowlog-"}, []string{"slowlog-max-len", "slowlog-log-slower-than"}, nil},
	{[]string{"config", "set", "script-"}, []string{"script-max-time", "script-max-memory"}, nil},
	{[]string{"config", "set", "da"}, nil, []string{"databases"}}, // which only a start takes
	{[]string{"config", "reset", "maxc"}, []string{"maxclients"}, nil},
	{[]string{"completion", ""}, []string{"bash", "fish", "zsh"}, nil},
}

// How each shell is asked what it would offer, one candidate a line, when the
// words are its arguments after the file with the completions.
var askShell = map[string]string{
	"bash": `. "$1"; shift; compopt() { :; }; COMP_WORDS=(ledge "$@"); COMP_CWORD=$#; _ledge; printf '%s\n' "${COMPREPLY[@]}"`,
	"fish": `source $argv[1]; complete -C (string join ' ' -- ledge $argv[2..-1]) | string replace -r '\t.*' ''`,
	// The functions of zsh's own are stood in for: what they would be asked is seen.
	"zsh": `emulate zsh; f=$1; shift; words=(ledge "$@"); CURRENT=$(($#words)); current=${words[-1]}
compdef() { :; }; _message() { :; }
_describe() { for c in "${found[@]}"; do c=${c%%:*}; [[ $c == $current* ]] && print -r -- $c; done }
_files() { [[ $1 == -/ ]] && print -rl -- $current*(N/) || print -rl -- $current*(N.); }
source $f; _ledge`,
}

// Each shell offers the commands and options that there are, where they can stand.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "fish", "zsh"} {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("it takes %s: %v", shell, err)
			}
			got := ledge(t, "completion", shell)
			if got.code != 0 || got.stderr != "" {
				t.Fatalf("completion ends with %d, %q", got.code, got.stderr)
			}
			script := write(t, "completion", got.stdout)
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "ledge.yaml"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "ledger"), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, c := range completions {
				offered(t, shell, dir, append([]string{script}, c.words...), c.want, c.without)
			}
		})
	}
}

func offered(t *testing.T, shell, dir string, args, want, without []string) {
	t.Helper()
	run := []string{"-c", askShell[shell]}
	if shell != "fish" {
		run = append(run, shell) // its $0
	}
	cmd := exec.Command(shell, append(run, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	out, err := cmd.Output()
	if err != nil && len(out) == 0 && len(want) > 0 {
		t.Errorf("%s, %q: %v", shell, args[1:], err)
	}
	var got []string
	for s := range strings.FieldsSeq(string(out)) {
		got = append(got, strings.TrimSuffix(s, "/"))
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s offers %q for %q; want %s among it", shell, got, args[1:], w)
		}
	}
	for _, w := range without {
		if slices.Contains(got, w) {
			t.Errorf("%s offers %q for %q; want no %s", shell, got, args[1:], w)
		}
	}
}

// What is offered for config get are the parameters of the page, which are those of a
// running node but for the secret, and for config set and config reset those of them that can be set.
func TestCompletionParameters(t *testing.T) {
	var all, settable []string
	for _, row := range pagetest.Table(t, "appliance/options/OPTIONS.md", "## Parameters of CONFIG") {
		name := strings.Trim(row[0], "`")
		if len(row) != 4 || name == "parameter" {
			continue
		}
		if name != "requirepass" { // a secret can be set and is never shown
			all = append(all, name)
		}
		if row[3] == "yes" {
			settable = append(settable, name)
		}
	}
	if len(settable) < 20 || len(all) <= len(settable) {
		t.Fatalf("the page has %d parameters, of which %d can be set; want more", len(all), len(settable))
	}
	script := ledge(t, "completion", "bash").stdout
	for command, want := range map[string][]string{"config get": all, "config set": settable, "config reset": settable} {
		_, rest, _ := strings.Cut(script, "'"+command+"') words='")
		words, _, ok := strings.Cut(rest, "'")
		got := slices.DeleteFunc(strings.Fields(words), func(w string) bool { return strings.HasPrefix(w, "--") })
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s: offered are\n%q\nwant\n%q", command, got, want)
		}
	}
}

// A shell that there are no completions for is refused, and those that there are
// are named.
func TestCompletionRefused(t *testing.T) {
	for _, args := range [][]string{{"completion"}, {"completion", "csh"}, {"completion", "bash", "zsh"}} {
		got := ledge(t, args...)
		if got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, "bash, fish or zsh") {
			t.Errorf("%q yields %+v; want exit code 2, and the shells that there are", args, got)
		}
	}
}

// The manual page has every command and option, and man finds no fault with it.
func TestManual(t *testing.T) {
	got := ledge(t, "manual")
	if got.code != 0 {
		t.Fatalf("manual yields %+v", got)
	}
	for _, want := range []string{`.SS "ledge serve"`, `.SS "ledge journal verify"`, `.SS "ledge switchover \-\-to NODE"`,
		`.BI "\-\-snapshot\-every" " SIZE|DURATION"`, `.BI "\-\-apply" ""`, "LEDGE_MAX_MEMORY", ".SH \"EXIT STATUS\""} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("the manual lacks %s", want)
		}
	}
	if _, err := exec.LookPath("man"); err != nil {
		t.Skipf("whether man finds fault with it takes man: %v", err)
	}
	cmd := exec.Command("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", write(t, "ledge.1", got.stdout))
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANROFFSEQ=", "MANWIDTH=80")
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "warning") {
		t.Errorf("man: %v, %s", err, out[:min(len(out), 2000)])
	}
}

// The program says what it was made of, if it has been told.
func TestVersion(t *testing.T) {
	was, day := commit, date
	t.Cleanup(func() { commit, date = was, day })
	commit, date = "0123456789ab", "2026-02-03T04:05:06+09:00"
	got := ledge(t, "version")
	if got.code != 0 || !strings.Contains(got.stdout, " (commit 0123456789ab of 2026-02-02, go1.") {
		t.Errorf("version yields %+v; want commit and day", got)
	}
	commit, date = "", ""
	if got := ledge(t, "version"); got.code != 0 || !strings.HasPrefix(got.stdout, "ledge 0.") {
		t.Errorf("version yields %+v without being told", got)
	}
}
