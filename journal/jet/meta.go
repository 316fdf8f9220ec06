package jet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"

	"ledge/journal"
)

// The broker keeps a stream's configuration in a file beside its blocks, and
// that file's checksum in another. All that is in them is known here, so they
// are written again when they are lost.
const (
	metaFile = "meta.inf"
	metaSum  = "meta.sum"
)

// metaFault says what is wrong with the files of a stream of lineage l, or nil.
// Those of another lineage are as good as lost.
func (s store) metaFault(l journal.Lineage) error {
	b, err := os.ReadFile(filepath.Join(s.dir, metaFile))
	if err != nil {
		return fmt.Errorf("read the stream's configuration: %w", err)
	}
	sum, err := os.ReadFile(filepath.Join(s.dir, metaSum))
	if err != nil {
		return fmt.Errorf("read the checksum of the stream's configuration: %w", err)
	}
	var info server.FileStreamInfo
	if got := metaHash(b); got != string(sum) {
		return fmt.Errorf("the checksum of %s is %s; %s says %.16q",
			filepath.Join(s.dir, metaFile), got, metaSum, sum)
	}
	if err := json.Unmarshal(b, &info); err != nil || info.Name != streamName {
		return fmt.Errorf("%s is not of stream %q", filepath.Join(s.dir, metaFile), streamName)
	}
	if got := info.Metadata[metaLineage]; got != l.String() {
		return fmt.Errorf("%s is of lineage %s; the journal is %s", filepath.Join(s.dir, metaFile), got, l)
	}
	return nil
}

// writeMeta writes the stream's own files, the configuration first: a checksum
// of its own is what makes it count.
func (s store) writeMeta(cfg *Config) error {
	b, err := json.Marshal(server.FileStreamInfo{Created: time.Now().UTC(), StreamConfig: *streamConfig(cfg)})
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(s.dir, metaFile), b); err != nil {
		return err
	}
	return replaceFile(filepath.Join(s.dir, metaSum), []byte(metaHash(b)))
}

// metaHash is the checksum as the broker writes it.
func metaHash(b []byte) string {
	key := sha256.Sum256([]byte(streamName))
	h, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}
