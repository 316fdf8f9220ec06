package broker

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ledge/journal/blocks"
)

// MaxFormer is how many passwords of one user that were changed may still let the user
// in at a time.
const MaxFormer = 8

// Former is a password that was changed and lets its user in until a time. It is kept
// as a hash: nobody needs to read it again.
type Former struct {
	Salt  [16]byte
	Sum   [32]byte
	Until time.Time
}

// NewFormer returns how a password is compared that lets in until a time.
func NewFormer(password string, until time.Time) Former {
	f := Former{Until: until}
	_, _ = rand.Read(f.Salt[:]) // it never fails
	f.Sum = f.sum(password)
	return f
}

func (f *Former) sum(password string) [32]byte {
	return sha256.Sum256(append(f.Salt[:], password...))
}

// Is reports whether that is the password, in a time that does not depend on it.
func (f *Former) Is(password string) bool {
	sum := f.sum(password)
	return subtle.ConstantTimeCompare(sum[:], f.Sum[:]) == 1
}

// password is one with which a user is let in. One that lets in without an end has no
// Until.
type password struct{ Former }

// login is a user as the server asks for one.
type login struct {
	account *server.Account
	may     *server.Permissions
	inside  bool

	current *password   // mu of logins
	next    *password   // mu of logins; what a change has begun with
	former  []*password // mu of logins; the latest last
}

// passwords returns what lets a user in.
func (l *login) passwords() []*password {
	all := append([]*password{l.current}, l.former...)
	if l.next != nil {
		all = append(all, l.next)
	}
	return all
}

// logins decides who is let in. The server's own list of users has one password for
// each, and giving it another list closes connections, so it asks here instead.
type logins struct {
	srv   *server.Server
	users map[string]*login

	mu     sync.Mutex
	by     map[uint64]*password // mu; by which password each connection from outside is in
	room   int                  // mu; how many of those there may be before it is looked which have gone
	timer  *time.Timer          // mu; runs while there are former passwords
	closed bool                 // mu
}

// Bounds of logins.
const (
	leastRoom = 64
	// expiryTick bounds how late it is seen that the clock was put forward.
	expiryTick = 10 * time.Second
	// leaveDelay is what the answer to a change has to get out, before the connection
	// that it was asked for on is closed, because it was made with the old password.
	leaveDelay = 200 * time.Millisecond
)

// newLogins draws the secrets of those who exist within the process only, and puts
// them into the broker.
func (b *Broker) newLogins(list []User) *logins {
	l := &logins{users: make(map[string]*login), by: make(map[uint64]*password), room: leastRoom}
	for _, u := range append([]User{{Name: journalUser, Inside: true}}, list...) {
		secret := u.Password
		if u.Inside {
			secret = rand.Text()
			b.secrets[u.Name] = secret
		}
		in := &login{may: u.permissions(), inside: u.Inside, current: &password{NewFormer(secret, time.Time{})}}
		if u.Name == journalUser {
			in.may = nil // all of its own account
		}
		for _, f := range u.Former {
			in.former = append(in.former, &password{f})
		}
		l.users[u.Name] = in
	}
	return l
}

