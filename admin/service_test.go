package admin_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/journal/fault"
)

// The typed client gets what the backend has said, and the backend what the
// client has asked.
func TestVerbs(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	asked := make(chan any, 3)
	node.Hook(func(_ context.Context, _ string, args any) error {
		if args != nil {
			asked <- args
		}
		return nil
	})
	b.Serve(t, admin.Config{Backend: node})
	c := b.Dial(t, admin.AdminUser)
	ctx := t.Context()
	check := func(verb string, got, want any, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %+v, %v; want %+v", verb, got, err, want)
		}
	}
	status, err := c.Status(ctx, "n1")
	check("status", status, admintest.Status(), err)
	health, err := c.Health(ctx, "n1")
	check("health", health, admintest.Healthy(), err)
	resumed, err := c.Resume(ctx, "n1")
	check("resume", resumed, admintest.Resumed(), err)
	snapshot, err := c.Snapshot(ctx, "n1")
	check("snapshot", snapshot, admintest.Snapshot(), err)
	snapshots, err := c.Snapshots(ctx, "n1")
	check("snapshots", snapshots, admin.SnapshotList{Snapshots: []admin.Snapshot{admintest.Snapshot()}}, err)
	compacted, err := c.Compact(ctx, "n1")
	check("compact", compacted, admintest.Compacted(), err)
	verified, err := c.Verify(ctx, "n1")
	check("verify", verified, admintest.Verified(), err)
	params, err := c.ConfigGet(ctx, "n1", "max*")
	check("config.get", params, admin.Parameters{Parameters: admintest.Parameters()}, err)
	clients, err := c.Clients(ctx, "n1")
	check("clients", clients, admin.ClientList{Clients: []admin.Client{admintest.Client()}}, err)
	slow, err := c.Slowlog(ctx, "n1", 3)
	check("slowlog", slow, admin.SlowList{Entries: []admin.Slow{admintest.Slow()}}, err)
	values := map[string]string{"maxclients": "5", "timeout": "1"}
	check("config.set", nil, nil, c.ConfigSet(ctx, "n1", values))
	check("stop", nil, nil, c.Stop(ctx, "n1"))

	check("arguments", []any{<-asked, <-asked, <-asked}, []any{"max*", 3, values}, nil)
	check("calls", node.Calls(), []string{"status", "health", "resume", "snapshot", "snapshots", "compact",
		"verify", "config.get", "clients", "slowlog", "config.set", "stop"}, nil)
}

// A backend that panics fails the request that made it do so, and no other.
func TestPanic(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	c := b.Dial(t, admin.AdminUser)
	node.Hook(func(context.Context, string, any) error { panic("a bug on purpose") })
	for range 3 {
		_, err := c.Status(t.Context(), "n1")
		if err == nil || !strings.Contains(err.Error(), "internal error") || strings.Contains(err.Error(), "purpose") {
			t.Errorf("status = %v; want an internal error, without what the bug is", err)
		}
		err = c.ConfigSet(t.Context(), "n1", map[string]string{"timeout": "1"})
		if err == nil || !strings.Contains(err.Error(), "internal error") {
			t.Errorf("config.set = %v; want an internal error", err)
		}
	}
	node.Hook(nil)
	if _, err := c.Status(t.Context(), "n1"); err != nil {
		t.Errorf("status after that = %v; want nil", err)
	}
}

// Each class of error has its code, and a text of one line.
func TestErrors(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	c := b.Dial(t, admin.AdminUser)
	boom := errors.New("boom")
	for _, tt := range []struct {
		name  string
		err   error
		code  int
		class fault.Class
		text  string
	}{
		{"refused", fault.With(fault.Refused, boom), 409, fault.Refused, "boom"},
		{"retryable", fault.As(fault.Retryable, "append", boom), 503, fault.Retryable, "append: boom"},
		{"operator", fault.With(fault.Operator, boom), 500, fault.Operator, "boom"},
		{"fatal", fault.With(fault.Fatal, boom), 500, fault.Fatal, "boom"},
		{"no class", boom, 500, fault.Fatal, "boom"},
		{"not found", fmt.Errorf("parameter %q: %w", "x", admin.ErrNotFound), 404, fault.Refused,
			`parameter "x": not found`},
		{"joined", fault.With(fault.Refused, errors.Join(boom, errors.New("bang\r\nLedge-Error-Class: fatal"))),
			409, fault.Refused, "boom; bang; Ledge-Error-Class: fatal"},
		// A backend's own deadline says nothing of the request's.
		{"inner deadline", fault.With(fault.Retryable, context.DeadlineExceeded), 503, fault.Retryable,
			"context deadline exceeded"},
	} {
		node.Hook(func(context.Context, string, any) error { return tt.err })
		_, err := c.Status(t.Context(), "n1")
		wantError(t, tt.name, err, tt.code, tt.class, tt.text)
	}
	node.Hook(func(context.Context, string, any) error { return fault.As(fault.Operator, "probe", boom) })
	resumed, err := c.Resume(t.Context(), "n1")
	wantError(t, "resume", err, 500, fault.Operator, "probe: boom")
	if !reflect.DeepEqual(resumed, admintest.NotResumed()) {
		t.Errorf("a failed resume = %+v; want %+v", resumed, admintest.NotResumed())
	}
}

