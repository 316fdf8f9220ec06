package process

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Only what can't have been changed of the program's own file is let go of.
func TestUnchanged(t *testing.T) {
	const maps = `00400000-01138000 r-xp 00000000 fe:00 10142015                           /usr/bin/ledge
01138000-01e81000 r--p 00d38000 fe:00 10142015                           /usr/bin/ledge
01e81000-01ef4000 rw-p 01a81000 fe:00 10142015                           /usr/bin/ledge
01ef4000-03f3a000 rw-p 00000000 00:00 0
7f0000000000-7f0000001000 r--p 00000000 fe:00 77                         /usr/bin/ledge.old
7f0000002000-7f0000003000 r--p 00000000 fe:00 78                         /var/lib/ledge/node.db
nonsense /usr/bin/ledge
9-8 r--p 00000000 fe:00 10142015 /usr/bin/ledge
7fff00000000-7fff00001000 r-xp 00000000 00:00 0                          [vdso]
`
	want := []mapping{{0x400000, 0x1138000}, {0x1138000, 0x1e81000}}
	if got := unchanged(maps, "/usr/bin/ledge"); !slices.Equal(got, want) {
		t.Errorf("unchanged = %x; want %x", got, want)
	}
}

// The premise of letProgramGo: pages of the program are gone from the process after it,
// and only those come back that are used.
func TestProgramPremise(t *testing.T) {
	adviseProgram(unix.MADV_POPULATE_READ) // all of them, where Linux is 5.14 or later
	before := fileMemory(t)
	letProgramGo()
	after := fileMemory(t)
	t.Logf("%d kB of files were mapped, and then %d", before, after)
	if after >= before {
		t.Errorf("%d kB of files are mapped after %d; want less", after, before)
	}
}

// fileMemory returns how many kB of files are mapped and in memory.
func fileMemory(t *testing.T) (kB int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\nRssFile:")
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		t.Fatal(err)
	}
	return kB
}