// serve has a server's accounts taken, before it lets anybody in.
func (l *logins) serve(srv *server.Server) error {
	l.srv = srv
	for name, in := range l.users {
		account := adminAccount
		if name == journalUser {
			account = blocks.Account
		}
		var err error
		if in.account, err = srv.LookupAccount(account); err != nil {
			return fmt.Errorf("account %s: %w", account, err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expireLocked()
	return nil
}

// Check is what the server asks of each client that connects.
func (l *logins) Check(c server.ClientAuthentication) bool {
	said := c.GetOpts()
	in, ok := l.users[said.Username]
	if !ok || in.inside && !within(c) {
		return false
	}
	if !l.admit(in, c.GetID(), said.Password) {
		return false
	}
	c.RegisterUser(&server.User{Username: said.Username, Account: in.account, Permissions: in.may})
	return true
}

// within reports whether a client is in this process. RemoteAddress is nil for one that
// has gone.
func within(c server.ClientAuthentication) bool {
	a := c.RemoteAddress()
	return a != nil && a.Network() == "pipe"
}

// admit reports whether a password lets a user in, and remembers by which one that was.
func (l *logins) admit(in *login, client uint64, said string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, p := range in.passwords() {
		if !p.Is(said) || !p.Until.IsZero() && !now.Before(p.Until) {
			continue
		}
		if !in.inside {
			l.by[client] = p
			l.forgetGoneLocked()
		}
		return true
	}
	return false
}

// forgetGoneLocked bounds by: the server says of nobody that has left.
func (l *logins) forgetGoneLocked() {
	if len(l.by) < l.room {
		return
	}
	for id := range l.by {
		if l.srv.GetClient(id) == nil {
			delete(l.by, id)
		}
	}
	l.room = max(leastRoom, 2*len(l.by))
}

// expireLocked refuses former passwords whose time is over, closes the connections that
// were made with them, and comes again when the next one's is.
func (l *logins) expireLocked() {
	if l.closed {
		return
	}
	now := time.Now()
	var next time.Duration
	for _, in := range l.users {
		in.former = slices.DeleteFunc(in.former, func(p *password) bool {
			left := p.Until.Sub(now)
			if left > 0 {
				next = min(cmp.Or(next, left), left)
				return false
			}
			l.partLocked(p, 0)
			return true
		})
	}
	switch {
	case next == 0:
	case l.timer == nil:
		l.timer = time.AfterFunc(min(next, expiryTick), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.expireLocked()
		})
	default:
		l.timer.Reset(min(next, expiryTick))
	}
}

// partLocked closes the connections that were made with a password, after a delay.
func (l *logins) partLocked(p *password, after time.Duration) {
	ids := l.madeWithLocked(p)
	for _, id := range ids {
		delete(l.by, id)
	}
	if len(ids) == 0 {
		return
	}
	// The server takes locks of its own for it, so it is not done under ours.
	time.AfterFunc(after, func() {
		for _, id := range ids {
			_ = l.srv.DisconnectClientByID(id) // one that has gone is none to close
		}
	})
}

// madeWithLocked returns the connections that were made with a password and are there.
func (l *logins) madeWithLocked(p *password) (ids []uint64) {
	for id, by := range l.by {
		if by == p && l.srv.GetClient(id) != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// close ends what runs by itself.
func (l *logins) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
}

// errNoUser says that there is no such user with a password.
var errNoUser = errors.New("there is no such user with a password")

// ErrSame says that a password is to be changed to itself.
var ErrSame = errors.New("that is the password already")

// ErrManyFormer says that too many passwords of a user hold already.
var ErrManyFormer = fmt.Errorf("%d passwords that were changed before still hold", MaxFormer)

// ChangePassword has a user be let in by another password. The one there was goes on to
// let the user in until a time; if that is over it does not, and neither does any from
// before it. Connections made with a password are closed when it is refused.
//
// Before anybody is refused, and after the new password is taken, write is called, with
// what will let the user in beside it. When it fails nothing has changed. One call for a
// user ends before the next begins: whoever calls sees to it.
//
// Changing a password to itself is ErrSame, but with a time that is over: then all others
// are refused.
//
// It returns how many connections are there that were made with other passwords.
func (b *Broker) ChangePassword(user, to string, until time.Time, write func([]Former) error) (others int, err error) {
	l := b.logins
	in, ok := l.users[user]
	if !ok || in.inside {
		return 0, fmt.Errorf("user %q: %w", user, errNoUser)
	}
	next, stay, err := l.begin(in, to, until)
	if err != nil {
		return 0, fmt.Errorf("user %q: %w", user, err)
	}
	var formers []Former
	for _, p := range stay {
		formers = append(formers, p.Former)
	}
	err = write(formers)
	l.mu.Lock()
	defer l.mu.Unlock()
	in.next = nil
	if err != nil {
		if next != in.current {
			l.partLocked(next, leaveDelay)
		}
		return 0, err
	}
	others = l.replaceLocked(in, next, stay)
	l.expireLocked()
	return others, nil
}

// begin takes the next password of a user, and returns which ones will let the user in
// beside it.
func (l *logins) begin(in *login, to string, until time.Time) (next *password, stay []*password, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stay = in.staying(until, time.Now())
	switch same := in.current.Is(to); {
	case same && len(stay) > 0:
		return nil, nil, ErrSame
	case len(stay) > MaxFormer:
		return nil, nil, ErrManyFormer
	case same: // its connections stay
		in.next = in.current
	default:
		in.next = &password{NewFormer(to, time.Time{})}
	}
	return in.next, stay, nil
}

// staying returns which passwords will let a user in beside another one.
func (in *login) staying(until, now time.Time) (stay []*password) {
	if !now.Before(until) {
		return nil
	}
	for _, p := range in.former {
		if now.Before(p.Until) {
			stay = append(stay, p)
		}
	}
	last := &password{in.current.Former}
	last.Until = until
	return append(stay, last)
}

// replaceLocked has a user be let in by another password, and by others that stay, and
// returns how many connections were made with those or are about to be closed.
func (l *logins) replaceLocked(in *login, next *password, stay []*password) (others int) {
	was, old := in.current, in.former
	if was != next {
		old = append(slices.Clone(old), was)
	}
	in.current, in.former = next, stay
	for _, p := range old {
		others += len(l.madeWithLocked(p))
		if len(stay) == 0 {
			l.partLocked(p, leaveDelay)
		}
	}
	if len(stay) == 0 {
		return others
	}
	for id, by := range l.by {
		if by == was {
			l.by[id] = stay[len(stay)-1]
		}
	}
	return others
}

// Holds reports whether a password is the one that lets a user in without an end.
func (b *Broker) Holds(user, said string) bool {
	l := b.logins
	l.mu.Lock()
	defer l.mu.Unlock()
	in, ok := l.users[user]
	return ok && !in.inside && in.current.Is(said)
}

// Admitted says by which passwords a user is let in beside the current one.
type Admitted struct {
	User    string
	Current int       // connections that were made with the current password
	Former  int       // connections that were made with another one
	Until   time.Time // when the last other one is refused; zero is that there is none
}

// Admitted returns that of each user who comes from outside, by name.
func (b *Broker) Admitted() (list []Admitted) {
	l := b.logins
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, in := range l.users {
		if in.inside {
			continue
		}
		a := Admitted{User: name, Current: len(l.madeWithLocked(in.current))}
		for _, p := range in.former {
			a.Former += len(l.madeWithLocked(p))
			if p.Until.After(a.Until) {
				a.Until = p.Until
			}
		}
		list = append(list, a)
	}
	slices.SortFunc(list, func(x, y Admitted) int { return cmp.Compare(x.User, y.User) })
	return list
}
