package lualib_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/respd/lua"
	"ledge/respd/lua/lualib"
)

// world is a state with all libraries, whose globals behave as those of scripts
// do.
type world struct {
	s      *lua.State
	g      *lua.Table
	random lualib.Random
	json   lualib.JSON
	// handler makes a table of what a script raises, as Redis's does.
	handler *lua.Function
}

func newWorld(c lua.Config) *world {
	w := &world{s: lua.New(c)}
	g := w.s.NewTable(0, 0)
	w.g = g
	strings, meta := lualib.OpenString(w.s, g)
	frozen := []*lua.Table{g, strings, meta, lualib.OpenTable(w.s, g), lualib.OpenMath(w.s, g, &w.random),
		lualib.OpenCoroutine(w.s, g), lualib.OpenJSON(w.s, g, &w.json), lualib.OpenMsgpack(w.s, g),
		lualib.OpenStruct(w.s, g), lualib.OpenBit(w.s, g)}
	lualib.OpenBase(w.s, g, lualib.Base{})
	g.SetString("_G", lua.FromTable(g))
	missing := w.s.NewTable(0, 1)
	missing.SetString("__index", lua.FromFunction(w.s.NewFunction(func(L *lua.Thread) (int, error) {
		name, _ := lua.ToText(L.Arg(2))
		return 0, L.Errorf("Script attempted to access nonexistent global variable '%s'", name)
	})))
	g.SetMeta(missing)
	for _, t := range append(frozen, missing) {
		t.SetReadOnly(true)
	}
	w.handler = w.s.NewFunction(func(L *lua.Thread) (int, error) {
		v := L.Arg(1)
		t := v.Table()
		if t == nil || t.ReadOnly() {
			t = L.NewTable(0, 0)
			text, err := L.Call1(g.GetString("tostring"), v)
			if err != nil {
				return 0, err
			}
			t.SetString("err", L.String("ERR "+text.Str()))
		}
		for level := 1; level <= 2; level++ {
			if source, line, ok := L.Place(level); ok {
				t.SetString("source", L.String(source))
				t.SetString("line", lua.Int(line))
				break
			}
		}
		L.Push(lua.FromTable(t))
		return 1, nil
	})
	return w
}

// eval runs a script within a bound of memory, and returns what it returns as a
// text; "error: " begins what it raises.
func (w *world) eval(text string, memory int64) (string, error) {
	w.s.Begin(memory)
	defer w.s.End()
	proto, err := lua.Compile(text, "@user_script")
	if err != nil {
		return "error: " + err.Error(), nil
	}
	v, err := w.s.Main().Run(w.s.Load(proto, w.g), w.handler)
	var raised *lua.Error
	if errors.As(err, &raised) {
		text := "unknown error"
		if raised.Value.IsTable() {
			v, _ := w.s.Main().Index(raised.Value, lua.Shared("err"))
			if s, ok := lua.ToText(v); ok {
				text = s
			}
		}
		// A reply is one line.
		text = strings.NewReplacer("\r", " ", "\n", " ").Replace(strings.TrimRight(text, "\r\n"))
		return "error: " + strings.TrimPrefix(text, "ERR "), nil
	}
	if err != nil {
		return "", err
	}
	s, _ := lua.ToText(v)
	return s, nil
}

// redis is a connection to a redis-server of the test's own, whose Lua is what
// ours must equal.
type redis struct {
	t    testing.TB
	addr string
	nc   net.Conn
	r    *bufio.Reader
}

// startRedis starts a server. The test is skipped where there is none.
func startRedis(t testing.TB) *redis {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed: nothing to compare with")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(bin, "--port", port, "--bind", "127.0.0.1", "--save", "",
		"--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			t.Cleanup(func() { nc.Close() })
			return &redis{t: t, addr: addr, nc: nc, r: bufio.NewReader(nc)}
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // another process: there is nothing to wait on
	}
}

// eval runs a script that returns a string; "error: " begins what it raises.
func (r *redis) eval(text string) string {
	r.t.Helper()
	s, ok := r.try(text)
	if !ok {
		r.t.Fatalf("redis-server has ended after\n%s", text)
	}
	return s
}

// try is eval that reports whether the server has outlived the script.
func (r *redis) try(text string) (string, bool) {
	r.t.Helper()
	_ = r.nc.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := fmt.Fprintf(r.nc, "*3\r\n$4\r\nEVAL\r\n$%d\r\n%s\r\n$1\r\n0\r\n", len(text), text); err != nil {
		r.t.Fatal(err)
	}
	line, err := r.r.ReadString('\n')
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return "", false
	}
	if err != nil {
		r.t.Fatalf("%v after\n%s", err, text)
	}
	line = strings.TrimRight(line, "\r\n")
	switch line[0] {
	case '-':
		s, _, _ := strings.Cut(line, " script: ")
		s = strings.TrimPrefix(s[1:], "ERR ")
		return "error: " + strings.TrimPrefix(s, "Error compiling script (new function): "), true
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil {
			r.t.Fatal(err)
		}
		if n < 0 {
			return "", true
		}
		buf := make([]byte, n+2)
		if _, err := io.ReadFull(r.r, buf); err != nil {
			r.t.Fatal(err)
		}
		return string(buf[:n]), true
	}
	return line[1:], true
}
