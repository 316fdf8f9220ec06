package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay/standing"
	"ledge/replay/wire"
)

// fullSync makes the node what the leader's snapshot says, or empty if the
// leader's journal goes back to its beginning. What the node has is served
// until the new is verified.
func (f *Follower) fullSync(ctx context.Context, c *conn, as *greeted) error {
	ctx, done := f.shown(ctx)
	defer done()
	l := journal.Lineage(as.reply.Lineage)
	if as.reply.Start == startBegin {
		f.enter(standing.LinkFullSync, "begin")
		return f.cfg.Target.Adopt(ctx, l, "", journal.Pos{})
	}
	f.enter(standing.LinkFullSync, "meta")
	progress.Of(ctx).Step(StepAsk, progress.Unmeasured, 0)
	m, err := c.call(ctx, subjectMeta, metaRequest{ID: c.id}, f.cfg.Timeouts().Chunk+metaWait)
	if err != nil {
		return fmt.Errorf("meta: %w", err)
	}
	var meta metaReply
	if err := wire.Decode(m, &meta); err != nil {
		return fmt.Errorf("meta: %w", err)
	}
	if !as.q.Empty && meta.Number <= as.q.Number {
		return fault.With(fault.Operator, fmt.Errorf(
			"meta: a snapshot at number %d for a replica that is at %d", meta.Number, as.q.Number))
	}
	path, err := f.receive(ctx, c, l, &meta)
	if err != nil {
		return err
	}
	f.enter(standing.LinkFullSync, "load")
	if err := f.cfg.Target.Adopt(ctx, l, path, meta.pos()); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	f.set(func(l *standing.Link) { l.Syncs++ })
	f.advanced()
	return nil
}

// receive fetches the chunks of a snapshot into a file, from where an earlier
// attempt has come to, and returns its path.
func (f *Follower) receive(ctx context.Context, c *conn, l journal.Lineage, meta *metaReply) (string, error) {
	dir := f.cfg.Target.Inbox()
	path := filepath.Join(dir, fmt.Sprintf("%s-%d-%016x.part", l, meta.Number, uint64(meta.Digest)))
	if err := clearInbox(dir, path); err != nil {
		return "", fault.With(fault.Operator, err)
	}
	file, err := durable.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fault.With(fault.Operator, err)
	}
	defer file.Close()
	have, err := good(file, meta)
	if err == nil {
		err = f.cfg.Target.Fits(meta.Bytes, min(int64(have)*meta.Chunk, meta.Bytes))
	}
	shown := progress.Of(ctx)
	expect(shown, meta, min(int64(have)*meta.Chunk, meta.Bytes))
	for n := have; err == nil && n < meta.Chunks; n++ {
		f.enter(standing.LinkFullSync, fmt.Sprintf("chunk %d of %d", n+1, meta.Chunks))
		if err = f.chunk(ctx, c, file, meta, n); err != nil {
			err = fmt.Errorf("chunk %d of %d: %w", n+1, meta.Chunks, err)
			break
		}
		shown.To(min(int64(n+1)*meta.Chunk, meta.Bytes))
	}
	if err == nil {
		err = fault.With(fault.Operator, file.Sync())
	}
	return path, err
}

// clearInbox removes what is left of other snapshots, and what is no file.
func clearInbox(dir, keep string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	for _, e := range files {
		if path := filepath.Join(dir, e.Name()); (path != keep || !e.Type().IsRegular()) && strings.HasSuffix(path, ".part") {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

// good returns how many whole chunks a file has. What comes after them is cut off.
func good(file *os.File, meta *metaReply) (int, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, fault.With(fault.Operator, err)
	}
	if info.Size() == meta.Bytes {
		return meta.Chunks, nil
	}
	n := min(info.Size(), meta.Bytes) / meta.Chunk
	return int(n), fault.With(fault.Operator, file.Truncate(n*meta.Chunk))
}

// chunk fetches one chunk and writes it after the ones before.
func (f *Follower) chunk(ctx context.Context, c *conn, file *os.File, meta *metaReply, n int) error {
	m, err := c.call(ctx, subjectChunk, chunkRequest{ID: c.id, Number: meta.Number, Chunk: n},
		f.cfg.Timeouts().Chunk)
	if err != nil {
		return err
	}
	want := min(meta.Chunk, meta.Bytes-int64(n)*meta.Chunk)
	if int64(len(m.Data)) != want {
		return fault.With(fault.Retryable, fmt.Errorf("%d bytes; want %d", len(m.Data), want))
	}
	if err := summed(m); err != nil {
		return fault.With(fault.Retryable, err)
	}
	f.mu.Lock()
	f.link.Heard = time.Now()
	f.mu.Unlock()
	if _, err := file.WriteAt(m.Data, int64(n)*meta.Chunk); err != nil {
		return fault.With(fault.Operator, err)
	}
	f.stored(int64(n)*meta.Chunk + want)
	return nil
}
