package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// Discovery asks everybody, so it can't know when all have answered.
const (
	discoverFirst = 2 * time.Second        // for the first answer
	discoverNext  = 200 * time.Millisecond // for each one after it
)

// NodeInfo is a node that has answered, or one that another has named and that has not.
type NodeInfo struct {
	Node    string `json:"node"`    // "" is one that is known by its address only
	Version string `json:"version"` // "" of one that has not answered
	ID      string `json:"id"`      // likewise; of the service: another one after each start
	// What Reachable knows beside that. Server is the URL at which it was asked or is to
	// be asked, Leader the one that it follows, and Unreachable why it has not answered.
	Role        string `json:"role,omitempty"`
	Server      string `json:"server,omitempty"`
	Leader      string `json:"leader,omitempty"`
	Unreachable string `json:"unreachable,omitempty"`
}

// NodeList is what Nodes has found.
type NodeList struct {
	Nodes []NodeInfo `json:"nodes"`
}

// Nodes asks who is there. It returns those that answer without a long pause
// between them; if there is none, the error is ErrUnreachable.
func (c *Conn) Nodes(ctx context.Context) (NodeList, error) {
	const ping = micro.APIPrefix + ".PING." + ServiceName
	ctx, end := c.begin(ctx, ping, discoverFirst)
	defer end()
	inbox := c.nc.NewRespInbox()
	sub, err := c.nc.SubscribeSync(inbox)
	if err != nil {
		return NodeList{}, c.unreachable(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // only a closed connection fails
	if err := c.nc.PublishRequest(ping, inbox, nil); err != nil {
		return NodeList{}, c.unreachable(err)
	}
	l := NodeList{Nodes: []NodeInfo{}}
	for wait := discoverFirst; ; wait = discoverNext {
		m, err := next(ctx, sub, wait)
		if err == nil && m.Header.Get("Status") == "503" {
			err = errors.New("no node answers here")
		}
		if err != nil && len(l.Nodes) == 0 {
			return l, c.unfound(ctx, err)
		}
		if err != nil {
			return l, nil
		}
		var p micro.Ping
		if err := json.Unmarshal(m.Data, &p); err != nil {
			return l, fmt.Errorf("answer to %s: %w", ping, err)
		}
		l.add(NodeInfo{Node: p.Metadata["node"], Version: p.Version, ID: p.ID})
	}
}

// unfound says why no node has been found.
func (c *Conn) unfound(ctx context.Context, err error) error {
	var denied *Error
	if errors.As(context.Cause(ctx), &denied) {
		return denied
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no node has answered in time")
	}
	return c.unreachable(err)
}

// add keeps the list in order, and each node in it once.
func (l *NodeList) add(n NodeInfo) {
	i, there := slices.BinarySearchFunc(l.Nodes, n, func(a, b NodeInfo) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.ID, b.ID))
	})
	if !there {
		l.Nodes = slices.Insert(l.Nodes, i, n)
	}
}

// next waits for a message, but no longer than that.
func next(ctx context.Context, sub *nats.Subscription, wait time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}
