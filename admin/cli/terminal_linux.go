package cli

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// usualWidth is how many columns a terminal has that doesn't say.
const usualWidth = 80

// terminal returns how to ask how wide the terminal is that w writes to; false if it is
// none, or one on which a line can't be drawn again.
func terminal(w io.Writer) func() (int, bool) {
	none := func() (int, bool) { return 0, false }
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return none
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return none
	}
	return func() (int, bool) {
		size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
		if err != nil || size.Col == 0 {
			return usualWidth, true
		}
		return int(size.Col), true
	}
}
