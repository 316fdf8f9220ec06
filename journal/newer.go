package journal

import (
	"errors"
	"fmt"

	"ledge/journal/fault"
)

// ErrNewer is wrapped by every error that says that what was read is whole, and of
// a format that this program does not know. It is no ErrDamage: nothing is wrong
// with it, so nobody may cut it off, set it aside or write it again.
var ErrNewer = errors.New("use the program that wrote it, or newer")

// Newer returns an Operator error, an ErrNewer. The words name the format that was
// found and those that are known.
func Newer(format string, args ...any) error {
	return fault.With(fault.Operator, fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrNewer))
}
