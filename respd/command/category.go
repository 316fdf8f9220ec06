package command

import "slices"

// categories are in the order in which Redis lists them.
var categories = []string{"keyspace", "read", "write", "set", "sortedset", "list", "hash",
	"string", "bitmap", "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow",
	"blocking", "dangerous", "connection", "transaction", "scripting"}

// Categories returns the ACL categories, those that follow from the flags and
// those in Cats, in Redis's order.
func (s *Spec) Categories() []string {
	var names []string
	for _, name := range categories {
		if s.InCategory(name) {
			names = append(names, name)
		}
	}
	return names
}

// InCategory reports whether the command is in an ACL category, without "@".
func (s *Spec) InCategory(name string) bool {
	f := s.Flags
	switch name {
	case "write":
		return f.Has(Write)
	case "read":
		return f.Has(ReadOnly) && !slices.Contains(s.Cats, "scripting")
	case "fast":
		return f.Has(Fast)
	case "slow":
		return !f.Has(Fast)
	case "admin", "dangerous":
		return f.Has(Admin) || slices.Contains(s.Cats, name)
	case "pubsub":
		return f.Has(PubSub) || slices.Contains(s.Cats, name)
	case "blocking":
		return f.Has(Blocking) || slices.Contains(s.Cats, name)
	}
	return slices.Contains(s.Cats, name)
}
