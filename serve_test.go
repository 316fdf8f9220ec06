package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

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
