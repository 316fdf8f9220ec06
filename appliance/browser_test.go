package appliance_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a Chromium without a window, told what to do over the pipe that its
// DevTools have for that.
type browser struct {
	t  testing.TB
	to *os.File

	mu    sync.Mutex
	next  int
	waits map[int]chan reply
	said  []string // what its console complained of
}

// reply is an answer of the browser, or something that it tells of.
type reply struct {
	ID     int
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct{ Message string }
}

// tab is a page in the browser.
type tab struct {
	b       *browser
	session string
}

// chromium starts a browser, or skips the test where there is none.
func chromium(t testing.TB) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("no chromium to look at the page with: %v", err)
	}
	fromUs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--disable-background-networking", "--disable-component-update", "--no-first-run", "--remote-debugging-pipe", "--user-data-dir="+home)
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.ExtraFiles = []*os.File{fromUs, toUs} // 3 and 4, as it wants them
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fromUs.Close()
	toUs.Close()
	b := &browser{t: t, to: to, waits: make(map[int]chan reply)}
	ended := make(chan struct{})
	go func() { defer close(ended); b.listen(from) }()
	t.Cleanup(func() {
		_, _ = b.try("", "Browser.close", nil)
		gone := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it was told to end, whatever it says of that
		gone.Stop()
		to.Close()
		from.Close()
		<-ended
	})
	return b
}

// listen reads what the browser says until it ends.
func (b *browser) listen(from *os.File) {
	for r := bufio.NewReader(from); ; {
		line, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m reply
		if json.Unmarshal(bytes.TrimSuffix(line, []byte{0}), &m) != nil {
			continue
		}
		b.mu.Lock()
		if c := b.waits[m.ID]; c != nil {
			delete(b.waits, m.ID)
			c <- m
		}
		if m.Method == "Log.entryAdded" || m.Method == "Runtime.exceptionThrown" {
			b.said = append(b.said, string(m.Params))
		}
		b.mu.Unlock()
	}
}

// try has the browser do something and waits for its answer.
func (b *browser) try(session, method string, params map[string]any) (json.RawMessage, error) {
	b.mu.Lock()
	b.next++
	id, c := b.next, make(chan reply, 1)
	b.waits[id] = c
	b.mu.Unlock()
	q := map[string]any{"id": id, "method": method}
	if params != nil {
		q["params"] = params
	}
	if session != "" {
		q["sessionId"] = session
	}
	text, err := json.Marshal(q)
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	if err != nil {
		return nil, err
	}
	select {
	case m := <-c:
		if m.Error != nil {
			return nil, errors.New(m.Error.Message)
		}
		return m.Result, nil
	case <-time.After(time.Minute):
		return nil, fmt.Errorf("%s: no answer for a minute", method)
	}
}

func (b *browser) do(session, method string, params map[string]any) json.RawMessage {
	b.t.Helper()
	got, err := b.try(session, method, params)
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	return got
}

// complaints returns what the console has complained of.
func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.said
}

// open opens a page of a size, dark or light.
func (b *browser) open(url string, width, height int, scheme string) *tab {
	b.t.Helper()
	var target struct{ TargetID, SessionID string }
	made := b.do("", "Target.createTarget", map[string]any{"url": "about:blank"})
	if err := json.Unmarshal(made, &target); err != nil {
		b.t.Fatal(err)
	}
	held := b.do("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true})
	if err := json.Unmarshal(held, &target); err != nil {
		b.t.Fatal(err)
	}
	p := &tab{b, target.SessionID}
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.do(p.session, domain+".enable", nil)
	}
	b.do(p.session, "Emulation.setDeviceMetricsOverride",
		map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
	b.do(p.session, "Emulation.setEmulatedMedia",
		map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
	b.do(p.session, "Page.navigate", map[string]any{"url": url})
	return p
}

// eval returns what JavaScript comes to, as JSON.
func (p *tab) eval(script string) string {
	p.b.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	raw := p.b.do(p.session, "Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true})
	if err := json.Unmarshal(raw, &got); err != nil || got.ExceptionDetails != nil {
		p.b.t.Fatalf("%.80s: %s, %v", script, raw, err)
	}
	return string(got.Result.Value)
}

// until waits until JavaScript comes to true. A page that is still being opened has
// nothing yet.
func (p *tab) until(what, script string) {
	p.b.t.Helper()
	const asks = `(() => { try { return Boolean(%s) } catch { return false } })()`
	for end := time.Now().Add(45 * time.Second); p.eval(fmt.Sprintf(asks, script)) != "true"; <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.b.t.Fatalf("%s: not after 45s; the page says %s", what, p.eval("document.body.innerText"))
		}
	}
}

// key presses and releases a key.
func (p *tab) key(key string, code int, text string) {
	p.b.t.Helper()
	q := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
	if text != "" {
		q["text"] = text
	}
	p.b.do(p.session, "Input.dispatchKeyEvent", q)
	delete(q, "text")
	q["type"] = "keyUp"
	p.b.do(p.session, "Input.dispatchKeyEvent", q)
}

// shoot keeps a picture of all of the page where SCREENSHOTS says, if it does.
func (p *tab) shoot(name string) {
	p.b.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	var got struct{ Data string }
	raw := p.b.do(p.session, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true})
	err := json.Unmarshal(raw, &got)
	if err != nil {
		p.b.t.Fatal(err)
	}
	png, err := base64.StdEncoding.DecodeString(got.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		p.b.t.Error(err)
	}
}

// accessible looks with axe-core for what keeps people from using the page. The script
// is where AXE_CORE says, or where npm puts it for the whole machine; without it a
// line says that this was not looked at.
func (p *tab) accessible(when string) {
	p.b.t.Helper()
	var script []byte
	for _, path := range []string{os.Getenv("AXE_CORE"), "/usr/local/lib/node_modules/axe-core/axe.min.js",
		"/usr/lib/node_modules/axe-core/axe.min.js"} {
		if text, err := os.ReadFile(path); err == nil {
			script = text
			break
		}
	}
	if script == nil {
		p.b.t.Logf("%s: not looked at with axe-core, which is not here: npm install --global axe-core", when)
		return
	}
	p.eval(string(script) + ";1")
	var found struct{ Violations, Passes []string }
	raw := p.eval(`axe.run().then(r => ({violations: r.violations.map(v => v.id + ": " + v.help + ": " +
		v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")), passes: r.passes.map(v => v.id)}))`)
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		p.b.t.Fatalf("axe: %s, %v", raw, err)
	}
	for _, v := range found.Violations {
		p.b.t.Errorf("%s: axe: %s; want nothing found", when, v)
	}
	if !strings.Contains(strings.Join(found.Passes, " "), "color-contrast") {
		p.b.t.Errorf("%s: axe has looked at %v only; want contrasts as well", when, found.Passes)
	}
}
