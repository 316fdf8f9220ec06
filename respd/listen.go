package respd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"ledge/journal/fault"
)

// plainListener leaves connections as the system makes them.
var plainListener = net.ListenConfig{KeepAlive: -1}

func (s *Server) listen(ctx context.Context) (err error) {
	if s.cfg.Listen != "" || s.cfg.TLSListen == "" {
		if s.ln, err = plainListener.Listen(ctx, "tcp", s.cfg.Listen); err != nil {
			return fault.As(fault.Operator, "listen for clients on "+s.cfg.Listen, err)
		}
	}
	if s.cfg.TLSListen != "" {
		s.door, err = openDoor(ctx, s)
	}
	return err
}

// unlisten stops listening. It is safe to call twice.
func (s *Server) unlisten() error {
	var errs []error
	for _, ln := range s.listeners() {
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Server) listeners() (list []net.Listener) {
	if s.ln != nil {
		list = append(list, s.ln)
	}
	if s.door != nil {
		list = append(list, s.door.ln)
	}
	return list
}

// Addr returns the address that the server listens on: the one without TLS, if
// there is one.
func (s *Server) Addr() net.Addr { return s.listeners()[0].Addr() }

// TLSAddr returns the address for clients with TLS, or nil.
func (s *Server) TLSAddr() net.Addr {
	if s.door == nil {
		return nil
	}
	return s.door.ln.Addr()
}

// accept takes connections until the listener is closed.
func (s *Server) accept(ln net.Listener, welcome func(net.Conn)) {
	for wait := time.Millisecond; ; {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			wait = time.Millisecond
			welcome(nc)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			// Out of descriptors, or a client gone before we looked. It passes.
			s.log.Add(slog.LevelWarn, "accept failed", "cause", err)
			time.Sleep(wait)
			wait = min(2*wait, time.Second)
		}
	}
}

func (s *Server) welcome(nc net.Conn) {
	if !s.reserve() {
		_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = nc.Write([]byte("-ERR max number of clients reached\r\n"))
		nc.Close()
		return
	}
	s.shared.Stats.Connections.Add(1)
	s.keepAsking(nc)
	s.boundSocket(nc)
	c := newConn(s, nc)
	if err := s.loop.add(c, nc.(*net.TCPConn)); err != nil {
		s.cfg.Logger.Warn("connection not taken", "client", c.Session().Addr, "cause", err)
		s.giveUp()
		nc.Close()
	}
}

// reserve takes a place for a connection, which remember makes a client or giveUp
// has been in vain. There is none when there are as many as there may be.
func (s *Server) reserve() bool {
	s.mu.Lock()
	free := len(s.conns)+s.arriving < int(min(s.maxClients.Load(), s.placesFor.Load()))
	if free {
		s.arriving++
	}
	s.mu.Unlock()
	if !free {
		s.shared.Stats.Rejected.Add(1)
		s.cfg.TurnedAway()
	}
	return free
}

// giveUp gives the place back of what will not be a client.
func (s *Server) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arriving--
}
