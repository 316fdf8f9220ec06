package remote

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/progress"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A full sync says how far it is, to whoever looks and in the log, from what an earlier
// attempt has brought on; before it and afterwards there is nothing to say.
func TestFullSyncShown(t *testing.T) {
	s := newChunked()
	f, a := idleFollower(t, nil)
	var log lines
	f.cfg.Logger, f.tellSync = slog.New(slog.NewTextHandler(&log, nil)), 1
	if _, _, ok := f.Syncing(); ok {
		t.Error("there is a full sync before one has begun; want none")
	}
	begun := int64(0) // bytes that were there when a chunk was asked for
	s.spoil = func(m *nats.Msg, chunk int) {
		seen, began, ok := f.Syncing()
		if !ok || began != f.cfg.Clock() || seen.Step != StepFetch || seen.Unit != progress.Bytes || seen.Total != s.meta.Bytes {
			t.Errorf("chunk %d: %+v, %s, %t; want %d bytes being fetched", chunk, seen, began, ok, s.meta.Bytes)
		}
		if want := int64(chunk) * s.meta.Chunk; seen.Done != want {
			t.Errorf("chunk %d: %d bytes are done; want %d", chunk, seen.Done, want)
		}
		if begun++; begun == 2 { // the one that goes on begins after the first
			m.Header.Set(headerSum, "00000000")
		}
	}
	if err := f.fullSync(t.Context(), over(&s.fakeConn), begins(startSnapshot)); err == nil {
		t.Fatal("fullSync with a damaged chunk = nil; want an error")
	}
	a.adopt = func(string, journal.Pos) error {
		if seen, _, ok := f.Syncing(); !ok || seen.Done != s.meta.Bytes {
			t.Errorf("when it is adopted: %+v, %t; want all %d bytes", seen, ok, s.meta.Bytes)
		}
		waitFor(t, func() bool { return strings.Contains(log.String(), "full sync goes on") }, log.String)
		return nil
	}
	if err := f.fullSync(t.Context(), over(&s.fakeConn), begins(startSnapshot)); err != nil {
		t.Fatal(err)
	}
	if seen, _, ok := f.Syncing(); ok {
		t.Errorf("afterwards there is %+v; want none", seen)
	}
	if said := log.String(); !strings.Contains(said, "step=\""+StepFetch+"\"") || !strings.Contains(said, "percent=") {
		t.Errorf("the log says %q; want step and percent", said)
	}
}
