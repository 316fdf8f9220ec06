package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The session that the README begins with is what happens: each command is run as
// it stands there, with the program that this package makes, and prints what stands
// below it. "…" in a line of the README is anything, and as a line of its own any
// lines. The session has a network, processes and a small disk of its own.
func TestReadmeSession(t *testing.T) {
	carryOut(t, "README.md", "TestReadmeSession", 15)
}

// So is the one that the page about backups begins with.
func TestBackupSession(t *testing.T) {
	carryOut(t, "packaging/docs/backup.md", "TestBackupSession", 10)
}

// So is the one about secrets.
func TestSecretsSession(t *testing.T) {
	carryOut(t, "packaging/docs/secrets.md", "TestSecretsSession", 8)
}

// So is the one about clusters, on a machine with three addresses.
func TestClusterSession(t *testing.T) {
	steps := sessionOf(t, "packaging/docs/cluster.md", "TestClusterSession")
	if len(steps) < 19 {
		t.Fatalf("the session has %d commands; want all of it", len(steps))
	}
	openSession(t, "ip link set lo up && for i in 1 2 3; do ip address add 10.0.0.$i/32 dev lo; done").carryOut(t, steps)
}

// carryOut carries out the session of a page, which has so many commands at least.
func carryOut(t *testing.T, page, test string, least int) {
	t.Helper()
	steps := sessionOf(t, page, test)
	if len(steps) < least {
		t.Fatalf("the session of %s has %d commands; want all of it", page, len(steps))
	}
	openSession(t, "ip link set lo up && mkdir disk && mount -t tmpfs -o size=64m tmpfs disk").carryOut(t, steps)
}

// carryOut runs commands, and holds what each prints against what it should.
func (s *session) carryOut(t *testing.T, steps []step) {
	t.Helper()
	for _, st := range steps {
		got, err := s.run(st)
		if err != nil || !st.output.MatchString(got) {
			t.Fatalf("%s$ %s\nprints\n%s%v; want\n%s", st.machine, st.command, got, err, st.output)
		}
	}
}

// step is a command of the session and what it prints. The machine is the letter
// before the prompt, if there is one.
type step struct {
	machine, command string
	output           *regexp.Regexp
}

// prompt is what a command stands after.
var prompt = regexp.MustCompile(`\n([ab]?)[$#] `)

func (s step) background() bool { return strings.HasSuffix(strings.TrimSpace(s.command), "&") }

// sessionOf takes the session out of a page, which names the test that runs it.
func sessionOf(t *testing.T, page, test string) (steps []step) {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(page))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "-run "+test+" -->\n```console\n")
	text, _, ok2 := strings.Cut(rest, "```\n")
	if !ok || !ok2 {
		t.Fatalf("%s has no session", page)
	}
	text = strings.ReplaceAll(text, "\\\n", "\\\n\x00") // goes on in the next line
	text = "\n" + text
	at := prompt.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		part := text[m[1]:]
		if i+1 < len(at) {
			part = text[m[1]:at[i+1][0]]
		}
		command, output, _ := strings.Cut(strings.ReplaceAll(part, "\\\n\x00", "\\\x00"), "\n")
		steps = append(steps, step{text[m[2]:m[3]], strings.ReplaceAll(command, "\\\x00", "\\\n"), outputOf(output)})
	}
	return steps
}

// columns are the gaps between the columns of a table.
var columns = regexp.MustCompile("  +")

// outputOf makes what stands below a command something to match with.
func outputOf(text string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		switch line = strings.TrimRight(line, " \n"); line {
		case "":
		case "…":
			b.WriteString(`(?:.*\n)*?`)
		default:
			// A figure of another width moves what stands after it.
			line = columns.ReplaceAllString(regexp.QuoteMeta(line), "  *")
			b.WriteString(strings.ReplaceAll(line, "…", ".*") + ` *\n`)
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// session is a shell that runs the commands, one after the other.
type session struct {
	in     io.Writer
	mu     sync.Mutex
	out    bytes.Buffer // what has been printed and not yet looked at
	arrive chan struct{}
	over   chan struct{} // closed when the shell has ended
}

// shipped builds the program as it is shipped, once, for all sessions.
var shipped = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "ledge-test"); err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "ledge"), ".").CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go build: %w, %s", err, out)
	}
	return dir, nil
})

// builds says that some session has had the program built.
var builds atomic.Bool

func TestMain(m *testing.M) {
	code := m.Run()
	if builds.Load() {
		dir, _ := shipped()
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// openSession starts the shell, with the program in its path and an empty
// directory to be in, and has it prepare a network and disks of its own.
func openSession(t *testing.T, prepare string) *session {
	t.Helper()
	apart := []string{"--user", "--map-root-user", "--mount", "--net", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"}
	if os.Geteuid() == 0 {
		apart = apart[2:] // then there are other users, too
	}
	dir := t.TempDir()
	for _, name := range []string{"unshare", "ip", "redis-cli", "bash"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("it takes %s: %v", name, err)
		}
	}
	try := exec.Command("unshare", append(apart, "bash", "-c", "cd "+t.TempDir()+" && "+prepare)...)
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("it takes a network and a disk of its own, as root has: %v, %s", err, out)
	}
	builds.Store(true)
	bin, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "unshare", append(apart, "bash")...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "FAKETTY=1", "LC_ALL=C", "PROGRAM="+bin, "PATH="+bin+":"+os.Getenv("PATH"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{in: in, arrive: make(chan struct{}, 1), over: make(chan struct{})}
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = s, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // it was killed, or the next command says that it is gone
		close(s.over)
	}()
	t.Cleanup(func() {
		cancel()
		<-s.over
		if t.Failed() {
			t.Logf("the shell says: %s", &stderr)
			for _, name := range []string{"a.log", "b.log"} {
				b, _ := os.ReadFile(filepath.Join(dir, name))
				t.Logf("%s:\n%s", name, b)
			}
		}
	})
	if _, err := io.WriteString(in, prepare+"\n"); err != nil {
		t.Fatal(err)
	}
	return s
}

// Write takes what the shell's commands print.
func (s *session) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Write(b)
	select {
	case s.arrive <- struct{}{}:
	default:
	}
	return len(b), nil
}

// run runs a command and returns what it prints: all of it, or of one in the
// background what it has printed when that is as it should be.
func (s *session) run(st step) (string, error) {
	const end = "-- that was all --\n"
	command := "{ " + st.command + "\n} </dev/null 2>&1\n"
	if st.machine == "b" {
		command = "on_b <<'-- end --'\n" + st.command + "\n-- end --\n"
	}
	if st.background() {
		command += "disown -a\n" // its end is nothing to report
	} else {
		command += "echo '" + strings.TrimSpace(end) + "'\n"
	}
	if _, err := io.WriteString(s.in, command); err != nil {
		return "", err
	}
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		s.mu.Lock()
		got := s.out.String()
		before, _, ended := strings.Cut(got, end)
		if ended || st.background() && st.output.MatchString(got) {
			s.out.Reset()
			s.mu.Unlock()
			return before, nil
		}
		s.mu.Unlock()
		select {
		case <-s.arrive:
		case <-s.over:
			return got, errors.New("and the shell has ended")
		case <-limit.C:
			return got, errors.New("and no more within a minute")
		}
	}
}
