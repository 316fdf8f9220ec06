package compat_test

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/respd/resp"
)

// step is one command of a script and how its replies are compared.
type step struct {
	line      int
	client    int
	args      []string
	sleep     time.Duration
	unordered bool
	any       bool
	within    int64
	read      int // values to read, in place of a command
	later     bool
}

// readScript parses a script; testdata/README.md has the form.
func readScript(t *testing.T, path string) []step {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var steps []step
	next := step{client: 1}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSpace(in.Text())
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "!read "):
			next.line, next.args = n, []string{line}
			if _, err := fmt.Sscanf(line, "!read @%d %d", &next.client, &next.read); err != nil || next.read < 1 {
				t.Fatalf("%s:%d: %q: %v", path, n, line, err)
			}
			steps = append(steps, next)
			next = step{client: 1}
		case line[0] == '!':
			if err := next.direct(line); err != nil {
				t.Fatalf("%s:%d: %v", path, n, err)
			}
		default:
			next.line = n
			if c, rest, ok := strings.Cut(line, " "); ok && c[0] == '@' {
				next.client, err = strconv.Atoi(c[1:])
				if err != nil {
					t.Fatalf("%s:%d: %v", path, n, err)
				}
				line = rest
			}
			if next.args, err = splitLine(line); err != nil {
				t.Fatalf("%s:%d: %v", path, n, err)
			}
			steps = append(steps, next)
			next = step{client: 1}
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// direct takes a directive in.
func (s *step) direct(line string) (err error) {
	word, arg, _ := strings.Cut(line, " ")
	switch word {
	case "!sleep":
		s.sleep, err = time.ParseDuration(arg)
	case "!unordered":
		s.unordered = true
	case "!later":
		s.later = true
	case "!any":
		s.any = true
	case "!ttl":
		s.within, err = strconv.ParseInt(arg, 10, 64)
	default:
		err = fmt.Errorf("unknown directive %q", word)
	}
	return err
}

// splitLine splits a line as redis-cli does, through the server's own parser
// of inline commands, which has tests of its own.
func splitLine(line string) ([]string, error) {
	var p resp.Parser
	p.Authed = true
	args, n, err := p.Next([]byte(line+"\r\n"), nil)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("can't split %q: %v", line, err)
	}
	var out []string
	for _, a := range args {
		out = append(out, string(a))
	}
	return out, nil
}
