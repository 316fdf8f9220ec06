package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"

	"ledge/admin"
)

// between is how long a poller waits between two of its questions.
const between = 50 * time.Millisecond

// pollers ask the leader what operators and their programs ask, all the time.
type pollers struct {
	end  context.CancelFunc
	work sync.WaitGroup
}

func (r *rig) startPollers(ctx context.Context, t *tally) *pollers {
	ctx, cancel := context.WithCancel(ctx)
	p := &pollers{end: cancel}
	for _, user := range admin.PasswordUsers() {
		p.work.Go(func() { r.pollNATS(ctx, t, user, false) })
		p.work.Go(func() { r.pollNATS(ctx, t, user, true) })
	}
	p.work.Go(func() { r.pollCommand(ctx, t) })
	p.work.Go(func() { r.pollHTTP(ctx, t) })
	p.work.Go(func() { r.watchLink(ctx, t) })
	return p
}

func (p *pollers) stop() {
	p.end()
	p.work.Wait()
}

// dialNATS connects as a user with the password that everybody knows.
func (r *rig) dialNATS(ctx context.Context, user string) (*admin.Conn, int64, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c, err := r.dialAs(ctx, user, r.users[user])
	return c, r.told.Load(), err
}

func (r *rig) dialAs(ctx context.Context, user, password string) (*admin.Conn, error) {
	return admin.Dial(ctx, admin.ClientConfig{Server: r.server(), User: user, Password: password, TLS: r.ca.client()})
}

// pollNATS asks for the node's health as a user. The connection is kept until a password
// was changed and made known, or, of a poller that comes and goes, for one question.
func (r *rig) pollNATS(ctx context.Context, t *tally, user string, comes bool) {
	var c *admin.Conn
	drop := func() {
		if c != nil {
			c.Close()
			c = nil
		}
	}
	defer drop()
	told := int64(0)
	for ; ctx.Err() == nil; pause(ctx, between) {
		if comes || told != r.told.Load() {
			drop()
		}
		var err error
		if c == nil {
			c, told, err = r.dialNATS(ctx, user)
		}
		if err == nil {
			_, err = c.Health(ctx, "a")
		}
		if err != nil {
			drop()
			if ctx.Err() == nil {
				t.fail(user, err)
			}
		}
	}
}

// pollCommand runs ledge health, which finds address, certificate and password in the
// leader's directory, as each of two users in turn.
func (r *rig) pollCommand(ctx context.Context, t *tally) {
	for ; ctx.Err() == nil; pause(ctx, between) {
		for _, user := range []string{admin.AdminUser, admin.MonitorUser} {
			if err := r.health(ctx, user); err != nil && ctx.Err() == nil {
				t.fail("ledge health", err)
			}
		}
	}
}

func (r *rig) health(ctx context.Context, user string) error {
	r.files.RLock()
	defer r.files.RUnlock()
	err := r.leader.command(ctx, "health", "--user", user)
	var e *exec.ExitError
	if errors.As(err, &e) && (e.ExitCode() == 4 || e.ExitCode() == 2 && away(err.Error())) {
		err = fmt.Errorf("%w: %w", errNotReady, err)
	}
	return err
}

// away says whether a command says that no node is there, or that it does not answer yet
// or any more.
func away(text string) bool {
	return strings.Contains(text, "unreachable: ") && (strings.Contains(text, "no node runs in") || strings.Contains(text, "is the node running?") ||
		strings.Contains(text, "where its node listens is not written down there"))
}

// pollHTTP reads the page's facts and the metrics, and asks whether the node is ready.
func (r *rig) pollHTTP(ctx context.Context, t *tally) {
	for ; ctx.Err() == nil; pause(ctx, between) {
		for _, path := range []string{"/facts", "/metrics", "/readyz"} {
			if err := r.get(ctx, path); err != nil && ctx.Err() == nil {
				t.fail("http", err)
			}
		}
	}
}

// errNotReady is that a probe is told that the node loads its data, or stops.
var errNotReady = errors.New("not ready")

// get asks on a connection of its own, with the password that everybody knows.
func (r *rig) get(ctx context.Context, path string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.getWith(ctx, path, r.page)
}

func (r *rig) getWith(ctx context.Context, path, password string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.leader.options["http-listen"]+path, nil)
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+password)
	q.Close = true
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(io.LimitReader(a.Body, 1<<22))
	if err != nil || a.StatusCode == http.StatusOK {
		return err
	}
	err = fmt.Errorf("%s is answered %s: %.60q", path, a.Status, text)
	if bytes.Contains(text, []byte("the node is loading")) || bytes.Contains(text, []byte("the node is stopping")) {
		err = fmt.Errorf("%w: %w", errNotReady, err)
	}
	return err
}
