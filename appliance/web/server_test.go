package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance/web"
)

// fake is a node that does what a test wants.
type fake struct {
	reads, writes error
	resume        func(context.Context) (admin.Resumed, error)
	resumed       atomic.Int64
}

func (f *fake) Ready(writes bool) error {
	if writes && f.reads == nil {
		return f.writes
	}
	return f.reads
}

func (f *fake) Facts(trusted bool) any { return map[string]bool{"trusted": trusted} }
func (f *fake) History() any           { return []int{1} }

func (f *fake) Resume(ctx context.Context) (admin.Resumed, error) {
	f.resumed.Add(1)
	if f.resume != nil {
		return f.resume(ctx)
	}
	return admin.Resumed{Node: "n", State: admin.StateOK, Steps: []admin.Step{}}, nil
}

// site is a server that a test asks.
type site struct {
	t    *testing.T
	at   string // HOST:PORT
	node *fake
}

// open starts a server, with what change makes of the configuration of one on loopback
// that asks for no password.
func open(t *testing.T, change func(*web.Config)) *site {
	t.Helper()
	s := &site{t: t, node: &fake{}}
	cfg := web.Config{
		Listen: "127.0.0.1:0", Local: true, Node: s.node, Metrics: func() string { return "m 1\n" },
		Password: secret(""), Admin: secret("root"), Open: func() bool { return true },
	}
	if change != nil {
		change(&cfg)
	}
	srv, err := web.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.at = srv.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := srv.Close(); err != nil {
			t.Errorf("Close again = %v; want nil", err)
		}
	})
	return s
}

func secret(p string) func() (string, error) { return func() (string, error) { return p, nil } }

// request is what a test asks, and what of it is unusual.
type request struct {
	method, path, body string
	host               string
	header             map[string]string
	user, password     string
}

