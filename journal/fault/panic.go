package fault

import (
	"fmt"
	"runtime/debug"
)

// Panic is a bug that showed itself as a panic, with where that was.
type Panic struct {
	Value any
	Stack []byte
}

// Caught returns what recover has returned as an error. It is called by the
// deferred function that has recovered, so that the stack is still the panic's.
func Caught(value any) *Panic { return &Panic{value, debug.Stack()} }

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }
