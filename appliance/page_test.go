package appliance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/appliance/report"
	"ledge/journal/freeport"
	"ledge/journal/jet/faultfs"
)

// answer asks a node over HTTP.
func answer(t *testing.T, method, url, body, bearer string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Set("Content-Type", "application/json"); bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

func facts(t *testing.T, url string) (p report.Page) {
	t.Helper()
	status, body := answer(t, http.MethodGet, url+"facts", "", "")
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != http.StatusOK {
		t.Fatalf("GET facts = %d, %s, %v", status, body, err)
	}
	return p
}

// suspend makes the journal of a sickbed fail, by one sync, and heals the disk.
func (s *sickbed) suspend() {
	s.t.Helper()
	s.disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Errno: syscall.EIO})
	if err := s.c.Set(s.t.Context(), "k", "v", 0).Err(); err == nil {
		s.t.Fatal("a write on a disk that fails = nil; want an error")
	}
	s.until("journal_state", "suspended")
	s.disk.Clear()
}

// manual leaves resuming to an operator.
func manual(c *appliance.Config) { c.ResumeAuto = "none" }

// untilNewest waits until the page says that the newest event is of a kind.
func untilNewest(t *testing.T, url, kind string) {
	t.Helper()
	within(t, 10*time.Second, kind+" is the newest event", func() bool {
		p := facts(t, url)
		return len(p.Events) > 0 && p.Events[0].Kind == kind
	})
}

// wantResume has a node resumed with a password, and checks what it answers.
func wantResume(t *testing.T, url, password string, want int, text string) {
	t.Helper()
	body := fmt.Sprintf(`{"password":%q}`, password)
	if got, said := answer(t, http.MethodPost, url+"resume", body, ""); got != want || !strings.Contains(said, text) {
		t.Fatalf("resume with %q = %d %s; want %d and %s", password, got, said, want, text)
	}
}

// A compact of a node that is suspended makes room, and says that writes are refused yet.
func TestCompactSuspended(t *testing.T) {
	s := newSickbed(t, manual)
	if err := s.c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	password, err := os.ReadFile(s.Status().Credentials)
	if err != nil {
		t.Fatal(err)
	}
	op, _ := knock(t, s.Status().NATS, "admin", strings.TrimSpace(string(password)))
	for _, suspended := range []bool{true, false} {
		if suspended {
			s.suspend()
		} else if _, err := op.Resume(t.Context(), s.Status().Node); err != nil {
			t.Fatal(err)
		}
		did, err := op.Compact(t.Context(), s.Status().Node)
		if err != nil || (did.WritesRefused != "") != suspended {
			t.Errorf("suspended %v: compact = %+v, %v; want it to say so", suspended, did, err)
		}
	}
}

// A node that is suspended serves reads and says so to probes; its page has the cause;
// and with the admin's password, and no other, it is resumed. While a password that was
// changed still lets the admin in, it is taken, too.
func TestResumeOverHTTP(t *testing.T) {
	s := newSickbed(t, manual)
	url := s.Status().Page
	if err := s.c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if p := facts(t, url); p.Status.Health.State != "ok" || p.WritesRefused != "" {
		t.Errorf("at first %s, %q; want ok, nothing refused", p.Status.Health.State, p.WritesRefused)
	}
	untilNewest(t, url, "started")
	s.suspend()
	for path, want := range map[string]int{"healthz": 200, "readyz": 200, "readyz?writes": 503} {
		if got, body := answer(t, http.MethodGet, url+path, "", ""); got != want {
			t.Errorf("suspended, %s = %d %s; want %d", path, got, body, want)
		}
	}
	p := facts(t, url)
	if h := p.Status.Health; h.State != "suspended" || h.Cause == "" || p.NotReady != "" || p.WritesRefused == "" {
		t.Errorf("suspended: %+v, %q, %q; want the cause, reads served, writes refused", h, p.NotReady, p.WritesRefused)
	}
	untilNewest(t, url, "suspended")
	if got, body := answer(t, http.MethodPost, url+"resume", `{"password":"guess"}`, ""); got != http.StatusForbidden {
		t.Errorf("resume with a guess = %d %s; want 403", got, body)
	}
	password, err := os.ReadFile(s.Status().Credentials)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.TrimSpace(string(password))
	op, _ := knock(t, s.Status().NATS, "admin", first)
	change := func(to string, grace time.Duration) {
		t.Helper()
		if _, err := op.Passwd(t.Context(), s.Status().Node, "admin", to, grace); err != nil {
			t.Fatal(err)
		}
	}
	change("second", time.Hour)
	wantResume(t, url, "third", http.StatusForbidden, "not the admin's")
	wantResume(t, url, first, http.StatusOK, `"state":"ok"`)
	wantResume(t, url, "second", http.StatusOK, `"state":"ok"`)
	change("third", 0)
	wantResume(t, url, first, http.StatusForbidden, "not the admin's")
	wantResume(t, url, "second", http.StatusForbidden, "not the admin's")
	wantResume(t, url, "third", http.StatusOK, `"state":"ok"`)
	if err := os.Rename(s.Status().Credentials, s.Status().Credentials+"-away"); err != nil {
		t.Fatal(err)
	}
	wantResume(t, url, "second", http.StatusServiceUnavailable, "can't be read")
	wantResume(t, url, "third", http.StatusOK, `"state":"ok"`) // the node lets it in without reading
	if got, body := answer(t, http.MethodGet, url+"readyz?writes", "", ""); got != 200 {
		t.Errorf("resumed, readyz?writes = %d %s; want 200", got, body)
	}
	untilNewest(t, url, "resumed")
}

