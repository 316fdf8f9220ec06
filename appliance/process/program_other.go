//go:build !linux

package process

// letProgramGo is of use only where /proc says where the program's pages are; see
// program_linux.go.
func letProgramGo() {}
