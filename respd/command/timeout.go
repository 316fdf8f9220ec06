package command

import (
	"math"
	"time"

	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errTimeout    resp.Error = "ERR timeout is not a float or out of range"
	errNoNegative resp.Error = "ERR timeout is negative"
)

// Timeout reads argument i as the seconds that a command may wait, rounded up to
// milliseconds as Redis does; 0 is for ever. What Redis can't hold in 64 bits
// counts as negative there and here.
func (a Args) Timeout(i int) (time.Duration, error) {
	x, ok := number.ParseLongDouble(a[i])
	if !ok {
		return 0, errTimeout
	}
	n := x.Thousandfold()
	switch {
	case n < 0:
		return 0, errNoNegative
	case n > math.MaxInt64/int64(time.Millisecond):
		return math.MaxInt64, nil
	}
	return time.Duration(n) * time.Millisecond, nil
}
