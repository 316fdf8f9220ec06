package respd

import "net"

// What lies in the sockets of clients is kept by the kernel, which counts it in the
// control group of the process. By itself it lets several megabytes pile up in each
// that nobody reads, and clients that have sent too much are not read for a while. So
// in a group that has a bound, sockets have one, and new ones less the more clients
// there are: all together get a small part of what the group has.
const (
	// socketShare is the part of what fits the group that the first clients have in
	// their sockets for one direction. N clients have 1+ln(N/socketFirst) times that.
	socketShare = 32
	socketFirst = 8
	// A socket has leastSocket at any rate, and past mostSocket it is left to the
	// kernel, which gives hardly one as much.
	leastSocket = 4 << 10
	mostSocket  = 3 << 20
)

// socketBytes returns what the newest of so many clients may have in its socket for
// each direction, in a process whose control group has room for so many bytes; 0 is
// what the kernel likes.
func socketBytes(group int64, clients int) int {
	n := group / socketShare / int64(max(clients, socketFirst))
	if group <= 0 || n >= mostSocket {
		return 0
	}
	return int(max(n, leastSocket))
}

// SetGroup says what fits the control group of the process, in bytes, for clients that
// come from here on; 0 is that the group has no bound.
func (s *Server) SetGroup(bytes int64) { s.group.Store(bytes) }

// boundSocket bounds what the kernel keeps for a client that has a place already, in a
// socket of the client or one that leads to it. The kernel takes twice as much for it,
// since it counts what it needs besides.
func (s *Server) boundSocket(nc net.Conn) {
	s.mu.Lock()
	clients := len(s.conns) + s.arriving
	s.mu.Unlock()
	c, ok := nc.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	})
	n := socketBytes(s.group.Load(), clients)
	if !ok || n == 0 {
		return
	}
	// A socket that can't be told so serves as well.
	_ = c.SetReadBuffer(n)
	_ = c.SetWriteBuffer(n)
}
