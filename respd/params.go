package respd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"

	"ledge/respd/command"
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
		if s.cfg.OwnerOf != nil {
			list[i].Owner = s.cfg.OwnerOf(p.Name)
		}
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

// serverParams are the parameters of CONFIG whose values the server itself keeps. Of
// these databases, maxclients, requirepass and notify-keyspace-events are options of
// the node as well, whose rows say that the value is here (options.Param.Server); the
// others are declared here alone. Those of scripts are the engine's, and the rest is
// the node's. NewParams holds that each is somebody's once.
func (s *Server) serverParams() []command.Param {
	return []command.Param{
		command.NumberParam("slowlog-log-slower-than", &s.shared.Slowlog.Threshold, atLeast(-1), nil),
		command.NumberParam("slowlog-max-len", &s.shared.Slowlog.Max, atLeast(0), nil),
		command.NumberParam("maxclients", &s.maxClients, atLeast(1), nil),
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
		command.FixedParam("databases", strconv.Itoa(s.cfg.State.Databases())),
		{Name: "proto-max-bulk-len", Get: func() string { return strconv.Itoa(s.shared.MostInput()) }},
		{Name: "client-query-buffer-limit", Get: func() string { return strconv.Itoa(s.shared.MostInput()) }},
		{Name: "maxmemory-clients", Get: func() string { return strconv.FormatInt(s.shared.Buffers(), 10) }},
	}
}

// atLeast words as Redis does why a number can't be taken.
func atLeast(least int64) func(x int64, whole bool) error {
	return func(x int64, whole bool) error {
		switch {
		case !whole:
			return errors.New("argument couldn't be parsed into an integer")
		case x < least:
			return fmt.Errorf("argument must be between %d and %d inclusive", least, int64(math.MaxInt64))
		}
		return nil
	}
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
