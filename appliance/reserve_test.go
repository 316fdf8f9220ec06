package appliance

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"ledge/journal/fault"
)

// A reserve takes up room that is really there, gives it up and takes it again,
// and is not held on a disk where nothing else would fit.
func TestReserve(t *testing.T) {
	mnt := t.TempDir()
	if err := syscall.Mount("none", mnt, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mnt, syscall.MNT_DETACH) })
	const size = 4 << 20
	r := newReserve(mnt, size)
	for range 2 {
		if err := r.Take(); err != nil || !r.Held() || r.bytes() != size {
			t.Errorf("Take = %v, held %v, %d bytes; want nil, true and %d", err, r.Held(), r.bytes(), size)
		}
	}
	ballast := filepath.Join(mnt, "ballast")
	if err := os.WriteFile(ballast, make([]byte, size+1), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("writing what the reserve has = %v; want %v", err, syscall.ENOSPC)
	}
	if err := os.Truncate(ballast, size); err != nil {
		t.Fatal(err)
	}
	if again := newReserve(mnt, size); again.Take() != nil || again.bytes() != size {
		t.Errorf("a whole reserve of an earlier run is not kept")
	}
	if err := r.GiveUp(); err != nil || r.Held() || r.bytes() != 0 {
		t.Errorf("GiveUp = %v, held %v; want nil and false", err, r.Held())
	}
	// There is just as much as the reserve takes.
	if err := r.Take(); fault.Of(err) != fault.Retryable || r.Held() {
		t.Errorf("Take without more room than that = %v, class %s, held %v; want class retryable",
			err, fault.Of(err), r.Held())
	}
	if left, _ := filepath.Glob(filepath.Join(mnt, "reserve*")); len(left) > 0 {
		t.Errorf("a reserve that was not taken leaves %v", left)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := r.Take(); err != nil {
		t.Errorf("Take with room = %v; want nil", err)
	}
}

// No reserve is always held, and costs nothing.
func TestNoReserve(t *testing.T) {
	r := newReserve(t.TempDir(), 0)
	if err := errors.Join(r.Take(), r.GiveUp()); err != nil || !r.Held() || r.bytes() != 0 {
		t.Errorf("a reserve of 0 bytes: %v, held %v, %d bytes", err, r.Held(), r.bytes())
	}
}
