package main

// What people type who know other programs, or make a slip, leads on.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/appliance"
	"ledge/journal/fault"
)

// The version and the help are found in the ways that other programs have them.
func TestVersionAndHelp(t *testing.T) {
	want := ledge(t, "version")
	for _, args := range [][]string{{"--version"}, {"-v"}} {
		if got := ledge(t, args...); got != want || got.code != 0 || !strings.HasPrefix(got.stdout, "ledge ") {
			t.Errorf("%q: %+v; want what ledge version says, %+v", args, got, want)
		}
	}
	for _, c := range []struct{ args, same []string }{
		{[]string{"help"}, []string{"--help"}},
		{[]string{"help", "serve"}, []string{"serve", "--help"}},
		{[]string{"help", "journal", "tail"}, []string{"journal", "tail", "--help"}},
		{[]string{"help", "config"}, []string{"config", "--help"}},
	} {
		got, want := ledge(t, c.args...), ledge(t, c.same...)
		if got != want || got.code != 0 || !strings.Contains(got.stdout, "USAGE") {
			t.Errorf("%q: %+v; want what %q says", c.args, got, c.same)
		}
	}
	if got := ledge(t, "help", "frob"); got.code != exitUsage || !strings.Contains(got.stderr, `unknown command "frob"`) {
		t.Errorf("help frob: %+v; want it refused", got)
	}
}

// A slip in the name of a command, an option, a key of the file or a parameter is
// answered with the name that is near; what is near to nothing with none.
func TestDidYouMean(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	node.Hook(func(_ context.Context, verb string, _ any) error {
		if verb == "config.set" {
			return fault.With(fault.Refused, missing{})
		}
		return nil
	})
	file := write(t, "ledge.yaml", "max-memroy: 1GiB\n")
	for _, c := range []struct {
		args []string
		want string // at the end; "" is no suggestion
	}{
		{[]string{"statsu"}, "did you mean status?"},
		{[]string{"srve"}, "did you mean serve?"},
		{[]string{"journal", "verfy"}, "did you mean verify?"},
		{[]string{"serve", "--listn", "x"}, "did you mean --listen?"},
		{[]string{"serve", "--max-memroy", "1GiB"}, "did you mean --max-memory?"},
		{[]string{"journal", "tail", "--folow"}, "did you mean --follow?"},
		{[]string{"serve", "--config", file}, "did you mean max-memory?"},
		{[]string{"config", "set", "--dir", b.Dir, "maxclient", "5"}, "did you mean maxclients?"},
		{[]string{"frobnicate"}, ""},
		{[]string{"serve", "--frobnicate", "1"}, ""},
	} {
		got := ledge(t, c.args...)
		if got.code == 0 || strings.Count(got.stderr, "\n") != 1 || !strings.HasSuffix(strings.TrimSpace(got.stderr), c.want) ||
			strings.Contains(got.stderr, "did you mean") != (c.want != "") {
			t.Errorf("%q: exit code %d, %q; want it refused, and %q at the end", c.args, got.code, got.stderr, c.want)
		}
	}
}

// missing is a node's answer that it has no parameter maxclient.
type missing struct{}

func (missing) Error() string        { return `parameter "maxclient": not found` }
func (missing) Is(target error) bool { return target == admin.ErrNotFound }

