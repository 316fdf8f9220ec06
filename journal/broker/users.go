package broker

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// journalUser is alone in account JOURNAL.
const journalUser = "journal"

// User is somebody whom the broker lets into account ADMIN. What is not listed is
// denied.
type User struct {
	Name string
	// Password lets the user in, from outside and within the process.
	Password string
	// Former are passwords that have been changed and still let the user in.
	Former []Former
	// Inside is for a user who has no password and exists within the process only:
	// see Connect.
	Inside bool
	// Publish has the subjects that the user may publish to, but for those in
	// Deny. Subscribe has those that the user may hear.
	Publish, Deny, Subscribe []string
}

// checkUsers reports every fault of a list of users.
func checkUsers(users []User) error {
	var errs []error
	seen := map[string]bool{journalUser: true}
	for _, u := range users {
		switch {
		case u.Name == "":
			errs = append(errs, errors.New("a user has no name"))
		case seen[u.Name]:
			errs = append(errs, fmt.Errorf("user %q stands twice", u.Name))
		case u.Password == "" && !u.Inside:
			errs = append(errs, fmt.Errorf("user %q has no password", u.Name))
		case u.Password != "" && u.Inside:
			errs = append(errs, fmt.Errorf("user %q is within the process and needs no password", u.Name))
		case len(u.Former) > MaxFormer:
			errs = append(errs, fmt.Errorf("user %q has %d former passwords; the most is %d", u.Name, len(u.Former), MaxFormer))
		}
		seen[u.Name] = true
	}
	return errors.Join(errs...)
}

// permissions returns what the server is told. It takes an empty list for leave to
// do everything.
func (u User) permissions() *server.Permissions {
	only := func(allow, deny []string) *server.SubjectPermission {
		if len(allow) == 0 {
			deny = []string{">"}
		}
		return &server.SubjectPermission{Allow: allow, Deny: deny}
	}
	return &server.Permissions{Publish: only(u.Publish, u.Deny), Subscribe: only(u.Subscribe, nil)}
}

// LetsIn reports whether a password lets a user in who comes from outside: the current
// one, or one that was changed and has not ended.
func (b *Broker) LetsIn(user, said string) bool {
	l := b.logins
	l.mu.Lock()
	defer l.mu.Unlock()
	in, ok := l.users[user]
	if !ok || in.inside {
		return false
	}
	now := time.Now()
	for _, p := range in.passwords() {
		if p.Is(said) && (p.Until.IsZero() || now.Before(p.Until)) {
			return true
		}
	}
	return false
}
