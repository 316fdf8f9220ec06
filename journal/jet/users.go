package jet

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Users that Config.Users lets in, over TCP and within the process. What each
// of them may do is the broker's to say: see permissions.
const (
	// AdminUser may ask everything of a node.
	AdminUser = "admin"
	// ReplicaUser and MonitorUser see how a node is and what happens to it. The
	// first may follow it, too.
	ReplicaUser = "replica"
	MonitorUser = "monitor"
)

// Users that exist within the process only, with secrets drawn at each start.
// The service and the events have one each, because a service sends its answer
// wherever a request says: if it could publish events, any monitor could have
// one published.
const (
	journalUser = "journal"
	serviceUser = "service"
	eventUser   = "events"
)

// User is somebody whom the broker lets in.
type User struct {
	Name     string // AdminUser, ReplicaUser or MonitorUser
	Password string
}

// checkUsers reports every fault of a list of users.
func checkUsers(users []User) error {
	var errs []error
	known := []string{AdminUser, ReplicaUser, MonitorUser}
	seen := make(map[string]bool)
	for _, u := range users {
		switch {
		case !slices.Contains(known, u.Name):
			errs = append(errs, fmt.Errorf("user %q is none of %q", u.Name, known))
		case seen[u.Name]:
			errs = append(errs, fmt.Errorf("user %q stands twice", u.Name))
		case u.Password == "":
			errs = append(errs, fmt.Errorf("user %q has no password", u.Name))
		}
		seen[u.Name] = true
	}
	return errors.Join(errs...)
}

// users returns everybody whom the broker lets in.
func (b *broker) users(cfg *Config, journal, admin *server.Account) []*server.User {
	inside := map[string]struct{}{"IN_PROCESS": {}}
	list := []*server.User{
		{Username: journalUser, Password: b.secret, Account: journal, AllowedConnectionTypes: inside},
		{Username: serviceUser, Password: b.service, Account: admin, AllowedConnectionTypes: inside,
			Permissions: permissions(serviceUser)},
		{Username: eventUser, Password: b.service, Account: admin, AllowedConnectionTypes: inside,
			Permissions: permissions(eventUser)},
	}
	for _, u := range cfg.Users {
		list = append(list, &server.User{Username: u.Name, Password: u.Password, Account: admin,
			Permissions: permissions(u.Name)})
	}
	return list
}

// permissions says what a user of account ADMIN may publish and subscribe to;
// everything else is denied. Nobody from outside may answer for the service or
// publish events, and each but the admin sees its own inbox only. The admin
// has all inboxes, so that clients work that know nothing of prefixes.
func permissions(user string) *server.Permissions {
	allow := func(subjects ...string) *server.SubjectPermission {
		return &server.SubjectPermission{Allow: subjects}
	}
	const events = "ledge.*.event.>"
	switch user {
	case serviceUser:
		// Not any reply subject: a request could name one of the service's own.
		return &server.Permissions{Publish: allow("_INBOX.>"), Subscribe: allow("ledge.>", "$SRV.>")}
	case eventUser:
		return &server.Permissions{Publish: allow(events),
			Subscribe: &server.SubjectPermission{Deny: []string{">"}}}
	case AdminUser:
		p := &server.Permissions{
			Publish: allow("ledge.>", "$SRV.>"), Subscribe: allow(events, "_INBOX.>")}
		p.Publish.Deny = []string{events}
		return p
	}
	p := &server.Permissions{
		Publish: allow("$SRV.PING", "$SRV.PING.>", "$SRV.INFO", "$SRV.INFO.>",
			"$SRV.STATS", "$SRV.STATS.>", "ledge.*.status", "ledge.*.health"),
		Subscribe: allow(events, "_INBOX."+user+".>"),
	}
	if user == ReplicaUser {
		p.Publish.Allow = append(p.Publish.Allow, replicaSubjects)
	}
	return p
}

// replicaSubjects are those of package remote, on which a leader answers its
// replicas.
const replicaSubjects = "ledge.replica.>"

// ServiceConn returns a connection within the process for whoever answers the
// requests of account ADMIN. It may publish into inboxes only. The caller
// closes it, before the journal.
func (j *Journal) ServiceConn(opts ...nats.Option) (*nats.Conn, error) {
	return j.broker.connect(serviceUser, j.broker.service, opts)
}

// EventConn returns a connection within the process that may publish a node's
// events, and nothing else. The caller closes it, before the journal.
func (j *Journal) EventConn(opts ...nats.Option) (*nats.Conn, error) {
	return j.broker.connect(eventUser, j.broker.service, opts)
}

// connect enters the broker within the process. The connection comes back by
// itself should the broker ever drop it, and keeps nothing meanwhile: whoever
// publishes hears of it.
func (b *broker) connect(user, secret string, opts []nats.Option) (*nats.Conn, error) {
	all := append([]nats.Option{
		nats.InProcessServer(b.srv), nats.UserInfo(user, secret), nats.Name("ledge " + user),
		nats.MaxReconnects(-1), nats.ReconnectBufSize(-1), nats.ReconnectWait(10 * time.Millisecond),
	}, opts...)
	return nats.Connect("", all...)
}
