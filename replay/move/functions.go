package move

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/wire"
)

// Function libraries are no shard's alone: clients that are sent to the target call there
// what they called at the source. So the target adds the libraries that it lacks, before the
// source holds the slots. It replaces none.

// functions asks for the library after another one, by their names; for the first one after
// no name. A library comes part by part, as pieces do.
type functions struct {
	Move   moveID `json:"move"`
	After  string `json:"after"`
	Offset int    `json:"offset"`
}

// Check reports what is missing, or does not add up.
func (f *functions) Check() error {
	switch {
	case f.Move == 0:
		return errNoMove
	case f.Offset < 0:
		return fmt.Errorf("offset %d", f.Offset)
	case f.After != "" && !travels(f.After):
		return errors.New("after is no name of a library")
	}
	return nil
}

// Headers of the answer, beside those of a fetch.
const (
	headerName = "Ledge-Name"     // of the library; without it there is none
	headerSum  = "Ledge-Checksum" // of its code
)

// travels reports whether a library of that name moves along. FUNCTION LOAD takes no other
// letters; longer names, which it takes, stay where they are.
func travels(name string) bool {
	return name != "" && len(name) <= wire.MaxText && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	})
}

// library returns a part of the next library.
func (m *Mover) library(msg *nats.Msg) (*nats.Msg, error) {
	var q functions
	if err := wire.Decode(msg, &q); err != nil {
		return nil, err
	}
	id := journal.MoveID(q.Move)
	if err := m.asked(id); err != nil {
		return nil, err
	}
	var name, code string
	err := m.cfg.State.View(m.cfg.Clock(), func(v *replay.View) error {
		for n, c := range v.Functions().All() {
			if n > q.After && travels(n) {
				name, code = n, c
				break
			}
		}
		return nil
	})
	r := nats.NewMsg("")
	switch {
	case err != nil || name == "":
		return r, err
	case q.Offset >= len(code):
		return nil, errLibrary
	}
	r.Header.Set(headerName, name)
	r.Header.Set(headerSize, strconv.Itoa(len(code)))
	r.Header.Set(headerSum, checksum(code))
	r.Data = []byte(code[q.Offset:min(len(code), q.Offset+partBytes)])
	return r, nil
}

// errLibrary says that a library was changed while it was being sent.
var errLibrary = fault.With(fault.Retryable, errors.New("a function library was changed while it was being sent"))

func checksum(code string) string { return fmt.Sprintf("%08x", journal.Checksum([]byte(code))) }

// libraries are those of the source that a target has left as its own are, in one move.
type libraries struct {
	left  []string // their names
	cause error    // why the first of them is left
}

// leave notes a library that is not added.
func (l *libraries) leave(name string, cause error) {
	if len(l.left) == 0 {
		l.cause = cause
	}
	l.left = append(l.left, name)
}

// mostLibraries is how many libraries of the source are looked at.
const mostLibraries = 1 << 16

// bring adds the source's function libraries that there are none of here. Only what keeps the
// source from answering, or the journal from taking them, is an error.
func (t *target) bring(ctx context.Context) error {
	l := &libraries{}
	after := ""
	for range mostLibraries {
		name, err := t.bringAfter(ctx, after, l)
		if err != nil {
			return err
		}
		if name == "" {
			break
		}
		after = name
	}
	if len(l.left) > 0 && !t.w.told {
		t.w.told = true
		t.m.cfg.Logger.Log(ctx, slog.LevelWarn, "function libraries of the source are not added here", "move", t.of.ID,
			"libraries", wire.Clip(strings.Join(l.left, " "), wire.MaxText), "count", len(l.left), "cause", l.cause)
	}
	return nil
}

// errOther is why a library is left that is here already.
var errOther = errors.New("this shard has another library of that name")

// bringAfter adds the library after one, and returns its name, "" if there is none.
func (t *target) bringAfter(ctx context.Context, after string, l *libraries) (name string, err error) {
	var code []byte
	var first libraryPart
	for size := 1; len(code) < size; size = first.size {
		part, err := t.libraryPart(ctx, functions{Move: wire.Hex(t.of.ID), After: after, Offset: len(code)})
		switch {
		case err != nil:
			return "", err
		case len(code) == 0:
			if first = part; first.name == "" {
				return "", nil
			}
			if own, same := t.has(first); own {
				if !same {
					l.leave(first.name, errOther)
				}
				return first.name, nil
			}
		case part.name != first.name || part.size != first.size || part.sum != first.sum:
			return "", errLibrary
		}
		code = append(code, part.data...)
	}
	if checksum(string(code)) != first.sum {
		return "", errLibrary
	}
	var refused error
	err = t.m.propose(ctx, func(d *replay.Draft) error {
		refused = t.m.cfg.AddFunctions(d, string(code))
		return refused
	})
	switch {
	case refused != nil:
		l.leave(first.name, refused)
	case err != nil:
		return "", err
	default:
		t.m.cfg.Logger.Info("function library added", "move", t.of.ID, "library", first.name)
	}
	return first.name, nil
}

// has looks whether there is a library of that name here, and whether it is the same.
func (t *target) has(p libraryPart) (own, same bool) {
	_ = t.m.cfg.State.View(t.m.cfg.Clock(), func(v *replay.View) error {
		var code string
		code, own = v.Functions().Get(p.name)
		same = own && len(code) == p.size && checksum(code) == p.sum
		return nil
	})
	return own, same
}

// libraryPart is a part of a library, of which the name, the size and the checksum are known.
type libraryPart struct {
	name, sum string
	size      int
	data      []byte
}

// libraryPart asks for a part of a library. One without a name is that there is none.
func (t *target) libraryPart(ctx context.Context, q functions) (libraryPart, error) {
	msg, err := t.m.cfg.Call(ctx, t.of.Shard, SubjectFunctions, q)
	if err != nil {
		return libraryPart{}, err
	}
	t.m.heard(t.of.ID)
	return readLibraryPart(msg, q)
}

// readLibraryPart looks whether an answer is what it may be.
func readLibraryPart(msg *nats.Msg, q functions) (p libraryPart, err error) {
	p = libraryPart{name: msg.Header.Get(headerName), sum: msg.Header.Get(headerSum), data: msg.Data}
	if p.name == "" && len(p.data) == 0 && q.Offset == 0 {
		return libraryPart{}, nil
	}
	p.size, err = strconv.Atoi(msg.Header.Get(headerSize))
	if err != nil || p.size <= 0 || p.size > maxPiece || !travels(p.name) || p.name <= q.After || len(p.sum) != 8 ||
		len(p.data) == 0 || len(p.data) > p.size-q.Offset {
		return libraryPart{}, fault.With(fault.Refused, fmt.Errorf("%d bytes from %d on of library %q, which comes after %q and has %q bytes",
			len(p.data), q.Offset, wire.Clip(p.name, wire.MaxName), q.After, wire.Clip(msg.Header.Get(headerSize), wire.MaxName)))
	}
	return p, nil
}
