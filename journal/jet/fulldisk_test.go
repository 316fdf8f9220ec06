package jet_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A disk that is really full, with a node on it: it says so at once, takes what
// frees room by giving up its reserve, keeps the snapshot it has, starts again
// and serves what it holds, and resumes when there is room.
func TestFullDisk(t *testing.T) {
	mnt := t.TempDir()
	if err := syscall.Mount("none", mnt, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mnt, syscall.MNT_DETACH) })
	dir := filepath.Join(mnt, "data")
	options := []string{"--resume-auto", "none", "--reserve", "4MiB"}
	n := serve(t, dir, options...)
	c := n.dial()
	book := newBook()
	val := strings.Repeat("v", 2000)
	write := func(key string) string {
		began := time.Now()
		got := c.do("SET " + key + " " + val)
		if took := time.Since(began); strings.HasPrefix(got, "-") && took > firstError {
			t.Errorf("the error came after %s; want at most %s", took, firstError)
		}
		book.enter(key, val, got)
		return got
	}
	for i := range 100 {
		write(fmt.Sprintf("before:%d", i))
	}
	c.want("SAVE", "OK")
	ballast := filepath.Join(mnt, "ballast")
	fillDisk(t, ballast)
	// The rest of the last page may still take some.
	fill := func(name string) (got string) {
		for i := range 20 {
			if got = write(fmt.Sprintf("%s:%d", name, i)); got != "OK" {
				break
			}
		}
		return got
	}
	got := fill("full")
	if !strings.HasPrefix(got, "-MISCONF") || !strings.Contains(got, "no space left on device") {
		t.Fatalf("SET on a full disk = %s; want MISCONF with the cause", got)
	}
	until(t.Context(), t, "the reserve to be given up", func() bool {
		return strings.Contains(c.do("INFO journal"), "journal_deletes_taken:1")
	})
	fillDisk(t, ballast+"2") // somebody else takes most of what it gave up
	os.Truncate(ballast+"2", 2<<20)
	c.want("DEL before:0 before:1", "2")
	delete(book.acked, "before:0")
	delete(book.acked, "before:1")
	if got := write("more"); !strings.Contains(got, "reads and deletes are served") {
		t.Errorf("SET = %s; want it to say that deletes are served", got)
	}
	if got := c.do("LEDGE RESUME"); !strings.HasPrefix(got, "-") || !strings.Contains(got, "no space left on device") {
		t.Errorf("resume on a full disk = %s; want an error with the cause", got)
	}
	if got := c.do("SAVE"); got != "OK" && !strings.Contains(got, "no space") {
		t.Errorf("SAVE = %s; want OK or no space", got)
	}
	book.check(n, "on a full disk")
	n.kill()
	fillDisk(t, ballast+"3")
	n = serve(t, dir, options...)
	c = n.dial()
	book.check(n, "after a start on a full disk")
	if got := fill("again"); !strings.HasPrefix(got, "-MISCONF") {
		t.Errorf("SET after a start on a full disk = %s; want MISCONF", got)
	}
	for _, name := range []string{ballast, ballast + "2", ballast + "3"} {
		os.Remove(name)
	}
	if got := c.do("LEDGE RESUME"); strings.HasPrefix(got, "-") {
		t.Errorf("resume with room = %s; want no error", got)
	}
	if got := write("last"); got != "OK" {
		t.Errorf("SET after it = %s; want OK", got)
	}
	n.kill()
	n = serve(t, dir, options...)
	book.check(n, "at the end")
	n.stop()
}