func wantError(t *testing.T, name string, err error, code int, class fault.Class, text string) {
	t.Helper()
	var e *admin.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %v; want an *admin.Error", name, err)
		return
	}
	if e.Code != code || e.Class != class || e.Text != text {
		t.Errorf("%s: code %d, class %s, %q; want %d, %s, %q", name, e.Code, e.Class, e.Text, code, class, text)
	}
	if errors.Is(err, admin.ErrUnreachable) {
		t.Errorf("%s: %v is ErrUnreachable; want an answer", name, err)
	}
}

// What a request says and nobody understands is refused, by name, and does not
// get as far as the backend.
func TestBadRequests(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	nc := stock(t, b, admin.AdminUser)
	for _, c := range []struct{ verb, request, want string }{
		{"status", `{"verbose":true}`, `unknown field "verbose"`},
		{"status", `[]`, "cannot unmarshal array"},
		{"status", `{} {}`, "something follows"},
		{"status", `{`, "unexpected EOF"},
		{"resume", `now`, "invalid character"},
		{"config.get", `{"name":"*"}`, `unknown field "name"`},
		{"config.set", ``, "no values"},
		{"config.set", `{"values":{}}`, "no values"},
		{"config.set", `{"values":{"maxclients":5}}`, "cannot unmarshal number"},
		{"slowlog", `{"count":-1}`, "count -1 is below 0"},
		{"slowlog", `{"count":"all"}`, "count"},
		{"stop", strings.Repeat(" ", 64<<10+1), "the most is 65536"},
	} {
		m, err := nc.Request("ledge.n1."+c.verb, []byte(c.request), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		code, text := m.Header.Get(micro.ErrorCodeHeader), m.Header.Get(micro.ErrorHeader)
		if code != "400" || !strings.Contains(text, c.want) || m.Header.Get(admin.ClassHeader) != "refused" {
			t.Errorf("%s %.40s: code %q, %q; want 400 and %q", c.verb, c.request, code, text, c.want)
		}
	}
	if calls := node.Calls(); len(calls) > 0 {
		t.Errorf("the backend was asked for %q; want nothing", calls)
	}
	for _, request := range []string{"", " \n", "{}", "null"} {
		if m, err := nc.Request("ledge.n1.status", []byte(request), 5*time.Second); err != nil || len(m.Header) > 0 {
			t.Errorf("status %q: %v, %v; want a reply", request, m, err)
		}
	}
}

// As many requests run as there are slots; one more is turned away at once,
// and the service is whole afterwards.
func TestBusy(t *testing.T) {
	const slots = 64
	b := admintest.Start(t)
	node, begun, release := &admintest.Backend{}, make(chan struct{}, 2*slots), make(chan struct{})
	node.Hook(func(context.Context, string, any) error {
		begun <- struct{}{}
		<-release
		return nil
	})
	b.Serve(t, admin.Config{Backend: node})
	c := b.Dial(t, admin.AdminUser)
	var all sync.WaitGroup
	for range slots {
		all.Go(func() {
			if _, err := c.Verify(t.Context(), "n1"); err != nil {
				t.Errorf("verify = %v; want nil", err)
			}
		})
	}
	for range slots {
		<-begun
	}
	_, err := c.Status(t.Context(), "n1")
	wantError(t, "one more", err, 503, fault.Retryable, "busy: 64 requests are under way")
	close(release)
	all.Wait()
	if _, err := c.Status(t.Context(), "n1"); err != nil {
		t.Errorf("status afterwards = %v; want nil", err)
	}
}

// Two resumes at once both get as far as the backend, whose business it is to
// make one of them.
func TestResumeTogether(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	var both sync.WaitGroup
	both.Add(2)
	node.Hook(func(context.Context, string, any) error {
		both.Done()
		both.Wait()
		return nil
	})
	b.Serve(t, admin.Config{Backend: node})
	c := b.Dial(t, admin.AdminUser)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if _, err := c.Resume(t.Context(), "n1"); err != nil {
				t.Errorf("resume = %v; want nil", err)
			}
		})
	}
	all.Wait()
}

