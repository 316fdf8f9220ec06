package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"ledge/journal/logtest"
	"ledge/journal/progress"
)

// screen is a pseudo terminal: what is written to it, and what has come out.
type screen struct {
	*os.File
	mu  sync.Mutex
	out bytes.Buffer
}

// openScreen opens a pseudo terminal of so many columns.
func openScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	s := &screen{}
	if err == nil {
		s.File, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(s.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			s.mu.Lock()
			s.out.Write(b[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { s.Close(); <-ended; master.Close() })
	return s
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// await waits until the screen has a text.
func (s *screen) await(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(s.text(), want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the screen has no %q:\n%q", want, s.text())
		}
	}
}

func half() progress.Seen {
	return progress.Seen{Step: "checking the journal", Unit: progress.Bytes, Done: 512 << 20, Total: 1 << 30, Known: true, Share: 0.5,
		Rate: 64 << 20, Left: 8 * time.Second}
}

// On a terminal one line is drawn again, no wider than the terminal; what others say
// stands above it, and nothing is left of it at the end.
func TestBarOnTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for _, columns := range []uint16{120, 60, 30, 12} {
		s := openScreen(t, columns)
		b := NewBar(s.File)
		if !b.Terminal() || b.first != firstBar {
			t.Fatal("a pseudo terminal is taken for none")
		}
		b.Show("short", half)()
		if got := s.text(); got != "" {
			t.Errorf("work that ends at once shows %q", got)
		}
		b.first = 0
		done := b.Show("verify", half)
		s.await(t, lineErase)
		fmt.Fprintln(b, "a word")
		s.await(t, "a word\r\n"+lineBegin+"verify")
		done()
		done()
		fmt.Fprint(s, "end")
		s.await(t, "end")
		got, gone := strings.CutSuffix(s.text(), lineBegin+lineErase+"end")
		if !gone {
			t.Errorf("at %d columns the bar is left: %q", columns, got)
		}
		for _, line := range strings.FieldsFunc(got, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if line = strings.TrimSuffix(line, lineErase); len(line) >= int(columns) {
				t.Errorf("at %d columns a line has %d: %q", columns, len(line), line)
			}
		}
		if columns == 120 {
			for _, want := range []string{"[####", "----]", "50 %", "64.0 MiB/s", "8s left", "checking the journal"} {
				if !strings.Contains(got, want) {
					t.Errorf("the bar has no %q: %q", want, got)
				}
			}
		}
	}
	t.Setenv("TERM", "dumb")
	if NewBar(openScreen(t, 80).File).Terminal() {
		t.Error("a bar is drawn on a dumb terminal")
	}
}

// In a pipe there are lines, none of work that ends before firstLine, and no codes for
// terminals.
func TestBarInPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := NewBar(w)
	if b.Terminal() || b.first != firstLine {
		t.Fatal("a pipe is taken for a terminal")
	}
	b.Show("short", half)()
	b.first = 0
	done := b.Show("verify", half)
	line := make([]byte, 4096)
	n, err := r.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(line[:n]), "ledge: verify: checking the journal, 50 %, 512.0 MiB of 1.0 GiB, 64.0 MiB/s, 8s left\n"; got != want {
		t.Errorf("line = %q; want %q", got, want)
	}
	done()
	w.Close()
	if rest, _ := io.ReadAll(r); logtest.WithoutProgress(string(rest)) != "" {
		t.Errorf("after the end there is %q", rest)
	}
}

// What tests leave out of what a command said is how far it had come, and nothing else.
func TestWithoutProgress(t *testing.T) {
	unknown := half()
	unknown.Left = -1
	line := func(s progress.Seen) string { return "ledge: verify: " + progressWords(s) + "\n" }
	const said = "ledge: verify: nothing has been left out\nledge: verify: no room is left\n"
	if got := logtest.WithoutProgress(line(half()) + said + line(unknown)); got != said {
		t.Errorf("what stays = %q; want %q", got, said)
	}
}

// An interrupt ends long work and says so; nothing of it is on standard output, and
// with --json nothing on standard error that is no terminal.
func TestLongInterrupted(t *testing.T) {
	for _, json := range []bool{false, true} {
		var out, errs bytes.Buffer
		app := &cli.App{Writer: &out, ErrWriter: &errs, ExitErrHandler: func(*cli.Context, error) {},
			Flags: []cli.Flag{jsonFlag()}, Action: func(c *cli.Context) error {
				return long(c, "verify", nothingChanged, func(ctx context.Context) error {
					if progress.Of(ctx) == nil {
						t.Error("nobody looks at the work")
					}
					if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
						return err
					}
					<-ctx.Done()
					return ctx.Err()
				})
			}}
		args := []string{"ledge"}
		if json {
			args = append(args, "--json")
		}
		err := app.RunContext(t.Context(), args)
		var coded *ExitError
		if !errors.As(err, &coded) || coded.Code != ExitInterrupted || !strings.Contains(err.Error(), nothingChanged) {
			t.Errorf("json %v: %v; want code %d and that nothing is changed", json, err, ExitInterrupted)
		}
		if out.Len() > 0 || json && errs.Len() > 0 {
			t.Errorf("json %v: output %q, errors %q", json, out.String(), errs.String())
		}
	}
}

// What a node works at is shown as it says; an interrupt says that the node goes on. Once
// the command works itself, that is shown.
func TestRemoteShown(t *testing.T) {
	t.Setenv("TERM", "xterm")
	s := openScreen(t, 100)
	app := &cli.App{Writer: io.Discard, ErrWriter: s.File, ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			b := NewBar(s.File)
			b.first = 0
			var unshow func()
			l := lengthy{title: "snapshot", after: nodeGoesOn, bar: b, shown: func(done func()) { unshow = done }, remote: func(context.Context) (progress.Seen, error) { return half(), nil }}
			return l.run(c.Context, c, func(ctx context.Context) error {
				s.await(t, "snapshot  checking the journal")
				progress.Of(ctx).Step("fetching", progress.Bytes, 100)
				s.await(t, "snapshot  fetching")
				unshow()
				fmt.Fprintln(s, "answer") // stands in a line of its own
				s.await(t, lineBegin+lineErase+"answer")
				if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			})
		}}
	err := app.RunContext(t.Context(), []string{"ledge"})
	var coded *ExitError
	if !errors.As(err, &coded) || coded.Code != ExitInterrupted || !strings.Contains(err.Error(), "the node goes on") {
		t.Errorf("an interrupted snapshot = %v; want code %d and that the node goes on", err, ExitInterrupted)
	}
}
