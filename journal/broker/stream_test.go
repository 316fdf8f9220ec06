package broker_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
)

// A stream is made, filled, shortened, changed, taken out and loaded again, and its
// configuration is read as the server has written it.
func TestStream(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Config{Dir: dir, Name: "ledge", SyncInterval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	store := blocks.NewStore(dir)
	s, err := b.OpenStream(store, broker.NewGuard(dir, store))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Info(t.Context()); !errors.Is(err, broker.ErrNoStream) {
		t.Errorf("Info before there is a stream = %v; want ErrNoStream", err)
	}
	spec := broker.StreamSpec{MaxBytes: 64 << 20, FirstSeq: 5, Metadata: map[string]string{"who": "we"}}
	if err := s.Create(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	readsMeta(t, store, spec)
	write(t, b, 5, 9)
	spans := func(when string, first, last journal.Seq, limit int64) {
		t.Helper()
		info, err := s.Info(t.Context())
		if err != nil || info.First != first || info.Last != last || info.Messages != uint64(last-first+1) ||
			info.MaxBytes != limit || info.Deleted != 0 || info.Lost || info.Bytes == 0 {
			t.Errorf("%s: %+v, %v; want %d to %d, at most %d bytes", when, info, err, first, last, limit)
		}
	}
	spans("filled", 5, 9, 64<<20)
	if err := s.Purge(t.Context(), 6); err != nil {
		t.Fatal(err)
	}
	spans("shortened", 7, 9, 64<<20)
	spec.MaxBytes = 80 << 20
	if err := s.Update(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	spans("changed", 7, 9, 80<<20)
	if err := s.Unload(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Unload(t.Context(), ""); err != nil {
		t.Errorf("Unload once more = %v; want nil", err)
	}
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	spans("loaded again", 7, 9, 80<<20)
}

// readsMeta checks that the server's own file and one of ours speak of the stream
// as spec does, and that others don't.
func readsMeta(t *testing.T, store blocks.Store, spec broker.StreamSpec) {
	t.Helper()
	meta, err := store.ReadMeta()
	if err != nil {
		t.Fatal(err)
	}
	same := func(got broker.StreamSpec) bool {
		return got.MaxBytes == spec.MaxBytes && got.FirstSeq == spec.FirstSeq && got.Metadata["who"] == spec.Metadata["who"]
	}
	if got, ok := broker.ParseMeta(meta); !ok || !same(got) {
		t.Errorf("the server's own file = %+v, %v; want %+v", got, ok, spec)
	}
	ours, err := spec.Meta(time.Now())
	if got, ok := broker.ParseMeta(ours); err != nil || !ok || !same(got) || !maps.Equal(got.Metadata, spec.Metadata) {
		t.Errorf("ours = %+v, %v, %v; want %+v", got, ok, err, spec)
	}
	for _, bad := range []string{"", "{}", `{"name":"K"}`, `{"name":"J","max_bytes":"x"}`} {
		if _, ok := broker.ParseMeta([]byte(bad)); ok {
			t.Errorf("ParseMeta(%q) is of the stream; want not", bad)
		}
	}
}

// write adds messages to the stream, which get the numbers from first to last.
func write(t *testing.T, b *broker.Broker, first, last journal.Seq) {
	t.Helper()
	nc, err := b.Connect("journal")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for prev := first - 1; prev < last; prev++ {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: blocks.Subject, Data: []byte("frame")})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
}