// A variable that looks like an option and is none is named once the node starts.
func TestUnknownVariable(t *testing.T) {
	t.Setenv("LEDGE_MAX_MEMROY", "1GiB")
	t.Setenv("LEDGE_DATABASES", "4")
	t.Setenv("LEDGE_WITHOUT", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	run(ctx, []string{"ledge", "serve", "--dir", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--nats-listen", "off"},
		&stdout, &stderr)
	if got := stderr.String(); strings.Count(got, "is no option") != 1 ||
		!strings.Contains(got, `level=WARN`) || !strings.Contains(got, "LEDGE_MAX_MEMROY; did you mean LEDGE_MAX_MEMORY?") {
		t.Errorf("the log says\n%s\nwant LEDGE_MAX_MEMROY named, and it alone", got)
	}
}

// --port is what redis-server has, short for --listen; where both are said the refusal
// names both places.
func TestPort(t *testing.T) {
	file := write(t, "ledge.yaml", "listen: 127.0.0.1:7001\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--port", "7000", "--config", file}, "--port: " + file + ":1: listen says 127.0.0.1:7001 already"},
		{[]string{"--port", "7000", "--listen", "127.0.0.1:7000"}, "--port: --listen says 127.0.0.1:7000 already"},
		{[]string{"--port", "70000"}, "--port: 70000 is not"},
		{[]string{"--port", "0"}, "--port: "},
		{[]string{"--port", "7000", "--tls-listen", "127.0.0.1:7000", "--tls-cert", "c", "--tls-key", "k"},
			"--tls-listen: 127.0.0.1:7000 is the address of --port already"},
	} {
		got := ledge(t, append([]string{"serve", "--dir", filepath.Join(t.TempDir(), "data")}, c.args...)...)
		if got.code != exitUsage || !strings.HasPrefix(got.stderr, "ledge: "+c.want) {
			t.Errorf("%q: exit code %d, %s; want %s", c.args, got.code, got.stderr, c.want)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	got := ledge(t, "serve", "--dir", filepath.Join(t.TempDir(), "data"), "--port", port, "--nats-listen", "off")
	if got.code != 1 || !strings.HasPrefix(got.stderr, "ledge: --port: ") || !strings.Contains(got.stderr, "is taken") {
		t.Errorf("a port that is taken: exit code %d, %s; want it refused by its name", got.code, got.stderr)
	}
}

// serveJSON starts a node whose log is JSON, stops it once it has started, and returns
// its exit code and what it said, each line of which must be JSON.
func serveJSON(t *testing.T, args ...string) (int, []map[string]any) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr lines
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"ledge", "serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--nats-listen", "off"}, args...),
			&stdout, &stderr)
	}()
	code := -1
	for end := time.Now().Add(20 * time.Second); code < 0; {
		select {
		case code = <-ended:
		case <-time.After(5 * time.Millisecond):
			if strings.Contains(stderr.String(), `"msg":"started"`) {
				cancel()
			}
			if time.Now().After(end) {
				t.Fatalf("%q goes on: %s%s", args, stdout.String(), stderr.String())
			}
		}
	}
	if stdout.String() != "" {
		t.Errorf("%q: standard output has %q; want nothing", args, stdout.String())
	}
	var said []map[string]any
	for line := range strings.Lines(stderr.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("%q: %q is no JSON", args, line)
		}
		said = append(said, l)
	}
	return code, said
}

// wantStarted checks that what was said has a record of a start, and that each of its
// values begins as want says, or is missing where want says "".
func wantStarted(t *testing.T, said []map[string]any, want map[string]string) {
	t.Helper()
	for _, l := range said {
		if l["msg"] != "started" {
			continue
		}
		for k, v := range want {
			if got := fmt.Sprint(l[k]); !strings.HasPrefix(got, v) || v == "" && l[k] != nil {
				t.Errorf("started, %s is %s; want it to begin with %q", k, got, v)
			}
		}
		return
	}
	t.Errorf("the log says %v; want a record started", said)
}

// With log-format json all that is said is JSON, on standard error: the greeting, what
// is wrong with the options, and the words at the stop; and durations are seconds.
func TestJSONAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	taken := write(t, "taken", "")
	code, said := serveJSON(t, "--dir", dir, "--node", "n")
	if code != 0 || len(said) < 2 {
		t.Fatalf("exit code %d, %v; want it stopped in good order, and said so", code, said)
	}
	stops, stopped := said[len(said)-2], said[len(said)-1]
	took, ok := stopped["took"].(float64)
	if !strings.Contains(stops["msg"].(string), "the node stops") || stopped["msg"] != "the node has stopped" || !ok || took <= 0 || took > 60 {
		t.Errorf("at the stop: %v, %v; want what it does, and how many seconds it took", stops, stopped)
	}
	wantStarted(t, said, map[string]string{"level": "INFO", "node": "n", "redis": "127.0.0.1:", "dir": dir, "sync": "always", "state": "new", "version": appliance.Version})
	_, said = serveJSON(t, "--dir", dir, "--node", "n", "--log-level", "error", "--nats-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
	wantStarted(t, said, map[string]string{"nats": "nats://127.0.0.1:", "page": "http://127.0.0.1:", "metrics": "http://127.0.0.1:", "redis": "127.0.0.1:"})
	_, said = serveJSON(t, "--dir", dir, "--as-of", "0")
	wantStarted(t, said, map[string]string{"past": "true", "redis": "127.0.0.1:", "number": "0", "as_of": "0001-"})
	file := write(t, "ledge.yaml", "log-format: json\nfrob: 1\n")
	for _, args := range [][]string{{"--dir", taken}, {"--dir", dir, "--max-value", "1"}, {"--frob"}, {"frob"}, {"--as-of", "x"},
		{"--config", "/nowhere"}, {"--config", file}, {"--dir", dir, "--from", "x"}} {
		code, said := serveJSON(t, args...)
		if last := len(said) - 1; code == 0 || last < 0 || said[last]["level"] != "ERROR" || said[last]["cause"] == "" {
			t.Errorf("%q: exit code %d, %v; want why it ends", args, code, said)
		}
	}
}

