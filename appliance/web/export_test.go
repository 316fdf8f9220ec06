package web

import "net/http"

// Handler is who answers, without a connection.
func (s *Server) Handler() http.Handler { return s.srv.Handler }
