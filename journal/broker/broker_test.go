package broker_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"ledge/journal/broker"
)

// The server must run with the sync settings that were asked for.
func TestSyncSettings(t *testing.T) {
	for _, want := range []struct {
		always bool
		every  time.Duration
	}{{true, 30 * time.Second}, {false, time.Second}, {false, 50 * time.Millisecond}} {
		b := start(t, broker.Config{SyncAlways: want.always, SyncInterval: want.every})
		if always, every := b.Effective(); always != want.always || every != want.every {
			t.Errorf("the server has always=%v, every %s; want %+v", always, every, want)
		}
		b.Close()
	}
}

// A taken port is an error that names it.
func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = broker.Start(t.Context(), broker.Config{
		Dir: t.TempDir(), Name: "ledge", SyncInterval: time.Second, Listen: l.Addr().String(),
		Users: []broker.User{{Name: "admin", Password: "x"}},
	})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("Start on a taken port = %v; want an error with %s", err, l.Addr())
	}
}
