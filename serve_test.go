package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"ledge/admin/cli"
	"ledge/appliance"
)

// A node that is stopped before it has loaded its data says so as it does later.
func TestStopWhileLoading(t *testing.T) {
	var said bytes.Buffer
	ctx, stop := context.WithCancel(t.Context())
	stop()
	cfg := appliance.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", NATSListen: "127.0.0.1:0",
		Logger: slog.New(slog.NewTextHandler(&said, nil))}
	if err := runNode(ctx, cli.Greeter{To: io.Discard}, cfg, nil, nil); err != nil {
		t.Errorf("runNode = %v; want nil", err)
	}
	for _, want := range []string{"the node stops while it loads its data", "the node has stopped"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the log is %s; want %q in it", &said, want)
		}
	}
}

// A stop waits for a reload that ends, and not for one whose disk hangs.
func TestLetGo(t *testing.T) {
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	var ended, hangs sync.WaitGroup
	letGo(&ended, log)
	if said.Len() > 0 {
		t.Errorf("letGo said %q of a reload that has ended; want nothing", &said)
	}
	hangs.Add(1)
	defer hangs.Done()
	letGo(&hangs, log)
	if !strings.Contains(said.String(), "level=WARN") {
		t.Errorf("letGo said %q of a reload that hangs; want a WARN", &said)
	}
}
