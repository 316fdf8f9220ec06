package broker_test

import (
	"errors"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/logtest"
)

// stream returns the journal's stream in a broker. It is closed with the test.
func stream(t *testing.T, b *broker.Broker) *broker.Stream {
	t.Helper()
	s, err := b.OpenStream(blocks.Store{}, broker.Guard{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// The server tells its log and nobody else that it can't write. What a client can
// make it log must not be taken for that.
func TestSick(t *testing.T) {
	var log logtest.Log
	b := start(t, broker.Config{Log: log.Logger()})
	s := stream(t, b)
	for _, c := range []struct {
		text    string
		warning bool
		sick    bool
	}{
		{"Filestore [J] Critical write error: sync 1.blk: input/output error", false, true},
		{"JetStream stream 'JOURNAL > J' critical write error: no space left on device", false, true},
		{"Filesystem permission denied while writing msg, disabling JetStream: open x: permission denied", true, true},
		{"File system permission denied when flushing, disabling JetStream", true, true},
		{"Filestore [J] Error opening message block file", false, false},
		{"Filestore [other] Critical write error: sync 1.blk: input/output error", false, false},
		{"127.0.0.1:5 - cid:7 - \"v1:go\" - Critical write error", false, false},
		{"127.0.0.1:5 - cid:7 - authentication error - User \"Filestore [J] Critical write error\"", false, false},
		{"Critical write error", false, false},
		{"disabling JetStream", true, false},
	} {
		b.Say(c.text, c.warning)
		sick := false
		select {
		case <-s.Sick():
			sick = true
		default:
		}
		if cause := s.ClearCause(); sick != c.sick || (cause == c.text) != c.sick {
			t.Errorf("after %q: sick is %v with cause %q; want %v", c.text, sick, cause, c.sick)
		}
		if cause := s.ClearCause(); cause != "" {
			t.Errorf("cause %q is taken twice", cause)
		}
	}
	b.Say("  something is odd ", true)
	if got := s.LastWarning(); got != "something is odd" {
		t.Errorf("LastWarning = %q", got)
	}
	b.Say("Maximum payloads over 8.00 MB are generally discouraged", true)
	if got := s.LastWarning(); got != "something is odd" || strings.Contains(log.String(), "level=WARN msg=\"Maximum") {
		t.Errorf("what is so on purpose is warned of: %q\n%s", got, log.String())
	}
}

// The first cause stays until it is taken.
func TestFirstCause(t *testing.T) {
	s := stream(t, start(t, broker.Config{}))
	s.SetSick("first")
	s.SetSick("second")
	if got := s.ClearCause(); got != "first" {
		t.Errorf("ClearCause = %q; want the first", got)
	}
	select {
	case <-s.Sick():
		t.Error("the broker is sick although its cause was taken")
	default:
	}
}

// The server's words are all that is known of an I/O error.
func TestDiskError(t *testing.T) {
	for _, c := range []struct {
		text, says string
		class      fault.Class
		is         error
	}{
		{"Filestore [J] Critical write error: write 1.blk: no space left on device", "write 1.blk: no space left on device",
			fault.Retryable, journal.ErrNoSpace},
		{"write 1.blk: disk quota exceeded", "write 1.blk: disk quota exceeded", fault.Retryable, journal.ErrNoSpace},
		{"Critical write error: sync 1.blk: input/output error", "sync 1.blk: input/output error", fault.Operator, nil},
		{"critical write error: sync journal: input/output error", "sync journal: input/output error", fault.Operator, nil},
		{"JetStream error: sync 1.blk: input/output error", "JetStream error: sync 1.blk: input/output error",
			fault.Operator, journal.ErrSync},
		{"Filesystem permission denied while writing msg, disabling JetStream: open x: permission denied",
			"open x: permission denied", fault.Operator, nil},
	} {
		err := broker.DiskError(c.text)
		if err.Error() != c.says || fault.Of(err) != c.class || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("DiskError(%q) = %q of class %s; want %q of class %s, an error %v", c.text, err, fault.Of(err), c.says, c.class, c.is)
		}
	}
}