// A request ends with its time, whether the backend heeds that or not, and the
// long verbs have more of it.
func TestTimeout(t *testing.T) {
	b := admintest.Start(t)
	node, release := &admintest.Backend{}, make(chan struct{})
	node.Hook(func(ctx context.Context, _ string, _ any) error {
		by, _ := ctx.Deadline()
		if time.Until(by) > time.Minute {
			return nil
		}
		<-ctx.Done()
		return fmt.Errorf("asking the journal: %w", ctx.Err())
	})
	b.Serve(t, admin.Config{Backend: node, Timeout: 10 * time.Millisecond, LongTimeout: time.Hour})
	c := b.Dial(t, admin.AdminUser)
	resumed, err := c.Resume(t.Context(), "n1")
	wantError(t, "resume", err, 504, 0, "resume has not ended within 10ms; it may still have an effect")
	if len(resumed.Steps) != 2 {
		t.Errorf("a resume that ran out of time = %+v; want the steps it got to", resumed)
	}
	if _, err := c.Verify(t.Context(), "n1"); err != nil {
		t.Errorf("verify = %v; want nil", err)
	}
	node.Hook(func(context.Context, string, any) error {
		<-release
		return nil
	})
	_, err = c.Status(t.Context(), "n1")
	wantError(t, "deaf", err, 504, 0, "status has not ended within 10ms; it may still have an effect")
	close(release)
}

// Close ends what is under way and waits for it. The requests are answered.
func TestClose(t *testing.T) {
	b := admintest.Start(t)
	node, begun := &admintest.Backend{}, make(chan struct{})
	ended := false
	node.Hook(func(ctx context.Context, _ string, _ any) error {
		close(begun)
		<-ctx.Done()
		ended = true
		return ctx.Err()
	})
	s := b.Serve(t, admin.Config{Backend: node})
	c := b.Dial(t, admin.AdminUser)
	answered := make(chan error)
	go func() {
		_, err := c.Verify(t.Context(), "n1")
		answered <- err
	}()
	<-begun
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v; want nil", err)
	}
	if !ended {
		t.Error("Close has not waited for the request")
	}
	wantError(t, "verify", <-answered, 503, 0, "the node is stopping")
	if _, err := c.Status(t.Context(), "n1"); !errors.Is(err, admin.ErrUnreachable) {
		t.Errorf("status after Close = %v; want ErrUnreachable", err)
	}
	s.Publish(admin.Event{Kind: admin.EventStopping}) // does nothing
	if err := s.Close(); err != nil {
		t.Errorf("a second Close = %v; want nil", err)
	}
}

// What can't be served is refused, and leaves nothing on the connection.
func TestOpenRefuses(t *testing.T) {
	b := admintest.Start(t)
	nc, err := b.Connect(admin.ServiceUser)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, c := range []struct {
		cfg  admin.Config
		want string
	}{
		{admin.Config{Node: "a.b"}, "no connection"},
		{admin.Config{Conn: nc, Backend: &admintest.Backend{}, Node: "a.*"}, `node name "a.*"`},
		{admin.Config{Conn: nc, Backend: &admintest.Backend{}, Node: "n", Version: "new"}, "version"},
	} {
		s, err := admin.Open(t.Context(), c.cfg)
		if err == nil {
			s.Close()
		}
		if fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Open = %v; want class operator and %q", err, c.want)
		}
	}
	if n := nc.NumSubscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left; want none", n)
	}
}

// A request that names nowhere to reply to is carried out like any other.
func TestNoReply(t *testing.T) {
	b := admintest.Start(t)
	node, stopped := &admintest.Backend{}, make(chan string, 1)
	node.Hook(func(_ context.Context, verb string, _ any) error {
		stopped <- verb
		return nil
	})
	b.Serve(t, admin.Config{Backend: node})
	nc := stock(t, b, admin.AdminUser, nats.Name("no reply"))
	if err := nc.Publish("ledge.n1.stop", nil); err != nil {
		t.Fatal(err)
	}
	if verb := <-stopped; verb != "stop" {
		t.Errorf("the backend was asked for %s; want stop", verb)
	}
}
