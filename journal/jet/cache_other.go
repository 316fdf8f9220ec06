//go:build !linux

package jet

// forget does nothing where there is no advice to give.
func (s store) forget() error { return nil }
