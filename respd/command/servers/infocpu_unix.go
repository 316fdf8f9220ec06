//go:build unix

package servers

import (
	"fmt"
	"syscall"

	"ledge/respd/command"
)

func infoCPU(*command.Session) []command.InfoField {
	var f fields
	for _, who := range []struct {
		suffix string
		who    int
	}{{"", syscall.RUSAGE_SELF}, {"_children", syscall.RUSAGE_CHILDREN}} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who.who, &u); err != nil {
			continue
		}
		f.add("used_cpu_sys"+who.suffix, seconds(u.Stime))
		f.add("used_cpu_user"+who.suffix, seconds(u.Utime))
	}
	return f
}

func seconds(t syscall.Timeval) string { return fmt.Sprintf("%d.%06d", t.Sec, t.Usec) }
