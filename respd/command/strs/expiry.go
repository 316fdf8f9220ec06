package strs

import (
	"math"

	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

// deadline returns the time that options say in Unix milliseconds, 0 for none.
// The error names the command.
func deadline(o command.Given[[]byte], now int64, name string) (int64, error) {
	if !o.Bits.Has(anyTime) {
		return 0, nil
	}
	at, ok := number.ParseInt(o.Value)
	if !ok {
		return 0, command.ErrNotInt
	}
	if at <= 0 {
		return 0, badTime(name)
	}
	if o.Bits.Has(inSeconds | atSecond) {
		if at > math.MaxInt64/1000 {
			return 0, badTime(name)
		}
		at *= 1000
	}
	if o.Bits.Has(inSeconds | inMillis) {
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
