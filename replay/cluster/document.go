package cluster

import (
	"fmt"
	"strconv"
	"strings"

	"ledge/journal"
)

// A controller outside of the cluster says which nodes there are and which slots they have
// by a document: a line for each node, of words between spaces,
//
//	ID HOST PORT master - SLOT FIRST-LAST …
//	ID HOST PORT slave MASTER-ID

// Bounds of a document.
const (
	MostDocument = 256 << 10 // of its text
	idLen        = 40
	mostHost     = 253
)

// Wrong is what is wrong with a document, in the words that clients of Kvrocks know.
type Wrong string

// Error returns the words.
func (w Wrong) Error() string { return string(w) }

// What may be wrong.
const (
	ErrDocument Wrong = "Invalid cluster nodes info"
	ErrVersion  Wrong = "Invalid cluster version"
	ErrNodeID   Wrong = "Invalid cluster node id"
	ErrPort     Wrong = "Invalid cluster node port"
	ErrRole     Wrong = "Invalid cluster node role"
	ErrRange    Wrong = "Slot is out of range"
	ErrOverlap  Wrong = "Slot distribution is overlapped"
	ErrNoMaster Wrong = "The node isn't a master"
	ErrNoNode   Wrong = "No this node in the cluster"
)

// Document is what a controller says of the nodes. It does not change once it is made.
type Document struct {
	Nodes  []DocumentNode
	owners [journal.MaxSlot + 1]uint16 // which of Nodes has a slot, counted from 1; 0 is none
}

// DocumentNode is a line of a document.
type DocumentNode struct {
	ID, Host string
	Port     int
	Master   string // the id of the node that it follows; "" is that it leads
}

// ParseDocument reads a document, and looks at the whole of it.
func ParseDocument(text string) (*Document, error) {
	if len(text) > MostDocument {
		return nil, fmt.Errorf("%w: %d bytes, and at most %d are taken", ErrDocument, len(text), MostDocument)
	}
	d := new(Document)
	known := make(map[string]int)
	for line := range strings.Lines(strings.TrimSpace(text)) {
		n, slots, err := parseNode(strings.Fields(line))
		if err != nil {
			return nil, err
		}
		switch _, twice := known[n.ID]; {
		case twice:
			return nil, fmt.Errorf("%w: node %s has two lines", ErrDocument, n.ID)
		case len(d.Nodes) >= MostNodes:
			return nil, fmt.Errorf("%w: more than %d nodes", ErrDocument, MostNodes)
		}
		d.Nodes = append(d.Nodes, n)
		known[n.ID] = len(d.Nodes)
		if err := d.give(slots, len(d.Nodes)); err != nil {
			return nil, err
		}
	}
	if len(d.Nodes) == 0 {
		return nil, ErrDocument
	}
	for _, n := range d.Nodes {
		if n.Master == "" {
			continue
		}
		switch i := known[n.Master]; {
		case i == 0:
			return nil, fmt.Errorf("%w: node %s follows %s, which has no line", ErrNodeID, n.ID, n.Master)
		case d.Nodes[i-1].Master != "":
			return nil, fmt.Errorf("%w: node %s follows %s", ErrNoMaster, n.ID, n.Master)
		}
	}
	return d, nil
}

// parseNode reads the words of a line.
func parseNode(words []string) (n DocumentNode, slots []string, err error) {
	if len(words) < 5 {
		return n, nil, ErrDocument
	}
	port, err := strconv.ParseUint(words[2], 10, 16)
	n = DocumentNode{ID: words[0], Host: words[1], Port: int(port)}
	switch role := strings.ToLower(words[3]); {
	case !IsNodeID(n.ID):
		return n, nil, ErrNodeID
	case !isHost(n.Host):
		return n, nil, fmt.Errorf("%w: a host's name or address", ErrDocument)
	case err != nil || port == 0:
		return n, nil, ErrPort
	case role == "master" && words[4] == "-":
		return n, words[5:], nil
	case role == "master":
		return n, nil, ErrNodeID
	case role != "slave" && role != "replica":
		return n, nil, ErrRole
	case !IsNodeID(words[4]):
		return n, nil, ErrNodeID
	case len(words) > 5:
		return n, nil, ErrDocument
	}
	n.Master = words[4]
	return n, nil, nil
}

