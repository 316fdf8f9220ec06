package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// The page is written in three files and sent as one.
var (
	//go:embed page.html
	markup string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// page is the page as it is sent. It is the same for everybody: what it shows it asks
// for.
type page struct {
	plain, packed []byte
	policy        string
}

// newPage puts the page together. Browsers run and apply what has these hashes, and
// nothing else: a name or a key that got into the page as markup could do nothing.
func newPage() page {
	text := strings.NewReplacer("/*style*/", style, "/*script*/", script).Replace(markup)
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is one that there is
	_, _ = z.Write([]byte(text))                               // to memory
	_ = z.Close()
	return page{plain: []byte(text), packed: packed.Bytes(), policy: "default-src 'none'; connect-src 'self'; img-src data:; " +
		"script-src '" + hash(script) + "'; style-src '" + hash(style) + "'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (s *Server) showPage(w http.ResponseWriter, r *http.Request, _ visitor) {
	body := s.page.plain
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		body = s.page.packed
	}
	w.Header().Set("Content-Security-Policy", s.page.policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}
