package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"ledge/respd/resp"
)

// patience is how long a client waits for a reply.
const patience = 30 * time.Second

// conn is a connection of a Redis client.
type conn struct {
	nc net.Conn
	r  *resp.Reader
}

// answered is an error that the node has answered; the connection is good.
type answered string

func (a answered) Error() string { return string(a) }

// dial connects, and says the password if there is one.
func dial(ctx context.Context, addr, password string, secure *tls.Config) (*conn, error) {
	var d interface {
		DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	} = &net.Dialer{Timeout: patience}
	if secure != nil {
		d = &tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: secure}
	}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{nc: nc, r: resp.NewReader(bufio.NewReader(nc))}
	if password == "" {
		return c, nil
	}
	if _, err := c.ask("AUTH", password); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *conn) close() { _ = c.nc.Close() }

// send sends a pipeline whole.
func (c *conn) send(pipeline []byte) error {
	if err := c.nc.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := c.nc.Write(pipeline)
	return err
}

// next reads a reply. An error that the node has answered is an answered.
func (c *conn) next() (resp.Value, error) {
	v, err := c.r.ReadValue()
	if err == nil && v.IsError() {
		err = answered(v.ErrorText())
	}
	return v, err
}

func (c *conn) ask(args ...string) (resp.Value, error) {
	if err := c.send(resp.AppendCommand(nil, args...)); err != nil {
		return resp.Value{}, err
	}
	return c.next()
}

// connect makes a connection to one of the nodes with the password that there is,
// and returns which of them all that was.
func (r *rig) connect(ctx context.Context, replica, overTLS bool) (*conn, int64, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var secure *tls.Config
	addr, password := r.leader.options["listen"], r.password
	switch {
	case replica:
		addr, password = r.replica.options["listen"], ""
	case overTLS:
		addr, secure = r.leader.options["tls-listen"], r.ca.client()
	}
	c, err := dial(ctx, addr, password, secure)
	return c, r.told.Load(), err
}

// ask asks one of the nodes on a connection of its own.
func (r *rig) ask(ctx context.Context, replica bool, args ...string) (resp.Value, error) {
	c, _, err := r.connect(ctx, replica, false)
	if err != nil {
		return resp.Value{}, err
	}
	defer c.close()
	return c.ask(args...)
}

// answers says whether a node serves.
func (r *rig) answers(ctx context.Context, replica bool) bool {
	v, err := r.ask(ctx, replica, "PING")
	return err == nil && v.Str() == "PONG"
}

// holds says whether a parameter of the leader has that value.
func (r *rig) holds(ctx context.Context, name, value string) error {
	v, err := r.ask(ctx, false, "CONFIG", "GET", name)
	if err != nil {
		return fmt.Errorf("CONFIG GET %s: %w", name, err)
	}
	if e := v.Elems(); len(e) != 2 || e[1].Str() != value {
		return fmt.Errorf("CONFIG GET %s = %s; want %s", name, v, value)
	}
	return nil
}
