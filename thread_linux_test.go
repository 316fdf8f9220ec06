package main

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// The first thread is nobody's but main's, however many are needed: it is in no call to a
// disk when a signal comes, see main.
func TestFirstThreadIsFree(t *testing.T) {
	var all sync.WaitGroup
	all.Add(200) // more than can be waiting for work, so that each of those is taken
	for range 200 {
		go func() {
			runtime.LockOSThread()
			if syscall.Gettid() == os.Getpid() {
				t.Error("the first thread works; want it to be kept for main")
			}
			all.Done()
			all.Wait()
			runtime.UnlockOSThread()
		}()
	}
	all.Wait()
}
