package wire

import (
	"fmt"
	"testing"

	"ledge/journal"
)

// A queue keeps the order, gives what may be told by now, a bounded part at a time, and
// takes no more than its bounds.
func TestPostQueue(t *testing.T) {
	q := NewPostQueue()
	for i := range 3 {
		if !q.Add(Post{Text: fmt.Append(nil, i), After: journal.Seq(i)}) {
			t.Fatal("a post is not taken; want it queued")
		}
	}
	<-q.Queued
	for _, x := range []struct{ upTo, want int }{{1, 2}, {1, 0}, {2, 1}, {9, 0}} {
		if b := q.Batch(journal.Seq(x.upTo)); len(b) != x.want {
			t.Errorf("%d posts up to number %d; want %d", len(b), x.upTo, x.want)
		}
	}
	large := Post{Text: make([]byte, batchBytes-1)}
	n := 0
	for q.Add(large) {
		n++
	}
	if n != mostQueuedBytes/(batchBytes-1) {
		t.Errorf("%d large posts are taken; want %d", n, mostQueuedBytes/(batchBytes-1))
	}
	for range n {
		if b := q.Batch(0); len(b) != 1 {
			t.Fatalf("%d large posts at a time; want 1", len(b))
		}
	}
	for n = 0; q.Add(Post{}); n++ {
	}
	if b := q.Batch(0); n != mostQueued || len(b) != n || CheckPosts(b) != nil || CheckPosts(append(b, Post{})) == nil || CheckPosts(nil) == nil {
		t.Errorf("%d small posts are taken, %d given; want %d of both, and neither one more nor none to be sound", n, len(b), mostQueued)
	}
}

// A message is told on so often and no more, and none is taken that says otherwise.
func TestPostHops(t *testing.T) {
	p, n := Post{}, 0
	for ok := true; ok; n++ {
		if p, ok = p.On(); ok && CheckPosts([]Post{p}) != nil {
			t.Errorf("a post told on %d times is refused", p.Hops)
		}
	}
	if n != mostHops+1 || CheckPosts([]Post{p}) == nil || CheckPosts([]Post{{Hops: -1}}) == nil {
		t.Errorf("a post is told on %d times; want %d, and one that says more refused", n-1, mostHops)
	}
}
