package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/replay/wire"
)

// fetch sends frames, and a beat when there is nothing to send.
func (l *Leader) fetch(m *nats.Msg) error {
	var q fetchRequest
	if err := wire.Decode(m, &q); err != nil {
		return err
	}
	if err := l.cfg.Source.Serves(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(l.ctx, fetchWait)
	var queue *wire.PostQueue
	if err := l.with(q.ID, func(f *follower) error {
		queue = l.postsFor(&q, f)
		if f.cancel != nil {
			f.cancel() // nobody listens to that any more
		}
		f.cancel = cancel
		return nil
	}); err != nil {
		cancel()
		return err
	}
	err := l.spawn(func() {
		defer cancel()
		if err := l.send(ctx, m, &q, queue); err != nil {
			l.reply(m, failure(err))
		}
	})
	if err != nil {
		cancel()
	}
	return err
}

// send answers a fetch until its bytes or its time are used up.
func (l *Leader) send(ctx context.Context, m *nats.Msg, q *fetchRequest, queue *wire.PostQueue) error {
	feed, next, sent := l.cfg.Source.Feed(), q.From, 0
	var body []byte // what is sent is copied
	flush := func() {
		if len(body) > 0 {
			l.reply(m, l.message(kindFrames, body))
			sent, body = sent+len(body), body[:0]
		}
	}
	if next > feed.Last()+1 {
		return diverged("the replica asks for number %d; its leader's ends with %d", next, feed.Last())
	}
	for sent < fetchBytes && ctx.Err() == nil {
		woken := feed.Woken() // an offer that is made from here on wakes, and so does a message
		sent += l.sendPosts(m, queue, next)
		if offer := l.offered(q.ID, next); offer != nil {
			l.reply(m, offer)
			return nil
		}
		if !feed.Wait(ctx, next-1, woken, beatEvery) {
			if feed.Woken() == woken {
				l.reply(m, l.message(kindBeat, nil))
			}
			continue
		}
		err := feed.Give(ctx, next, fetchBytes-sent, func(fr journal.Frame) bool {
			if body, next = appendFrame(body, fr), fr.Seq+1; len(body) >= messageBytes {
				flush()
			}
			return ctx.Err() == nil
		})
		flush()
		if err != nil && ctx.Err() == nil {
			return l.whyNot(ctx, next, err)
		}
	}
	l.reply(m, l.message(kindEnd, nil))
	return nil
}

// whyNot tells a journal that was truncated meanwhile from one that can't be
// read.
func (l *Leader) whyNot(ctx context.Context, next journal.Seq, err error) error {
	if st, serr := l.cfg.Source.Log().Stat(ctx); serr == nil && next < st.First {
		return fault.With(fault.Retryable, fmt.Errorf(
			"number %d is truncated; the journal begins with %d: say hello again", next, st.First))
	}
	return err
}

func (l *Leader) message(kind string, body []byte) *nats.Msg {
	m := nats.NewMsg("")
	m.Header.Set(headerKind, kind)
	m.Header.Set(headerLast, fmt.Sprint(uint64(l.cfg.Source.Feed().Last())))
	m.Data = body
	return m
}

// meta opens a snapshot for a replica.
func (l *Leader) meta(m *nats.Msg) error {
	var q metaRequest
	if err := wire.Decode(m, &q); err != nil {
		return err
	}
	if err := l.cfg.Source.Serves(); err != nil {
		return err
	}
	return l.inBackground(m, q.ID, func(answer func(*nats.Msg)) error {
		info, err := l.cfg.Source.Snapshot(l.ctx)
		if err != nil {
			return err
		}
		file, err := durable.Open(info.Path)
		if err != nil {
			return fault.With(fault.Retryable, err) // it may have been pruned meanwhile
		}
		if err := l.with(q.ID, func(f *follower) error {
			if f.file != nil {
				f.file.Close()
			}
			f.file, f.number, f.bytes, f.needs = file, info.Pos.Seq, info.Bytes, info.Pos.Seq
			return nil
		}); err != nil {
			file.Close()
			return err
		}
		out, err := jsonMsg(metaReply{Number: info.Pos.Seq, Epoch: info.Epoch, Digest: wire.Hex(info.Pos.Digest),
			Bytes: info.Bytes, Chunk: chunkSize, Chunks: int((info.Bytes + chunkSize - 1) / chunkSize)})
		if err == nil {
			answer(out)
		}
		return err
	})
}

// chunkBuffers are used again: a node with much data would be collected once more
// for each few hundred chunks.
var chunkBuffers = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// chunk sends a piece of the snapshot that meta has opened.
func (l *Leader) chunk(m *nats.Msg) error {
	var q chunkRequest
	if err := wire.Decode(m, &q); err != nil {
		return err
	}
	return l.inBackground(m, q.ID, func(answer func(*nats.Msg)) error {
		l.rest(q.ID)
		began := time.Now()
		buf := chunkBuffers.Get().(*[chunkSize]byte)
		defer chunkBuffers.Put(buf) // what is sent is copied
		n, err := l.readChunk(&q, buf[:])
		if err != nil {
			return err
		}
		out := nats.NewMsg("")
		out.Data = buf[:n]
		out.Header.Set(headerSum, checksum(out.Data))
		answer(out)
		_ = l.with(q.ID, func(f *follower) error { // one that has gone meanwhile has no pace
			f.pace = pace{last: l.cfg.Source.Feed().Last(), took: time.Since(began), at: time.Now()}
			return nil
		})
		return nil
	})
}

// readChunk reads a piece of the snapshot that a replica holds open. It keeps no
// lock while it reads: a disk that is slow is so for this replica only.
func (l *Leader) readChunk(q *chunkRequest, buf []byte) (n int, err error) {
	var file *os.File
	if err := l.with(q.ID, func(f *follower) error {
		if f.file == nil || f.number != q.Number {
			return fault.With(fault.Retryable, fmt.Errorf("snapshot %d is not held open; ask for it again", q.Number))
		}
		if most := (f.bytes - 1) / chunkSize; int64(q.Chunk) > most {
			return fault.With(fault.Refused, fmt.Errorf("chunk %d; the last is %d", q.Chunk, most))
		}
		file = f.file
		return nil
	}); err != nil {
		return 0, err
	}
	switch n, err = file.ReadAt(buf, int64(q.Chunk)*chunkSize); {
	case err == nil || errors.Is(err, io.EOF):
		return n, nil
	case errors.Is(err, os.ErrClosed):
		return n, fault.With(fault.Retryable, errors.New("the snapshot was let go meanwhile; ask for it again"))
	}
	return n, fault.With(fault.Operator, err)
}

// pace is when a replica was sent its last chunk, how long that took, and the
// journal's last number then.
type pace struct {
	last journal.Seq
	took time.Duration
	at   time.Time
}

// A leader that is being written to rests, after each chunk of a full sync, for
// chunkRest times what the chunk took: its clients come first.
const (
	chunkRest = 4
	restMost  = 100 * time.Millisecond
)

// rest returns how long the next chunk is to wait, given the journal's last number.
func (p pace) rest(last journal.Seq, now time.Time) time.Duration {
	if p.last == last {
		return 0 // nobody writes
	}
	return max(min(chunkRest*p.took, restMost)-now.Sub(p.at), 0)
}

// rest waits until it is time for a replica's next chunk.
func (l *Leader) rest(id wire.Name) {
	var p pace
	_ = l.with(id, func(f *follower) error { p = f.pace; return nil }) // chunk finds out
	if d := p.rest(l.cfg.Source.Feed().Last(), time.Now()); d > 0 {
		select {
		case <-time.After(d):
		case <-l.ctx.Done():
		}
	}
}