// Who has shown no password sees no names of clients and no arguments while Redis
// clients need one, and with a password for the page nobody sees it without.
func TestWhoSeesThePage(t *testing.T) {
	dir := t.TempDir()
	for _, needs := range []bool{false, true} {
		opts := []string{"--http-listen", freeport.Addr(t)}
		if needs {
			if err := os.WriteFile(filepath.Join(dir, "p"), []byte("seen\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			opts = append(opts, "--http-password-file", filepath.Join(dir, "p"))
		}
		p := start(t, filepath.Join(dir, fmt.Sprint(needs)), append(opts, "--password", "s3cret")...)
		c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: p.client().Options().Addr, Password: "s3cret", ClientName: "<b>hostile</b>",
			MaintNotificationsConfig: plainly})
		defer c.Close()
		for _, err := range []error{c.ConfigSet(t.Context(), "slowlog-log-slower-than", "0").Err(), c.Set(t.Context(), "key-of-mine", "v", 0).Err()} {
			if err != nil {
				t.Fatal(err)
			}
		}
		url := "http://" + opts[1] + "/facts"
		status, body := answer(t, http.MethodGet, url, "", "")
		seen := strings.Contains(body, "key-of-mine") || strings.Contains(body, "hostile")
		if !needs && (status != 200 || seen || !strings.Contains(body, `"hidden":true`)) {
			t.Errorf("without a password for the page: %d, %s; want 200, and neither key nor client", status, body)
		}
		if !needs {
			continue
		}
		if status != 401 || seen {
			t.Errorf("with a password for the page, without saying it: %d, %s; want 401", status, body)
		}
		if status, body := answer(t, http.MethodGet, url, "", "seen"); status != 200 || !strings.Contains(body, "key-of-mine") ||
			!strings.Contains(body, `\u003cb\u003ehostile`) {
			t.Errorf("with the password: %d, %s; want the key, and the client's name escaped", status, body)
		}
	}
}

// A replica whose leader has nothing for it yet is not ready, and one in step is, for
// reads alone.
func TestReplicaReady(t *testing.T) {
	addrs := [2]string{freeport.Addr(t), freeport.Addr(t)}
	dirs := [2]string{t.TempDir(), t.TempDir()}
	nats := freeport.Addr(t)
	opts := []string{"--http-listen", addrs[1], "--nats-listen", freeport.Addr(t), "--follow", "nats://" + nats, "--follow-password-file", dirs[0] + "/auth/replica"}
	b := start(t, dirs[1], opts...)
	if got, body := answer(t, http.MethodGet, "http://"+addrs[1]+"/readyz", "", ""); got != 503 || !strings.Contains(body, "LOADING") {
		t.Errorf("a replica without its leader's data = %d %s; want 503 and why", got, body)
	}
	b.end(syscall.SIGTERM) // it would take its time to try again
	start(t, dirs[0], "--http-listen", addrs[0], "--nats-listen", nats)
	b = start(t, dirs[1], opts...)
	within(t, 30*time.Second, "the replica is in step", func() bool { return b.info("ledge_link_state") == "streaming" })
	within(t, 10*time.Second, "the replica is ready", func() bool {
		got, _ := answer(t, http.MethodGet, "http://"+addrs[1]+"/readyz", "", "")
		return got == 200
	})
	list := facts(t, "http://"+addrs[0]+"/").Status.Replicas
	if own := facts(t, "http://"+addrs[1]+"/").Status.NATS; len(list) != 1 || list[0].NATS != own || own == "" {
		t.Errorf("the leader knows the replicas %+v; want one, which is asked at %s", list, own)
	}
	if got, body := answer(t, http.MethodGet, "http://"+addrs[1]+"/readyz?writes", "", ""); got != 503 || !strings.Contains(body, "writes are refused") {
		t.Errorf("writes to a replica = %d %s; want 503", got, body)
	}
	if p := facts(t, "http://"+addrs[0]+"/"); len(p.Status.Replicas) != 1 {
		t.Errorf("the leader's page has %d replicas; want 1", len(p.Status.Replicas))
	}
}
