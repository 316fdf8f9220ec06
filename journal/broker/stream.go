package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/blocks"
)

// Stream is the journal's one, unreplicated stream in a broker, which loads it when it
// is told to and no sooner. Load, Unload and SetSyncing are for one goroutine at a
// time; the rest may run beside them.
type Stream struct {
	b     *Broker
	store blocks.Store
	guard Guard
	nc    *nats.Conn // for requests about the stream
}

// OpenStream returns the stream whose files are in a store below the broker's
// directory. It is not loaded, and need not be there. The caller closes it, before
// the broker.
func (b *Broker) OpenStream(store blocks.Store, guard Guard) (*Stream, error) {
	nc, err := b.Connect(journalUser, nats.CustomInboxPrefix("_INBOX.api"))
	if err != nil {
		return nil, err
	}
	return &Stream{b: b, store: store, guard: guard, nc: nc}, nil
}

// Conn makes a connection without a socket, for whoever speaks the NATS
// protocol, and returns what enters account JOURNAL on it.
func (s *Stream) Conn() (conn net.Conn, user, secret string, err error) {
	conn, err = s.b.srv.InProcessConn()
	return conn, journalUser, s.b.secrets[journalUser], err
}

// Close ends requests about the stream. Whether it is loaded stays as it is.
func (s *Stream) Close() { s.nc.Close() }

// StreamSpec is what may differ between one journal's stream and another's.
type StreamSpec struct {
	MaxBytes int64
	// FirstSeq is the number that the stream begins with when it is made. The
	// broker takes 0 for 1, and says what it was told.
	FirstSeq uint64
	Metadata map[string]string
}

// config is the stream as it must be. A full one refuses new messages; it never
// drops old ones. There is no compression and no encryption by the broker: both make
// a flipped bit cost a whole block, and the files could not be read without the
// broker.
func (s StreamSpec) config() *server.StreamConfig {
	return &server.StreamConfig{
		Name: blocks.Stream, Subjects: []string{blocks.Subject},
		Storage: server.FileStorage, Replicas: 1, Retention: server.LimitsPolicy,
		Discard: server.DiscardNew, MaxBytes: s.MaxBytes,
		MaxMsgs: -1, MaxMsgsPer: -1, MaxMsgSize: -1, MaxConsumers: -1,
		Duplicates: 100 * time.Millisecond, DenyDelete: true, AllowDirect: true, FirstSeq: s.FirstSeq,
		Metadata: s.Metadata,
	}
}

// specOf returns what of a configuration may differ.
func specOf(c *server.StreamConfig) StreamSpec {
	return StreamSpec{MaxBytes: c.MaxBytes, FirstSeq: c.FirstSeq, Metadata: c.Metadata}
}

// Meta returns what the broker writes into the file of a stream's configuration.
func (s StreamSpec) Meta(created time.Time) ([]byte, error) {
	return json.Marshal(server.FileStreamInfo{Created: created.UTC(), StreamConfig: *s.config()})
}

// ParseMeta reads what the broker has written there. It reports whether that is of
// the journal's stream.
func ParseMeta(b []byte) (StreamSpec, bool) {
	var info server.FileStreamInfo
	if err := json.Unmarshal(b, &info); err != nil || info.Name != blocks.Stream {
		return StreamSpec{}, false
	}
	return specOf(&info.StreamConfig), true
}

// StreamInfo is the stream as the broker has it.
type StreamInfo struct {
	StreamSpec
	// First and Last are the numbers of its messages. A stream that never had one
	// says 0 for both.
	First, Last journal.Seq
	Messages    uint64
	Bytes       int64
	Deleted     int  // of its messages, lost ones included
	Lost        bool // some are
}

// ErrNoStream says that the broker has no stream.
var ErrNoStream = errors.New("the broker has no journal stream")

// errNoStream is what the API says of a stream that isn't there.
const errNoStream = 10059

// Create makes the stream.
func (s *Stream) Create(ctx context.Context, spec StreamSpec) error {
	var r server.JSApiStreamCreateResponse
	return s.request(ctx, "CREATE", spec.config(), &r)
}

// Update changes the stream's configuration.
func (s *Stream) Update(ctx context.Context, spec StreamSpec) error {
	var r server.JSApiStreamUpdateResponse
	return s.request(ctx, "UPDATE", spec.config(), &r)
}

// Info returns the stream as the broker has it, or ErrNoStream.
func (s *Stream) Info(ctx context.Context) (StreamInfo, error) {
	var r server.JSApiStreamInfoResponse
	err := s.request(ctx, "INFO", nil, &r)
	var api *server.ApiError
	if errors.As(err, &api) && api.ErrCode == errNoStream {
		return StreamInfo{}, ErrNoStream
	}
	if err != nil {
		return StreamInfo{}, err
	}
	if r.StreamInfo == nil {
		return StreamInfo{}, errors.New("stream info is empty")
	}
	st := r.StreamInfo.State
	return StreamInfo{
		StreamSpec: specOf(&r.StreamInfo.Config),
		First:      journal.Seq(st.FirstSeq), Last: journal.Seq(st.LastSeq),
		Messages: st.Msgs, Bytes: int64(st.Bytes),
		Deleted: st.NumDeleted, Lost: st.Lost != nil,
	}, nil
}

// Purge removes the messages up to and including upTo.
func (s *Stream) Purge(ctx context.Context, upTo journal.Seq) error {
	var r server.JSApiStreamPurgeResponse
	err := s.request(ctx, "PURGE", server.JSApiStreamPurgeRequest{Sequence: uint64(upTo) + 1}, &r)
	if err == nil && !r.Success {
		err = errors.New("purge has not succeeded")
	}
	if err != nil {
		return fmt.Errorf("truncate journal up to number %d: %w", upTo, err)
	}
	return nil
}

// Sick has a token while there is a write error that nobody has taken.
func (s *Stream) Sick() <-chan struct{} { return s.b.log.sick }

// IsSick reports whether there is a write error that nobody has taken.
func (s *Stream) IsSick() bool { return s.b.log.isSick() }

// ClearCause returns the write error, if there is one, and forgets it.
func (s *Stream) ClearCause() string { return s.b.log.clearCause() }

// SetSick has whoever appends next meet a write error that the broker doesn't know
// of.
func (s *Stream) SetSick(cause string) { s.b.log.setSick(cause) }

// LastWarning returns the last thing that the broker has warned of. Some of its
// errors nothing else explains.
func (s *Stream) LastWarning() string { return s.b.log.lastWarning() }
