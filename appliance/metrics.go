package appliance

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// metricsServer answers Prometheus on a port of its own.
type metricsServer struct {
	ln  net.Listener
	srv *http.Server
}

// The bounds of what somebody may ask for metrics.
const (
	metricsPatience = 10 * time.Second
	metricsHeader   = 8 << 10
	metricsAtATime  = 4
)

// openMetrics listens for Prometheus; nil is that there is nothing to listen on.
func openMetrics(ctx context.Context, addr string, metrics func() string) (*metricsServer, error) {
	if addr == "" || addr == Off {
		return nil, nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, addressFault("metrics-listen", addr, err)
	}
	places := make(chan struct{}, metricsAtATime)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			http.Error(w, "others are being answered", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = io.WriteString(w, metrics()) // a client that has gone needs none
	})
	return &metricsServer{ln, &http.Server{
		Handler: mux, ReadTimeout: metricsPatience, WriteTimeout: metricsPatience, IdleTimeout: time.Minute,
		MaxHeaderBytes: metricsHeader,
	}}, nil
}

// run serves until ctx ends.
func (m *metricsServer) run(ctx context.Context) {
	if m == nil {
		return
	}
	defer context.AfterFunc(ctx, func() { m.close() })()
	_ = m.srv.Serve(m.ln) // ends with close only
}

func (m *metricsServer) close() error {
	if m == nil {
		return nil
	}
	m.ln.Close() // it may never have served
	return m.srv.Close()
}

// MetricsAddr returns the address for Prometheus, or nil.
func (n *Node) MetricsAddr() net.Addr {
	if n.prometheus == nil {
		return nil
	}
	return n.prometheus.ln.Addr()
}