// What is wrong with the arguments before they can be read is JSON wherever that is asked
// for, and plain elsewhere.
func TestEarlyLog(t *testing.T) {
	file := write(t, "ledge.yaml", "log-format: json\nfrob: 1\n")
	for _, c := range []struct {
		args []string
		env  string
		json bool
	}{
		{[]string{"serve", "--log-format=json", "--frob"}, "", true},
		{[]string{"serve", "--frob", "-log-format", "json"}, "", true},
		{[]string{"serve", "--frob"}, "json", true},
		{[]string{"serve", "--config", file}, "", true},
		{[]string{"serve", "--config", file, "--log-format", "text"}, "", false},
		{[]string{"serve", "--log-format", "text", "--frob"}, "json", false},
		{[]string{"serve", "--log-format", "jsn"}, "", false},
		{[]string{"serve", "--frob", "log-format", "json"}, "", false},
		{[]string{"serve", "--log-format"}, "", false},
		{[]string{"status", "--log-format", "json"}, "json", false},
	} {
		t.Setenv("LEDGE_LOG_FORMAT", c.env)
		got := ledge(t, c.args...)
		if is := json.Valid([]byte(got.stderr)); got.code == 0 || is != c.json || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%q with %q in the environment: exit code %d, %q; want one line, of JSON: %v", c.args, c.env, got.code, got.stderr, c.json)
		}
	}
}

// Whoever asks a node at a port where something else listens hears what that is, before
// the time for an answer is over.
func TestOtherPorts(t *testing.T) {
	t.Parallel()
	answer := func(first, then string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				t.Cleanup(func() { c.Close() })
				go func() {
					_, _ = io.WriteString(c, first)
					for b := make([]byte, 64); then != ""; {
						if _, err := c.Read(b); err != nil {
							return
						}
						_, _ = io.WriteString(c, then)
					}
				}()
			}
		}()
		return l.Addr().String()
	}
	password := write(t, "password", "x\n")
	var wait sync.WaitGroup
	for _, c := range []struct {
		args []string
		at   string
		want string
	}{
		{[]string{"health"}, answer("", "+PONG\r\n"), "it is a server that speaks Redis's protocol, and no NATS"},
		{[]string{"status"}, answer("", "-NOAUTH Authentication required.\r\n"), "it is a server that speaks Redis's protocol"},
		{[]string{"nodes"}, answer("", "HTTP/1.1 400 Bad Request\r\n\r\n"), "it is an HTTP server"},
		{[]string{"events"}, answer("SSH-2.0-x\r\n", ""), `it is a server that begins with "SSH-2.0-x\r\n"`},
		{[]string{"config", "get", "maxclients"}, answer("220 mail\r\n", ""), `it is a server that begins with "220 mail`},
	} {
		wait.Go(func() {
			got := ledge(t, append(c.args, "--server", "nats://"+c.at, "--password-file", password, "--timeout", "30s")...)
			if got.code != exitUnreachable || !strings.Contains(got.stderr, c.want) || !strings.Contains(got.stderr, "--server wants the node's NATS address") {
				t.Errorf("%q: exit code %d, %s; want %s", c.args, got.code, got.stderr, c.want)
			}
		})
	}
	wait.Wait()
}
