package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// visitor is who may see the page.
type visitor struct {
	trusted bool // may see all of it
}

// admit decides who sees the page. When it returns false it has answered.
//
// With a password everybody needs it. Without one the page is for this machine, where
// a page of somebody else's must not read it through a name of its own that leads
// here: so the host that was asked for has to be this machine, too.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) (visitor, bool) {
	if !sameSite(r) {
		http.Error(w, "another site may not ask for this", http.StatusForbidden)
		return visitor{}, false
	}
	want, err := s.password.get()
	if err != nil && want != "" {
		s.rare.Add(slog.LevelError, "the page's password can't be read, and the one from before holds", "cause", err)
		err = nil
	}
	switch {
	case err != nil:
		s.rare.Add(slog.LevelError, "the page's password can't be read, so nobody sees the page", "cause", err)
		http.Error(w, "the page's password can't be read; the node's log says more", http.StatusServiceUnavailable)
		return visitor{}, false
	case want != "":
		return visitor{trusted: true}, s.loggedIn(w, r, same(want))
	case !s.cfg.Local:
		http.Error(w, "this address can be reached from other machines, so the page needs a password: "+
			"start the node with --http-password-file FILE", http.StatusForbidden)
		return visitor{}, false
	case !localHost(r.Host):
		http.Error(w, "without --http-password-file ask for the page by this machine's own address, such as 127.0.0.1",
			http.StatusMisdirectedRequest)
		return visitor{}, false
	}
	return visitor{trusted: s.cfg.Open()}, true
}

// loggedIn reports whether a request has the password, as the password of any user or
// as a bearer token. When it has not, it has been answered.
func (s *Server) loggedIn(w http.ResponseWriter, r *http.Request, right func(string) bool) bool {
	_, said, given := r.BasicAuth()
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		said, given = token, true
	}
	if !given {
		w.Header().Set("WWW-Authenticate", `Basic realm="ledge", charset="UTF-8"`)
		http.Error(w, "the page needs a password", http.StatusUnauthorized)
		return false
	}
	return s.checked(w, r, right, said, func() {
		w.Header().Set("WWW-Authenticate", `Basic realm="ledge", charset="UTF-8"`)
		http.Error(w, "wrong password", http.StatusUnauthorized)
	})
}

// checked reports whether a password is right. Each address has few failures to spare,
// and one that has spent them is not even looked at. wrong answers a wrong one.
func (s *Server) checked(w http.ResponseWriter, r *http.Request, right func(string) bool, said string, wrong func()) bool {
	from := origin(r)
	if !s.login.may(from) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many wrong passwords from this address; try again later", http.StatusTooManyRequests)
		return false
	}
	if right(said) {
		return true
	}
	s.login.failed(from)
	s.rare.Add(warn, "a login to the page failed", "address", r.RemoteAddr)
	wrong()
	return false
}

// same compares what is said with a password, in a time that does not depend on it.
// Nothing is the same as no password.
func same(want string) func(said string) bool {
	return func(said string) bool {
		a, b := sha256.Sum256([]byte(said)), sha256.Sum256([]byte(want))
		return want != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
	}
}

// sameSite reports whether a request comes from the page itself or from no page at
// all. Browsers say so of themselves, and no page can make them say otherwise.
func sameSite(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		// Following a link from elsewhere to the page is no harm: it shows, and does
		// nothing, and nobody may frame it.
		return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate"
	}
	from := r.Header.Get("Origin")
	if from == "" {
		return true
	}
	u, err := url.Parse(from)
	return err == nil && u.Host != "" && u.Host == r.Host
}

// localHost reports whether a host is this machine under a name that nobody else can
// give to it.
func localHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// origin returns who asks: an address, or in IPv6 the network of one user.
func origin(r *http.Request) netip.Prefix {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	addr := at.Addr().Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits)
	return p
}

// The bounds of logins that fail: so many at once from one address, then one each
// loginEvery, and so many addresses that are kept. Those past that share one account.
const (
	maxFailures = 10
	loginEvery  = 5 * time.Second
	maxOrigins  = 1024
)

// logins knows from where there were wrong passwords of late.
type logins struct {
	clock func() time.Time
	mu    *sync.Mutex
	spent map[netip.Prefix]time.Time // mu; when the last failure will have been forgiven
}

func newLogins(clock func() time.Time) logins {
	return logins{clock: clock, mu: new(sync.Mutex), spent: make(map[netip.Prefix]time.Time)}
}

// may reports whether an address may try.
func (l *logins) may(from netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spent[l.accountLocked(from)].Sub(l.clock()) <= (maxFailures-1)*loginEvery
}

// failed notes a wrong password.
func (l *logins) failed(from netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, account := l.clock(), l.accountLocked(from)
	until := l.spent[account]
	if until.Before(now) {
		until = now
	}
	l.spent[account] = until.Add(loginEvery)
}

// accountLocked returns where an address's failures are counted. A full table first
// forgets who has been forgiven.
func (l *logins) accountLocked(from netip.Prefix) netip.Prefix {
	if _, known := l.spent[from]; known || len(l.spent) < maxOrigins {
		return from
	}
	now := l.clock()
	for at, until := range l.spent {
		if until.Before(now) {
			delete(l.spent, at)
		}
	}
	if len(l.spent) < maxOrigins {
		return from
	}
	return netip.Prefix{}
}