// give gives slots, as words, to a node.
func (d *Document) give(words []string, to int) error {
	for _, word := range words {
		r, err := ParseSlotRange(word)
		if err != nil {
			return err
		}
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if d.owners[slot] != 0 {
				return ErrOverlap
			}
			d.owners[slot] = uint16(to)
		}
	}
	return nil
}

// ParseSlotRange reads SLOT or FIRST-LAST.
func ParseSlotRange(word string) (r journal.SlotRange, err error) {
	first, last, isRange := strings.Cut(word, "-")
	if !isRange {
		last = first
	}
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || a > b || b > journal.MaxSlot {
		return r, ErrRange
	}
	return journal.SlotRange{First: uint16(a), Last: uint16(b)}, nil
}

// IsNodeID reports whether a text may be the id that a controller gives to a node.
func IsNodeID(id string) bool {
	return len(id) == idLen && !strings.ContainsFunc(id, func(c rune) bool { return !plain(c) || c == '.' })
}

// isHost reports whether a text may be a host's name or address.
func isHost(host string) bool {
	return host != "" && len(host) <= mostHost && !strings.ContainsFunc(host, func(c rune) bool { return !plain(c) && c != ':' && c != '%' })
}

func plain(c rune) bool {
	return c == '-' || c == '_' || c == '.' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// Text writes the document, the slots of each node in order.
func (d *Document) Text() string {
	slots := make([]string, len(d.Nodes))
	for slot := 0; slot <= journal.MaxSlot; {
		o, first := d.owners[slot], slot
		for slot <= journal.MaxSlot && d.owners[slot] == o {
			slot++
		}
		if o > 0 {
			slots[o-1] += " " + journal.SlotsText([]journal.SlotRange{{First: uint16(first), Last: uint16(slot - 1)}})
		}
	}
	var b strings.Builder
	for i, n := range d.Nodes {
		role, master := "master", "-"
		if n.Master != "" {
			role, master = "slave", n.Master
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s %s %d %s %s%s", n.ID, n.Host, n.Port, role, master, slots[i])
	}
	return b.String()
}

// Find returns the line of a node, or nil.
func (d *Document) Find(id string) *DocumentNode {
	for i := range d.Nodes {
		if d.Nodes[i].ID == id {
			return &d.Nodes[i]
		}
	}
	return nil
}

// MasterOf returns the id of the node that stands for the shard of a node: itself, or the one
// that it follows. "" is that the node has no line.
func (d *Document) MasterOf(id string) string {
	n := d.Find(id)
	switch {
	case n == nil:
		return ""
	case n.Master != "":
		return n.Master
	}
	return n.ID
}

// Owner returns the id of the node to which a slot is given, "" for none.
func (d *Document) Owner(slot uint16) string {
	if o := d.owners[slot]; o > 0 {
		return d.Nodes[o-1].ID
	}
	return ""
}

// Assign returns the document with some slots given to a node.
func (d *Document) Assign(ranges []journal.SlotRange, id string) (*Document, error) {
	n := d.Find(id)
	switch {
	case n == nil:
		return nil, ErrNoNode
	case n.Master != "":
		return nil, ErrNoMaster
	}
	next := *d
	for i := range d.Nodes {
		if d.Nodes[i].ID != id {
			continue
		}
		for _, r := range ranges {
			for slot := int(r.First); slot <= int(r.Last); slot++ {
				next.owners[slot] = uint16(i + 1)
			}
		}
	}
	return &next, nil
}
