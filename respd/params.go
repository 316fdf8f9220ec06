package respd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"sync/atomic"

	"ledge/respd/command"
	"ledge/respd/number"
)

// password returns what AUTH asks for; empty is nothing.
func (s *Server) password() string {
	if p := s.secret.Load(); p != nil {
		return *p
	}
	return s.cfg.Password
}

// checkedParams are serverParams, held against the node's rules for them. What
// Redis has words for is refused in Redis's words.
func (s *Server) checkedParams() []command.Param {
	list := s.serverParams()
	if s.cfg.CheckParam == nil {
		return list
	}
	for i, p := range list {
		if p.Set == nil {
			continue
		}
		list[i].Set = func(v string, apply bool) error {
			plain, err := s.cfg.CheckParam(p.Name, v)
			if err == nil {
				return p.Set(plain, apply)
			}
			if own := p.Set(v, false); own != nil {
				return own
			}
			return err
		}
	}
	return list
}

// serverParams are the parameters of CONFIG that the server itself has.
func (s *Server) serverParams() []command.Param {
	whole := func(name string, n *atomic.Int64, least int64) command.Param {
		return command.Param{Name: name,
			Get: func() string { return strconv.FormatInt(n.Load(), 10) },
			Set: func(v string, apply bool) error {
				x, ok := number.ParseInt(v)
				if !ok {
					return errors.New("argument couldn't be parsed into an integer")
				}
				if x < least {
					return fmt.Errorf("argument must be between %d and %d inclusive", least, int64(math.MaxInt64))
				}
				if apply {
					n.Store(x)
				}
				return nil
			}}
	}
	return []command.Param{
		whole("slowlog-log-slower-than", &s.shared.Slowlog.Threshold, -1),
		whole("slowlog-max-len", &s.shared.Slowlog.Max, 0),
		whole("maxclients", &s.maxClients, 1),
		{Name: "requirepass", Get: s.password, Set: func(v string, apply bool) error {
			if v == "" && !s.closedOff() {
				return errors.New("a password is needed while the server listens beyond loopback")
			}
			if apply {
				s.secret.Store(&v)
			}
			return nil
		}},
		s.eventsParam(),
		fixed("databases", strconv.Itoa(s.cfg.State.Databases())),
		fixed("proto-max-bulk-len", strconv.Itoa(s.cfg.MaxInput)),
		fixed("client-query-buffer-limit", strconv.Itoa(s.cfg.MaxInput)),
	}
}

// fixed is a parameter that can be read and not changed.
func fixed(name, value string) command.Param {
	return command.Param{Name: name, Get: func() string { return value }}
}

// closedOff reports whether only this machine can reach the server, or others
// with a certificate.
func (s *Server) closedOff() bool {
	for _, ln := range s.listeners() {
		a, ok := ln.Addr().(*net.TCPAddr)
		if ok && a.IP.IsLoopback() {
			continue
		}
		if ln == s.ln || s.cfg.TLS.ClientAuth != tls.RequireAndVerifyClientCert {
			return false
		}
	}
	return true
}
