package process

import (
	"os"
	"runtime"
	"testing"
)

// Of two processors one serves, and both are there for work beside it. With any
// other number, and where somebody has said otherwise, nothing is changed.
func TestThreads(t *testing.T) {
	if os.Getenv("GOMAXPROCS") != "" {
		t.Setenv("GOMAXPROCS", "")
	}
	was := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
	for _, tt := range []struct {
		name    string
		all     int
		env     string
		without Without
		serving int
	}{
		{"one", 1, "", nil, 1},
		{"two", 2, "", nil, 1},
		{"three", 3, "", nil, 3},
		{"four", 4, "", nil, 4},
		{"two, turned off", 2, "", Without{OneOfTwo: true}, 2},
		{"two, by the environment", 2, "2", nil, 2},
	} {
		t.Setenv("GOMAXPROCS", tt.env)
		runtime.GOMAXPROCS(tt.all)
		want := func(when string, want int) {
			t.Helper()
			if got := runtime.GOMAXPROCS(0); got != want {
				t.Errorf("%s, %s: %d processors; want %d", tt.name, when, got, want)
			}
		}
		s := NewThreads(tt.without)
		want("starting", tt.all)
		s.Serve()
		want("serving", tt.serving)
		first, second := s.Beside(), s.Beside()
		want("beside", tt.all)
		first()
		want("still beside", tt.all)
		second()
		want("serving again", tt.serving)
		s.Close()
		want("closed", tt.all)
	}
}
