package hashes

import (
	"strings"

	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errNoFields  resp.Error = "ERR Mandatory argument FIELDS is missing or not at the right position"
	errCount     resp.Error = "ERR Number of fields must be a positive integer"
	errNumFields resp.Error = "ERR Parameter `numFields` should be greater than 0"
	errMismatch  resp.Error = "ERR The `numfields` parameter must match the number of arguments"
	errNegative  resp.Error = "ERR invalid expire time, must be >= 0"
)

// maxDeadline is the last deadline that a field may have, in Unix milliseconds:
// Redis keeps two bits of its 48 for itself.
const maxDeadline = 1<<46 - 1

// fieldsAt reads FIELDS, which must be argument i, and returns the fields
// after it. badCount is the answer to a count that is none.
func fieldsAt(args command.Args, i int, badCount error) ([][]byte, error) {
	if !args.Is(i, "FIELDS") {
		return nil, errNoFields
	}
	if i+1 == len(args) {
		return nil, wrongNumber(strings.ToLower(args.Str(0)))
	}
	n, err := args.Int(i + 1)
	if err != nil || n < 1 {
		return nil, badCount
	}
	fields := args[i+2:]
	if n != int64(len(fields)) {
		return nil, errMismatch
	}
	return fields, nil
}

// timing is how a command reads a time: in seconds or milliseconds, and from
// now on or since 1970.
type timing struct{ seconds, relative bool }

// timings are the words that announce a time in HGETEX and HSETEX.
var timings = []struct {
	word string
	timing
}{
	{"EX", timing{true, true}}, {"PX", timing{false, true}},
	{"EXAT", timing{true, false}}, {"PXAT", timing{false, false}},
}

// keeping is a deadline as the options of HGETEX and HSETEX give it.
type keeping struct {
	now     int64
	command string // which the errors name
	at      int64
}

// timeOptions returns the options that say a time, made of one that has all but the
// word and the value.
func timeOptions(o command.Option[keeping]) command.Options[keeping] {
	var os command.Options[keeping]
	for _, t := range timings {
		o.Word, o.Takes = t.word, 1
		o.Read = func(k keeping, vals command.Args) (_ keeping, err error) {
			k.at, err = t.deadline(vals, 0, k.now, k.command)
			return k, err
		}
		os = append(os, o)
	}
	return os
}

// deadline reads argument i in Unix milliseconds. The error names the command.
func (t timing) deadline(args command.Args, i int, now int64, name string) (int64, error) {
	at, err := args.Int(i)
	if err != nil {
		return 0, err
	}
	if at < 0 {
		return 0, errNegative
	}
	if t.seconds {
		if at > maxDeadline/1000 {
			return 0, badTime(name)
		}
		at *= 1000
	}
	if !t.relative {
		now = 0
	}
	if at > maxDeadline-now {
		return 0, badTime(name)
	}
	return at + now, nil
}

func badTime(name string) error {
	return resp.Error("ERR invalid expire time in '" + name + "' command")
}