// ask returns the status and the body of an answer.
func (s *site) ask(q request) (int, string, http.Header) {
	s.t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(s.t.Context(), q.method, "http://"+s.at+q.path, strings.NewReader(q.body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Host = q.host
	for k, v := range q.header {
		r.Header.Set(k, v)
	}
	if q.password != "" {
		r.SetBasicAuth(q.user, q.password)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// want checks an answer's status and that its body has a text.
func (s *site) want(q request, status int, text string) {
	s.t.Helper()
	if got, body, _ := s.ask(q); got != status || !strings.Contains(body, text) {
		s.t.Errorf("%s %s (%v) = %d, %q; want %d and %q in it", q.method, q.path, q.header, got, body, status, text)
	}
}

// Probes are told whether the node serves, why not, and that the process lives all the
// same. They need no password, and neither does Prometheus.
func TestProbes(t *testing.T) {
	s := open(t, func(c *web.Config) { c.Local, c.Password = false, secret("p") })
	asJSON := map[string]string{"Accept": "application/json"}
	s.want(request{path: "/healthz"}, 200, "ok")
	s.want(request{path: "/readyz"}, 200, "ready")
	s.want(request{path: "/readyz", header: asJSON}, 200, `{"ready":true}`)
	s.want(request{path: "/metrics"}, 200, "m 1\n")
	s.node.writes = errors.New("the disk\nis full")
	s.want(request{path: "/readyz"}, 200, "ready")
	s.want(request{path: "/readyz?writes"}, 503, "the disk; is full\n")
	s.want(request{path: "/readyz?writes=1;x"}, 400, "")
	s.node.reads = errors.New("it is loading")
	s.want(request{path: "/readyz"}, 503, "it is loading")
	s.want(request{path: "/readyz?writes", header: asJSON}, 503, `{"ready":false,"cause":"it is loading"}`)
	s.want(request{path: "/healthz"}, 200, "ok")
	for _, q := range []request{{path: "/nothing"}, {path: "/metrics/x"}, {path: "/page.js"}} {
		s.want(q, 404, "")
	}
	s.want(request{method: "POST", path: "/readyz"}, 405, "")
	s.want(request{method: "DELETE", path: "/metrics"}, 405, "")
}

// Who sees the page: with a password who has it, without one who sits at this machine
// and asks for it by a name that nobody else can give to it.
func TestAccess(t *testing.T) {
	t.Run("no password, loopback", func(t *testing.T) {
		s := open(t, nil)
		_, port, _ := net.SplitHostPort(s.at)
		for _, path := range []string{"/facts", "/history"} {
			s.want(request{path: path}, 200, "")
			for _, host := range []string{"localhost:" + port, "127.0.0.2", "[::1]:" + port} {
				s.want(request{path: path, host: host}, 200, "")
			}
			for _, host := range []string{"evil.example:" + port, "localhost.evil.example", "10.0.0.1:" + port, "127.0.0.1.evil.example"} {
				s.want(request{path: path, host: host}, http.StatusMisdirectedRequest, "127.0.0.1")
			}
		}
		s.want(request{path: "/facts"}, 200, `{"trusted":true}`)
	})
	t.Run("no password, loopback, Redis asks for one", func(t *testing.T) {
		s := open(t, func(c *web.Config) { c.Open = func() bool { return false } })
		s.want(request{path: "/facts"}, 200, `{"trusted":false}`)
	})
	t.Run("no password, reachable", func(t *testing.T) {
		s := open(t, func(c *web.Config) { c.Local = false })
		s.want(request{path: "/facts"}, 403, "--http-password-file")
		s.want(request{path: "/history"}, 403, "--http-password-file")
		s.want(request{method: "POST", path: "/resume"}, 403, "--http-password-file")
	})
	t.Run("password", func(t *testing.T) {
		s := open(t, func(c *web.Config) { c.Local, c.Password = false, secret("p4ss") })
		if status, _, h := s.ask(request{path: "/facts"}); status != 401 || !strings.HasPrefix(h.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("without a login %d, %q; want 401, and that the browser asks", status, h.Get("WWW-Authenticate"))
		}
		s.want(request{path: "/facts", password: "p4ss", user: "anybody", host: "ledge.example"}, 200, `{"trusted":true}`)
		s.want(request{path: "/facts", header: map[string]string{"Authorization": "Bearer p4ss"}}, 200, `{"trusted":true}`)
		s.want(request{path: "/facts", header: map[string]string{"Authorization": "bearer p4ss"}}, 200, `{"trusted":true}`)
		for _, h := range []string{"Bearer p4s", "Bearer ", "Basic p4ss", "p4ss", "Bearer p4ss "} {
			if status, _, _ := s.ask(request{path: "/facts", header: map[string]string{"Authorization": h + "x"}}); status != 401 {
				t.Errorf("Authorization %q = %d; want 401", h+"x", status)
			}
		}
	})
	t.Run("password that can't be read", func(t *testing.T) {
		s := open(t, func(c *web.Config) { c.Password = func() (string, error) { return "", errors.New("gone") } })
		s.want(request{path: "/facts", password: "p"}, 503, "can't be read")
	})
}

// Whoever guesses is not listened to any more, not even to a right guess, until time
// has passed; others are.
func TestGuesses(t *testing.T) {
	now := new(atomic.Int64)
	s := open(t, func(c *web.Config) {
		c.Password, c.Clock = secret("p"), func() time.Time { return time.Unix(1000+now.Load(), 0) }
	})
	tried := 0
	for ; tried < 100; tried++ {
		if status, _, h := s.ask(request{path: "/facts", password: "wrong"}); status == http.StatusTooManyRequests {
			if h.Get("Retry-After") == "" {
				t.Error("no Retry-After; want it said when to try again")
			}
			break
		} else if status != 401 {
			t.Fatalf("a wrong password = %d; want 401", status)
		}
	}
	if tried == 0 || tried > 20 {
		t.Errorf("%d guesses were listened to; want few, and at least one", tried)
	}
	s.want(request{path: "/facts", password: "p"}, 429, "")
	s.want(request{path: "/readyz"}, 200, "")
	now.Add(20)
	s.want(request{path: "/facts", password: "p"}, 200, "")
	for range 5 {
		s.ask(request{path: "/facts", password: "wrong"})
	}
	s.want(request{path: "/facts", password: "wrong"}, 429, "")
}

// Other sites can neither read what the page reads nor have it do anything.
func TestOtherSites(t *testing.T) {
	s := open(t, nil)
	asJSON := map[string]string{"Content-Type": "application/json"}
	with := func(k, v string) map[string]string {
		return map[string]string{"Content-Type": "application/json", k: v}
	}
	right := `{"password":"root"}`
	for _, h := range []map[string]string{
		with("Origin", "http://evil.example"), with("Origin", "null"), with("Origin", "http://127.0.0.1:1"),
		with("Sec-Fetch-Site", "cross-site"), with("Sec-Fetch-Site", "same-site"),
	} {
		s.want(request{method: "POST", path: "/resume", body: right, header: h}, 403, "another site")
		s.want(request{path: "/facts", header: h}, 403, "another site")
	}
	s.want(request{method: "POST", path: "/resume", body: right, header: map[string]string{
		"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}}, 403, "another site")
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""} {
		s.want(request{method: "POST", path: "/resume", body: right, header: map[string]string{"Content-Type": kind}}, 415, "application/json")
	}
	if n := s.node.resumed.Load(); n != 0 {
		t.Fatalf("it was tried to resume %d times; want never", n)
	}
	s.want(request{method: "POST", path: "/resume", body: right, header: with("Origin", "http://"+s.at)}, 200, `"state":"ok"`)
	s.want(request{method: "POST", path: "/resume", body: right, header: asJSON}, 200, `"state":"ok"`)
	_, _, h := s.ask(request{path: "/facts"})
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": ""} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q; want %q", name, got, want)
		}
	}
}

// Resuming takes the admin's password, is tried once at a time, and says what was tried
// when it does not work.
func TestResume(t *testing.T) {
	s := open(t, nil)
	ask := func(body string) request {
		return request{method: "POST", path: "/resume", body: body, header: map[string]string{"Content-Type": "application/json"}}
	}
	s.want(ask(`{"password":"guess"}`), 403, "not the admin's password")
	s.want(ask(`{"password":""}`), 403, "not the admin's password")
	s.want(ask(`{}`), 403, "not the admin's password")
	s.want(ask(`{`), 400, "question")
	s.want(ask(`{"password":"`+strings.Repeat("x", 1<<20)+`"}`), 400, "question")
	s.want(request{path: "/resume"}, 405, "")
	if n := s.node.resumed.Load(); n != 0 {
		t.Fatalf("it was tried to resume %d times; want never", n)
	}
	former := open(t, func(c *web.Config) {
		c.LetsIn = func(said string) bool { return said == "former" }
		c.Admin = func() (string, error) { return "", errors.New("input/output error") }
	})
	former.want(ask(`{"password":"former"}`), 200, `"state":"ok"`)
	for range 20 { // also those are guesses
		former.ask(ask(`{"password":"guess"}`))
	}
	former.want(ask(`{"password":"former"}`), 429, "too many")
	began, end := make(chan struct{}), make(chan struct{})
	s.node.resume = func(ctx context.Context) (admin.Resumed, error) {
		close(began)
		<-end
		return admin.Resumed{State: admin.StateSuspended, Steps: []admin.Step{{Name: "append", Error: "no room"}}}, errors.New("append: no room")
	}
	first := make(chan string)
	go func() {
		status, body, _ := s.ask(ask(`{"password":"root"}`))
		first <- http.StatusText(status) + " " + body
	}()
	<-began
	s.want(ask(`{"password":"root"}`), 409, "already")
	close(end)
	got := <-first
	var f struct {
		Error   string
		Resumed admin.Resumed
	}
	status, body, _ := strings.Cut(got, " ")
	if err := json.Unmarshal([]byte(body), &f); err != nil || status != "Conflict" || f.Error != "append: no room" || len(f.Resumed.Steps) != 1 {
		t.Errorf("an attempt that fails = %s; want Conflict, why, and the one step", got)
	}
}

// Those who connect and say nothing, or say too much, keep nobody else from being
// answered.
func TestBounds(t *testing.T) {
	s := open(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.at+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X", strings.Repeat("x", 64<<10))
	// The connection may be cut off before the answer has been read.
	if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("64 KiB of headers = %s; want 431", resp.Status)
		}
	}
	for range 32 {
		c, err := net.Dial("tcp", s.at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET /facts HT")
	}
	s.want(request{path: "/healthz"}, 200, "ok")
}

// Whatever is asked, nothing panics and only what is routed is answered.
func FuzzRoutes(f *testing.F) {
	f.Add("GET", "/facts", "Bearer x", "http://a", "127.0.0.1")
	f.Add("POST", "/resume", "Basic eDp5", "null", "[::1]:80")
	f.Add("GET", "/readyz?writes=%zz", "", "://", "localhost")
	f.Add("GET", "//", "Basic !", "", "::::")
	srv, err := web.Open(f.Context(), web.Config{Listen: "127.0.0.1:0", Local: true, Node: &fake{},
		Metrics: func() string { return "" }, Password: secret(""), Admin: secret("root"), Open: func() bool { return true }})
	if err != nil {
		f.Fatal(err)
	}
	defer srv.Close()
	h := srv.Handler()
	f.Fuzz(func(t *testing.T, method, path, auth, origin, host string) {
		r, err := http.NewRequest(method, "http://127.0.0.1", nil)
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		if r.URL, err = r.URL.Parse(path); err != nil {
			return
		}
		r.Host = host
		r.Header = http.Header{"Authorization": {auth}, "Origin": {origin}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		local := host == "localhost" || net.ParseIP(host).IsLoopback()
		if w.Code == 200 && r.URL.Path == "/facts" && (origin != "" && !strings.HasSuffix(origin, "//"+host)) {
			t.Errorf("%s %s of %q asked by %q = 200; want it refused", method, path, host, origin)
		}
		if _, _, err := net.SplitHostPort(host); err != nil && !local && strings.Trim(host, "[]") == host && w.Code == 200 && r.URL.Path == "/facts" {
			t.Errorf("%s %s of host %q = 200; want it refused", method, path, host)
		}
	})
}
