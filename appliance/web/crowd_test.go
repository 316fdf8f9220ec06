package web_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ledge/appliance/web"
)

// However many connections ask nothing, be they idle after an answer, silent, or slow
// to ask, a probe is answered.
func TestIdleMakeRoom(t *testing.T) {
	for name, say := range map[string]string{
		"silent": "", "slow": "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"idle": "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, nil)
			for range 3 * 64 {
				c, err := net.Dial("tcp", s.at)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := fmt.Fprint(c, say); err != nil {
					t.Fatal(err)
				}
			}
			s.want(request{path: "/healthz"}, http.StatusOK, "ok")
		})
	}
}

// A password that takes long to be read, or can't be, keeps nobody from metrics and
// probes, and what was read before holds.
func TestPasswordHangs(t *testing.T) {
	t.Parallel()
	var bad atomic.Bool
	hang := make(chan struct{})
	read := func() (string, error) {
		if bad.Load() {
			<-hang
			return "", errors.New("input/output error")
		}
		return "p4ss", nil
	}
	s := open(t, func(c *web.Config) { c.Password = read })
	bad.Store(true)
	var asked sync.WaitGroup
	for range 20 {
		asked.Go(func() { s.ask(request{path: "/facts", password: "p4ss"}) })
	}
	began := time.Now()
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		s.want(request{path: path}, http.StatusOK, "")
	}
	t.Logf("metrics and probes took %s", time.Since(began))
	asked.Wait()
	s.want(request{path: "/facts", password: "p4ss"}, http.StatusOK, "")
	s.want(request{path: "/facts", password: "other"}, http.StatusUnauthorized, "")
	close(hang)
	s.want(request{path: "/facts", password: "p4ss"}, http.StatusOK, "")
}
