package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"ledge/journal/fault"
	"ledge/journal/greeting"
)

// probeConnect is how long Probe waits for a connection, and probeMost in all. Whoever
// calls has a client waiting.
const (
	probeConnect = 500 * time.Millisecond
	probeMost    = 2 * time.Second
)

// Probe looks what answers at a leader's URL, and is Refused by what can't be a
// leader: a server that speaks Redis's protocol, as a ledge does at its other port, or
// HTTP, or whatever doesn't begin as NATS does; and a name that there isn't. A host
// that can't be reached or says nothing may be a leader yet, so it is none's fault.
func Probe(ctx context.Context, leader string) error {
	u, err := url.Parse(leader)
	if err != nil {
		return fault.As(fault.Refused, "look at the leader", errors.New("it has no URL"))
	}
	ctx, cancel := context.WithTimeout(ctx, probeMost)
	defer cancel()
	d := net.Dialer{Timeout: probeConnect}
	nc, err := d.DialContext(ctx, "tcp", u.Host)
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return fault.With(fault.Refused, fmt.Errorf("ERR there is no host %q; name the leader's NATS address, nats://HOST:PORT", u.Hostname()))
	case err != nil:
		return nil
	}
	defer nc.Close()
	if found := greeting.Of(ctx, nc); found != "" {
		return fault.With(fault.Refused, fmt.Errorf("ERR at %s %s; name the leader's NATS address, which ledge status shows there (port 4222 unless told)",
			u.Host, found))
	}
	return nil
}
