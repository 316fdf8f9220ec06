package respd

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/writer"
)

// BenchmarkPipeline sends commands one, 16 and a hundred at a time: what a command
// costs from its bytes to those of its reply.
func BenchmarkPipeline(b *testing.B) {
	for _, c := range []struct{ name, command, reply string }{
		{"GET", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "$1\r\nv\r\n"},
		{"SET", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", "+OK\r\n"},
	} {
		for _, batch := range []int{1, 16, 100} {
			b.Run(fmt.Sprintf("%s/%d", c.name, batch), func(b *testing.B) {
				conn := benchConn(b)
				exchange(b, conn, []byte("SET k v\r\n"), "+OK\r\n")
				send, want := []byte(strings.Repeat(c.command, batch)), strings.Repeat(c.reply, batch)
				b.ReportAllocs()
				for n := 0; n < b.N; n += batch {
					exchange(b, conn, send, want)
				}
			})
		}
	}
}

// exchange sends commands and waits for their replies.
func exchange(b *testing.B, conn net.Conn, send []byte, want string) {
	var buf [4096]byte
	got := buf[:len(want)]
	if _, err := conn.Write(send); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		b.Fatalf("got %q, %v; want %q", got, err, want)
	}
}

// benchConn returns a connection to a server on a journal in memory.
func benchConn(b *testing.B) net.Conn {
	ctx, stop := context.WithCancel(context.Background())
	log, err := journal.NewLog(ctx, mem.New(), 1)
	if err != nil {
		b.Fatal(err)
	}
	st, err := replay.New(16)
	if err != nil {
		b.Fatal(err)
	}
	w := writer.New(writer.Config{Log: log, State: st, Node: "bench"})
	if err := w.Start(ctx); err != nil {
		b.Fatal(err)
	}
	srv, err := Open(ctx, Config{Listen: "127.0.0.1:0", State: st, Writer: w})
	if err != nil {
		b.Fatal(err)
	}
	writing, stopWriting := context.WithCancel(context.Background())
	served, wrote := make(chan error, 1), make(chan error, 1)
	go func() { served <- srv.Run(ctx); stopWriting() }()
	go func() { wrote <- w.Run(writing) }()
	conn, err := net.Dial("tcp", srv.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close()
		stop()
		<-served
		<-wrote
		srv.Close()
		st.Close()
	})
	return conn
}
