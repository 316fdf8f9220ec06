package strs

import (
	"math"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// expiry is an expire time as it stands in the arguments.
type expiry struct {
	unit timeUnit
	arg  []byte
}

// timeUnit says how an expire time is to be read.
type timeUnit uint8

const (
	noTime timeUnit = iota
	inSeconds
	inMillis
	atSecond
	atMilli
)

// timeWord returns what argument i announces, if it announces a time.
func timeWord(args command.Args, i int) timeUnit {
	switch {
	case args.Is(i, "EX"):
		return inSeconds
	case args.Is(i, "PX"):
		return inMillis
	case args.Is(i, "EXAT"):
		return atSecond
	case args.Is(i, "PXAT"):
		return atMilli
	}
	return noTime
}

// parse reads a time from argument i and the one behind it. It reports false
// when there is none, or when one of another kind came before.
func (e *expiry) parse(args command.Args, i int) bool {
	unit := timeWord(args, i)
	if unit == noTime || i+1 == len(args) || e.unit != noTime && e.unit != unit {
		return false
	}
	*e = expiry{unit, args[i+1]}
	return true
}

// deadline returns the time in Unix milliseconds, 0 for none. The error names
// the command.
func (e expiry) deadline(now int64, name string) (int64, error) {
	if e.unit == noTime {
		return 0, nil
	}
	at, ok := command.ParseInt(e.arg)
	if !ok {
		return 0, command.ErrNotInt
	}
	if at <= 0 {
		return 0, badTime(name)
	}
	if e.unit == inSeconds || e.unit == atSecond {
		if at > math.MaxInt64/1000 {
			return 0, badTime(name)
		}
		at *= 1000
	}
	if e.unit == inSeconds || e.unit == inMillis {
		if at > math.MaxInt64-now {
			return 0, badTime(name)
		}
		at += now
	}
	return at, nil
}

func badTime(name string) error {
	return resp.Error("ERR invalid expire time in '" + name + "' command")
}
