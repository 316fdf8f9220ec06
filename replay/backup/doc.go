// Package backup has the form in which a state and its journal are kept elsewhere:
// parts, each with a snapshot, frames, or both, that follow each other. A part is
// written and read as a stream, so that it may be a file, a pipe, or encrypted.
// BACKUP.md has the byte tables.
package backup

import (
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/journal/fault"
)

// errCut says that a part ends before its trailer.
var errCut = errors.New("it ends before its trailer: it was cut short")

// damaged makes an error, of class Operator, that says what is wrong with a part.
func damaged(format string, args ...any) error {
	return fault.With(fault.Operator, journal.Damage(fmt.Errorf("backup damaged: "+format, args...)))
}
