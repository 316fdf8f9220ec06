package options

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Where standard error is systemd's journal each line has its priority, so that
// journalctl -p finds it; and nowhere else.
func TestPriorities(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	for _, c := range []struct{ stream, format, want string }{
		{fmt.Sprintf("%d:%d", st.Dev, st.Ino), "text", "<%d>time="},
		{fmt.Sprintf("%d:%d", st.Dev, st.Ino), "json", "<%d>{"},
		{fmt.Sprintf("%d:%d", st.Dev, st.Ino+1), "text", "time="},
		{"", "json", "{"},
	} {
		t.Setenv("JOURNAL_STREAM", c.stream)
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		_, _ = f.Seek(0, 0)
		var cfg Config
		cfg.LogFormat, cfg.LogLevel = c.format, slog.LevelDebug
		log := cfg.NewLogger(f).With("part", "x").WithGroup("g")
		var all sync.WaitGroup
		for level, number := range map[slog.Level]int{slog.LevelDebug: 7, slog.LevelInfo: 6, slog.LevelWarn: 4, slog.LevelError: 3} {
			for range 20 {
				all.Go(func() { log.Log(t.Context(), level, "m", "n", number) })
			}
		}
		all.Wait()
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(b)) {
			n++
			number := 0
			_, _ = fmt.Sscan(levelIn.FindStringSubmatch(line)[1], &number)
			want := c.want
			if strings.Contains(want, "%d") {
				want = fmt.Sprintf(want, number)
			}
			if !strings.HasPrefix(line, want) {
				t.Errorf("with JOURNAL_STREAM=%s a line is %q; want it to begin with %q", c.stream, line, want)
			}
		}
		if n != 80 {
			t.Errorf("%d lines; want 80", n)
		}
		if got := Priority(f, slog.LevelError); (got == "<3>") != strings.HasPrefix(c.want, "<") {
			t.Errorf("Priority = %q with JOURNAL_STREAM=%s", got, c.stream)
		}
	}
	if got := Priority(new(strings.Builder), slog.LevelError); got != "" {
		t.Errorf("Priority of what is no file = %q", got)
	}
}

// levelIn is the number that a line of the test has.
var levelIn = regexp.MustCompile(`n"?[=:](\d)`)
