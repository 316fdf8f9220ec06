package admin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
)

// ChecksumHeader is the header of a reply of bytes: their CRC-32C, 8 hexadecimal
// digits.
const ChecksumHeader = "Ledge-Checksum"

// BackupSince is what a backup that is to be added to has: where it ends, and of
// which journal it is. Without a lineage there is none.
type BackupSince struct {
	Lineage string `json:"lineage,omitempty"`
	Number  uint64 `json:"number,omitempty"`
	Digest  string `json:"digest,omitempty"`
	Epoch   uint64 `json:"epoch,omitempty"`
	// Base asks for a part that can be restored by itself all the same.
	Base bool `json:"base,omitempty"`
}

// Backup is a backup that has begun: what is to be read of it. It goes from the
// snapshot, or from the part that is there already, up to the node's last number.
type Backup struct {
	ID        string    `json:"id"`
	Node      string    `json:"node"`
	Lineage   string    `json:"lineage"`
	Databases int       `json:"databases"`
	After     uint64    `json:"after_number"`
	AfterSum  string    `json:"after_digest"`
	AfterIn   uint64    `json:"after_epoch"`
	Last      uint64    `json:"last_number"`
	Digest    string    `json:"digest"`
	Epoch     uint64    `json:"epoch"`
	Snapshot  int64     `json:"snapshot_bytes"` // 0 is none
	Frames    int64     `json:"frame_bytes"`    // about
	Created   time.Time `json:"created"`
}

// backupReadRequest asks for bytes of the snapshot, or for frames.
type backupReadRequest struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset,omitempty"`
	From   uint64 `json:"from,omitempty"`
}

// backupEndRequest ends a backup.
type backupEndRequest struct {
	ID    string  `json:"id"`
	Taken *uint64 `json:"taken_number,omitempty"`
}

// Raw is a reply that is bytes, and not JSON.
type Raw []byte

// message makes it a reply, with its checksum.
func (r Raw) message() *nats.Msg {
	m := &nats.Msg{Header: nats.Header{}, Data: r}
	m.Header.Set(ChecksumHeader, fmt.Sprintf("%08x", journal.Checksum(r)))
	return m
}

// rawOf returns the bytes of a reply, if they are those that were sent.
func rawOf(m *nats.Msg) (Raw, error) {
	want, err := strconv.ParseUint(m.Header.Get(ChecksumHeader), 16, 32)
	if got := journal.Checksum(m.Data); err != nil || uint64(got) != want {
		return nil, fault.With(fault.Retryable, fmt.Errorf("answer of %d bytes has checksum %08x; it says %.16q",
			len(m.Data), got, m.Header.Get(ChecksumHeader)))
	}
	return m.Data, nil
}

func backupBegin(b Backend, ctx context.Context, r BackupSince) (Backup, error) {
	return b.BackupBegin(ctx, r)
}

func backupRead(b Backend, ctx context.Context, r backupReadRequest) (Raw, error) {
	if r.ID == "" || r.Offset < 0 || r.Offset > 0 && r.From > 0 {
		return nil, bad(`request: want {"id":"…","offset":0} or {"id":"…","from":1}`)
	}
	return b.BackupRead(ctx, r.ID, r.Offset, r.From)
}

func backupEnd(b Backend, ctx context.Context, r backupEndRequest) (Done, error) {
	if r.ID == "" {
		return Done{}, bad(`request: no id; want {"id":"…"}`)
	}
	return Done{}, b.BackupEnd(ctx, r.ID, r.Taken)
}

// BackupBegin has a node hold what a backup needs that goes on from since.
func (c *Conn) BackupBegin(ctx context.Context, node string, since BackupSince) (Backup, error) {
	return ask[Backup](ctx, c, node, "backup.begin", since)
}

// BackupSnapshot reads the bytes of the snapshot from an offset on, some at a time.
func (c *Conn) BackupSnapshot(ctx context.Context, node, id string, offset int64) (Raw, error) {
	return askRaw(ctx, c, node, "backup.read", backupReadRequest{ID: id, Offset: offset})
}

// BackupFrames reads frames from a number on, some at a time, as backup.SplitFrames
// takes them apart.
func (c *Conn) BackupFrames(ctx context.Context, node, id string, from uint64) (Raw, error) {
	return askRaw(ctx, c, node, "backup.read", backupReadRequest{ID: id, From: from})
}

// BackupEnd lets go what a node holds for a backup, and says up to which number there is
// one then; nil is that it has failed.
func (c *Conn) BackupEnd(ctx context.Context, node, id string, taken *uint64) error {
	_, err := ask[Done](ctx, c, node, "backup.end", backupEndRequest{id, taken})
	return err
}
