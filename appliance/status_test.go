package appliance_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wantRole checks what a greeting says of who leads; "" is nothing.
func wantRole(t *testing.T, who, greeting, want string) {
	t.Helper()
	_, got, _ := strings.Cut(greeting, "  role   ")
	got, _, _ = strings.Cut(got, "\n")
	if !strings.HasPrefix(got, want) || want == "" && got != "" {
		t.Errorf("%s greets with role %q; want %q", who, got, want)
	}
}

// A node greets with what it knows of who leads: whom it follows, that it was promoted
// and follows nobody any more whatever its options say, or that it leads as before and
// has had replicas, one of which somebody may have promoted meanwhile.
func TestGreetingSaysWhoLeads(t *testing.T) {
	dirs := directories(t, "old", "new")
	a := lead(t, dirs[0])
	wantRole(t, "a node that was always alone", a.greeting, "")
	b := follow(t, dirs[1], a)
	wantRole(t, "a replica", b.greeting, "follows "+a.nats())
	b.equal(a)
	within(t, 20*time.Second, "the leader notes that its replica came", func() bool {
		return strings.Contains(run(t, "events", "--since", "1h", "--dir", dirs[0]).stdout, "  replica  new  ")
	})
	old, secret := a.nats(), filepath.Join(t.TempDir(), "leader")
	word, err := os.ReadFile(a.secret())
	if err == nil {
		err = os.WriteFile(secret, word, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.end(syscall.SIGTERM)
	b.do("REPLICAOF", "NO", "ONE")
	b.end(syscall.SIGTERM)

	a = lead(t, dirs[0])
	wantRole(t, "an old leader", a.greeting, "leads, as before; of its replicas new came at 2")
	if !strings.Contains(a.greeting, "ledge follow URL") {
		t.Errorf("an old leader greets with %q; want how to have it follow", a.greeting)
	}
	b = lead(t, dirs[1], "--follow", old, "--follow-password-file", secret)
	wantRole(t, "a replica that was promoted", b.greeting, "leads, since it was promoted; follow "+old+" is ignored")
	a.follows(b)
	a.equal(b)
	a.end(syscall.SIGTERM)
	a = lead(t, dirs[0])
	wantRole(t, "an old leader that follows", a.greeting, "follows "+b.nats())
}

// A node that led, followed its successor after a switchover and was made to lead again
// was never told by an option whom to follow: at a later start an option that names that
// successor is the operator's word of today, and holds.
func TestFollowAfterSwitchingBack(t *testing.T) {
	p := leadAndFollow(t)
	for i, from := range []int{0, 1} {
		conn := p.admin(t, from)
		within(t, 20*time.Second, "the lead is handed over", func() bool {
			_, err := conn.Switchover(t.Context(), names[from], names[1-from])
			return err == nil || !stillLeads(err)
		})
		p.streams(t, from)
		wantField(t, p.nodes[1-from], "role", "master", fmt.Sprintf("after switchover %d", i+1))
	}
	p.nodes[0].end(syscall.SIGTERM)
	if _, err := p.admin(t, 1).Promote(t.Context(), names[1]); err != nil {
		t.Fatal(err)
	}
	p.nodes[0] = start(t, p.dirs[0], "--node", names[0], "--nats-listen", strings.TrimPrefix(p.urls[0], "nats://"),
		"--follow", p.urls[1], "--follow-password-file", filepath.Join(p.dirs[1], "auth", "replica"))
	wantRole(t, "a node whose option follow is another than before", p.nodes[0].greeting, "follows "+p.urls[1])
	p.streams(t, 0)
}

// wantField checks what INFO says.
func wantField(t *testing.T, p *process, field, want, when string) {
	t.Helper()
	if got := p.info(field); got != want {
		t.Errorf("%s %s is %q; want %q", when, field, got, want)
	}
}

// The greeting offers no page that would be refused: it says what is missing, and keeps
// to the address of the metrics, which need nothing.
func TestGreetingOfPage(t *testing.T) {
	word := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(word, []byte("seen\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		opts []string
		want string
		page int // the status of the page that is offered, asked for without a password; 0 is that none is
	}{
		{[]string{"--http-listen", "127.0.0.1:0"}, "  page   http://127.0.0.1:", http.StatusOK},
		{[]string{"--http-listen", "0.0.0.0:0"}, "  page   refused: it needs --http-password-file FILE", 0},
		{[]string{"--http-listen", "0.0.0.0:0", "--http-password-file", word}, "  page   http://", http.StatusUnauthorized},
	} {
		p := start(t, t.TempDir(), tt.opts...)
		_, line, _ := strings.Cut(p.greeting, "  page   ")
		line, _, _ = strings.Cut(line, "\n")
		page, metrics, _ := strings.Cut(line, "   for Prometheus: ")
		if !strings.Contains(p.greeting, tt.want) || tt.page == 0 && strings.Contains(page, "http://") {
			t.Errorf("%q: greeting is %q; want %q in it", tt.opts, p.greeting, tt.want)
		}
		if tt.page != 0 {
			if got, _ := answer(t, http.MethodGet, page, "", ""); got != tt.page {
				t.Errorf("%q: the page that is offered, %s, is answered with %d; want %d", tt.opts, page, got, tt.page)
			}
		}
		if got, body := answer(t, http.MethodGet, metrics, "", ""); got != http.StatusOK {
			t.Errorf("%q: the metrics that are offered, %s, are answered with %d %s; want 200", tt.opts, metrics, got, body)
		}
	}
}
