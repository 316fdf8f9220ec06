package web

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ledge/admin"
	"ledge/journal/fault"
)

const warn = slog.LevelWarn

// routes says what is answered where.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /{$}", s.seen(s.showPage))
	mux.HandleFunc("GET /facts", s.seen(func(w http.ResponseWriter, r *http.Request, v visitor) {
		s.answer(w, http.StatusOK, s.cfg.Node.Facts(v.trusted))
	}))
	mux.HandleFunc("GET /history", s.seen(func(w http.ResponseWriter, r *http.Request, _ visitor) {
		s.answer(w, http.StatusOK, s.cfg.Node.History())
	}))
	mux.HandleFunc("POST /resume", s.seen(s.resume))
	return guarded(mux)
}

// guarded sets what holds for all answers: nothing is kept, framed, or taken for
// something else.
func guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set := w.Header().Set
		set("Cache-Control", "no-store")
		set("X-Content-Type-Options", "nosniff")
		set("Referrer-Policy", "no-referrer")
		set("Cross-Origin-Resource-Policy", "same-origin")
		set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.ServeHTTP(w, r)
	})
}

// take takes a place for an answer that costs something. When there is none it has
// answered.
func (s *Server) take(w http.ResponseWriter) (leave func(), ok bool) {
	select {
	case s.places <- struct{}{}:
		return func() { <-s.places }, true
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "others are being answered", http.StatusServiceUnavailable)
		return nil, false
	}
}

// seen is a route for those who may see the page.
func (s *Server) seen(h func(http.ResponseWriter, *http.Request, visitor)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// Whoever is not let in takes no place, nor does a password that can't be read.
		v, ok := s.admit(w, r)
		if !ok {
			return
		}
		if leave, ok := s.take(w); ok {
			defer leave()
			h(w, r, v)
		}
	}
}

// readiness is what is answered to a probe that asks for JSON.
type readiness struct {
	Ready bool   `json:"ready"`
	Cause string `json:"cause,omitempty"`
}

// ready says whether the node serves; ?writes asks whether it takes writes, too.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // what was asked for may be what can't be read
		http.Error(w, "the query can't be read: "+fault.Line(err), http.StatusBadRequest)
		return
	}
	err = s.cfg.Node.Ready(query.Has("writes"))
	says, status := readiness{Ready: err == nil, Cause: fault.Line(err)}, http.StatusOK
	if err != nil {
		status = http.StatusServiceUnavailable
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		s.answer(w, status, says)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	text := says.Cause
	if says.Ready {
		text = "ready"
	}
	_, _ = io.WriteString(w, text+"\n") // a client that has gone needs none
}

func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	leave, ok := s.take(w)
	if !ok {
		return
	}
	defer leave()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = io.WriteString(w, s.cfg.Metrics())
}

// answer writes JSON.
func (s *Server) answer(w http.ResponseWriter, status int, what any) {
	b, err := json.Marshal(what)
	if err != nil {
		s.rare.Add(slog.LevelError, "an answer can't be written as JSON", "cause", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

// maxQuestion is how long the question to resume may be.
const maxQuestion = 16 << 10

// failure is what is answered to somebody who may not resume, or can't.
type failure struct {
	Error string `json:"error"`
	// Resumed is what was tried; nil if nothing was.
	Resumed *admin.Resumed `json:"resumed,omitempty"`
}

// resume tries to resume for whoever has the admin's password. It takes JSON only,
// which no form of another site can send.
func (s *Server) resume(w http.ResponseWriter, r *http.Request, _ visitor) {
	refuse := func(status int, text string) { s.answer(w, status, failure{Error: text}) }
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(kind) != "application/json" {
		refuse(http.StatusUnsupportedMediaType, "the question must be application/json")
		return
	}
	var q struct{ Password string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion)).Decode(&q); err != nil {
		refuse(http.StatusBadRequest, "the question is not {\"password\": …}")
		return
	}
	if !s.isAdmin(w, r, q.Password, refuse) {
		return
	}
	select {
	case s.resuming <- struct{}{}:
		defer func() { <-s.resuming }()
	default:
		refuse(http.StatusConflict, "it is being tried already")
		return
	}
	// It may take longer than other answers.
	until, rc := time.Now().Add(resumeWait+patience), http.NewResponseController(w)
	_, _ = rc.SetReadDeadline(until), rc.SetWriteDeadline(until)
	ctx, cancel := context.WithTimeout(r.Context(), resumeWait)
	defer cancel()
	s.cfg.Logger.Info("resuming is asked for on the page", "address", r.RemoteAddr)
	got, err := s.cfg.Node.Resume(ctx)
	if err != nil {
		s.answer(w, http.StatusConflict, failure{fault.Line(err), &got})
		return
	}
	s.answer(w, http.StatusOK, got)
}

// isAdmin reports whether what is said is a password of the admin's. When it is not, it
// has been refused. The one in the file may be out of reach, as on a disk that is why the
// journal is suspended; what the node lets in by itself still holds then.
func (s *Server) isAdmin(w http.ResponseWriter, r *http.Request, said string, refuse func(int, string)) bool {
	want, err := s.admin.get()
	if err != nil {
		s.rare.Add(warn, "the admin's password can't be read for resuming from the page", "cause", err)
		want = ""
	}
	right := func(said string) bool { return same(want)(said) || s.cfg.LetsIn != nil && s.cfg.LetsIn(said) }
	return s.checked(w, r, right, said, func() {
		if err != nil {
			refuse(http.StatusServiceUnavailable, "the admin's password can't be read; the node's log says more")
			return
		}
		refuse(http.StatusForbidden, "that is not the admin's password")
	})
}
