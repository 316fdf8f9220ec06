package admin

import (
	"slices"
	"strings"

	"ledge/journal/broker"
)

// Users who have a password.
const (
	// AdminUser may ask everything of a node.
	AdminUser = "admin"
	// ReplicaUser and MonitorUser see how a node is and what happens to it. The
	// first may read the journal from it, too.
	ReplicaUser = "replica"
	MonitorUser = "monitor"
	// PeerUser is a node of another shard of the cluster. Its password is the cluster's
	// secret, and it is there on the nodes of clusters alone.
	PeerUser = "peer"
)

// PeerSubjects are what a node of another shard may publish to.
const PeerSubjects = "ledge.cluster.>"

// Users who exist within the node's process only. The service and the events have
// one each, because a service sends its answer wherever a request says: if it could
// publish events, any monitor could have one published.
const (
	ServiceUser = "service"
	EventUser   = "events"
)

// PasswordUsers returns those who have a password on each node.
func PasswordUsers() []string { return []string{AdminUser, ReplicaUser, MonitorUser} }

// ChangedUsers returns those whose password can be changed.
func ChangedUsers() []string { return append(PasswordUsers(), PeerUser) }

// Subjects that users may use or not.
const (
	allSubjects   = ServiceName + ".>"
	eventSubjects = ServiceName + ".*.event.>"
	inboxes       = "_INBOX."
)

// forAll is what each user may ask of a node, but for the peer.
var forAll = []string{"status", "health", "events"}

// probes is what programs ask that look for streams, or print what a user may do. The
// account has no streams, and nobody may make one; a refusal had them wait.
var probes = []string{"$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES", "$SYS.REQ.USER.INFO"}

// Users returns everybody whom a node's broker lets in, and what each may publish
// and subscribe to: those of ChangedUsers who have one of passwords, the service
// and the events. replicas are the subjects on which a leader answers its replicas.
//
// Nobody from outside may answer for the service or publish events, and each but
// the admin sees its own inbox only. The admin has all inboxes, so that clients
// work that know nothing of prefixes. Each may publish to inboxes that are its own,
// as programs do that check a connection, and not to those of the others.
func Users(passwords map[string]string, replicas string) []broker.User {
	users := []broker.User{
		// Not any reply subject: a request could name one of the service's own.
		{Name: ServiceUser, Inside: true, Publish: []string{inboxes + ">"},
			Subscribe: []string{allSubjects, "$SRV.>"}},
		{Name: EventUser, Inside: true, Publish: []string{eventSubjects}},
	}
	for _, name := range ChangedUsers() {
		password, ok := passwords[name]
		if !ok {
			continue
		}
		u := broker.User{Name: name, Password: password,
			Publish: []string{"$SRV.PING", "$SRV.PING.>", "$SRV.INFO", "$SRV.INFO.>",
				"$SRV.STATS", "$SRV.STATS.>", inboxes + name + ".>"},
			Subscribe: []string{eventSubjects, inboxes + name + ".>"},
		}
		for _, verb := range forAll {
			u.Publish = append(u.Publish, subject("*", verb))
		}
		switch name {
		case AdminUser:
			u.Publish = []string{allSubjects, "$SRV.>", inboxes + ">"}
			u.Deny = []string{eventSubjects, inboxes + ReplicaUser + ".>", inboxes + MonitorUser + ".>", inboxes + PeerUser + ".>"}
			u.Subscribe = []string{eventSubjects, inboxes + ">"}
		case ReplicaUser:
			u.Publish, u.Deny = append(u.Publish, replicas), ofNode(replicas)
		case PeerUser: // of the operators' subjects it has none
			u.Publish, u.Deny, u.Subscribe = []string{PeerSubjects}, ofNode(PeerSubjects), []string{inboxes + name + ".>"}
			users = append(users, u)
			continue
		}
		u.Publish = append(u.Publish, probes...)
		users = append(users, u)
	}
	return users
}

// ofNode returns what operators alone may ask of a node of which the name makes its subjects
// be among those of other nodes: ledge.replica.stop stops a node that is called replica.
func ofNode(subjects string) (list []string) {
	node := strings.TrimSuffix(strings.TrimPrefix(subjects, ServiceName+"."), ".>")
	for _, v := range verbs {
		if !slices.Contains(forAll, v.name) || subjects == PeerSubjects {
			list = append(list, subject(node, v.name))
		}
	}
	return append(list, eventSubject(node, ">"))
}
