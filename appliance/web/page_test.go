package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// maxPage is how long the page may be as it is sent.
const maxPage = 60_000

// The page comes as one file, packed for who takes that, with a policy under which
// nothing runs but what came with it, and it asks nobody else for anything.
func TestPage(t *testing.T) {
	s := open(t, nil)
	status, plain, h := s.ask(request{path: "/", header: map[string]string{"Accept-Encoding": "identity"}})
	if status != 200 || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Content-Encoding") != "" {
		t.Fatalf("GET / = %d, %v; want HTML as it is", status, h)
	}
	_, packed, ph := s.ask(request{path: "/", header: map[string]string{"Accept-Encoding": "gzip"}})
	z, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil || ph.Get("Content-Encoding") != "gzip" {
		t.Fatalf("packed: %v, %v; want gzip", err, ph)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != plain {
		t.Errorf("unpacked it is not the page: %v", err)
	}
	t.Logf("the page has %d bytes, packed %d", len(plain), len(packed))
	if len(plain) > maxPage {
		t.Errorf("the page has %d bytes; want at most %d", len(plain), maxPage)
	}
	if m := regexp.MustCompile(`(?:src|href)=["']?(?:https?:)?//|@import|url\(|/\*(?:style|script)\*/`).FindString(plain); m != "" {
		t.Errorf("the page has %q; want nothing from elsewhere, and nothing left to be filled in", m)
	}
	if m := regexp.MustCompile(`(?i)\son[a-z]+=|\sstyle=|innerHTML\s*=[^=]|insertAdjacentHTML|document\.write|\beval\(`).FindString(plain); m != "" {
		t.Errorf("the page has %q, which the policy forbids or which makes markup of text", m)
	}
	policy := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q; want %s in it", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q; want nothing unsafe", policy)
	}
	if _, _, h := s.ask(request{path: "/facts"}); h.Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors 'none'" {
		t.Errorf("policy of the facts: %q; want that nothing runs", h.Get("Content-Security-Policy"))
	}
	if status, _, _ := s.ask(request{method: http.MethodHead, path: "/"}); status != 200 {
		t.Errorf("HEAD / = %d; want 200", status)
	}
}
