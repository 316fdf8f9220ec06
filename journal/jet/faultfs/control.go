package faultfs

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
)

// mounting is what the server is started with, as JSON in an environment
// variable.
type mounting struct{ Backing, Mount string }

const variable = "LEDGE_FAULTFS"

// request is a line that the server is sent. It answers each with a reply, and
// says with one more, the first, that it has mounted.
type request struct {
	Do   string
	Rule Rule
}

type reply struct {
	Err   string
	Stats Stats
}

const (
	doAdd     = "add"
	doClear   = "clear"
	doCut     = "cut"
	doRestore = "restore"
	doStats   = "stats"
)

func (d *disk) answer(q request) reply {
	var err error
	switch q.Do {
	case doAdd:
		if err = q.Rule.validate(); err == nil {
			d.rules.add(q.Rule)
		}
	case doClear:
		d.clear()
	case doCut:
		err = d.cut()
	case doRestore:
		d.restore()
	case doStats:
		return reply{Stats: d.rules.counts()}
	default:
		err = fmt.Errorf("unknown request %q", q.Do)
	}
	if err != nil {
		return reply{Err: err.Error()}
	}
	return reply{}
}

// Main must be the first thing that TestMain, or main, does. In the process
// that is to serve a file system it does so and never returns; in others it
// does nothing.
func Main() {
	v, ok := os.LookupEnv(variable)
	if !ok {
		return
	}
	if err := child(v); err != nil {
		fmt.Fprintln(os.Stderr, "faultfs:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(v string) error {
	var m mounting
	if err := json.Unmarshal([]byte(v), &m); err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	conn, err := net.FileConn(os.Stdin)
	if err != nil {
		return errors.Join(errors.New("standard input is to be a socket"), err)
	}
	return serve(m, conn)
}
