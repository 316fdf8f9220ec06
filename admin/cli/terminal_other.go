//go:build !linux

package cli

import "io"

// terminal says of nothing that it is one.
func terminal(io.Writer) func() (int, bool) { return func() (int, bool) { return 0, false } }
