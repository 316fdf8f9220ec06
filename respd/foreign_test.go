package respd_test

// Other protocols on the port for Redis clients: at their opening the connection
// is closed with no answer, and nothing that comes after it is run, however it
// arrives. What only looks like one is run as ever.

import (
	"fmt"
	"strings"
	"testing"

	"ledge/journal/logtest"
	"ledge/respd"
)

// openings begin other protocols. What follows them is lines that would be
// commands.
var openings = map[string]string{
	"browser":           "POST / HTTP/1.1\r\nHost: 127.0.0.1:6379\r\nContent-Length: 13\r\n\r\n",
	"post in lower":     "post / http/1.1\r\n",
	"only post":         "POST\r\n",
	"host":              "Host: 127.0.0.1\r\n",
	"host in one word":  "HOST:127.0.0.1\r\n",
	"get":               "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n",
	"get of 1.0":        "GET /index.html HTTP/1.0\r\n\r\n",
	"proxied":           "GET http://example.com/ HTTP/1.1\r\n",
	"get with spaces":   "GET /a b c HTTP/1.1\r\n",
	"head":              "HEAD / HTTP/1.1\r\n",
	"put":               "PUT /k HTTP/1.1\r\n",
	"delete":            "DELETE /k HTTP/1.1\r\n",
	"options":           "OPTIONS * HTTP/1.1\r\n",
	"patch":             "PATCH /k HTTP/1.1\r\n",
	"connect":           "CONNECT example.com:443 HTTP/1.1\r\n",
	"trace":             "TRACE / HTTP/1.1\r\n",
	"http/2":            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"own method":        "BREW /pot HTTP/1.1\r\n",
	"copy of webdav":    "COPY /a HTTP/1.1\r\n",
	"subscribe of upnp": "SUBSCRIBE /events HTTP/1.1\r\n",
	"answer":            "HTTP/1.1 200 OK\r\n",
	"only line ends":    "GET / HTTP/1.1\nAccept: */*\n\n",
	"blank line first":  "\r\n\r\nPUT / HTTP/1.1\r\n",
	"rtsp":              "DESCRIBE rtsp://cam/ RTSP/1.0\r\n",
	"sip":               "REGISTER sip:example.com SIP/2.0\r\n",
	"publish of sip":    "PUBLISH sip:me@example.com SIP/2.0\r\n",
	"tls":               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
	"ssh":               "SSH-2.0-OpenSSH_9.2\r\n",
	"stun":              "\x00\x01\x00\x08\x21\x12\xa4\x42\r\n",
	"postgres":          "\x00\x00\x00\x08\x04\xd2\x16\x2f\r\n",
	"smb":               "\x00\x00\x00\x2f\xffSMB\r\n",
	"socks":             "\x05\x01\x00\r\n",
	"mqtt":              "\x10\x0c\x00\x04MQTT\r\n",
	"memcached, binary": "\x80\x01\x00\x03\r\n",
	"memcached":         "set key 0 0 13\r\n",
	"memcached, add":    "add key 0 60 13 noreply\r\n",
	"nats":              "CONNECT {\"verbose\":false}\r\n",
	"stomp":             "CONNECT\r\naccept-version:1.2\r\n\r\n",
	"amqp":              "AMQP\x00\x00\x09\x01\r\n",
	"post in an array":  "*2\r\n$4\r\nPOST\r\n$1\r\n/\r\n",
	"host in an array":  "*1\r\n$5\r\nhost:\r\n",
}

const body = "SET pwned 1\r\nFLUSHALL\r\n*3\r\n$3\r\nSET\r\n$5\r\npwned\r\n$1\r\n1\r\n"

func TestForeign(t *testing.T) {
	for _, password := range []string{"", "sesame"} {
		var log logtest.Log
		n := start(t, logTo(&log), func(cfg *respd.Config) { cfg.Password = password })
		login := func(c *client) {
			if password != "" {
				c.want("AUTH "+password, "OK")
			}
		}
		check := n.dial()
		login(check)
		check.want("SET kept 1", "OK")
		closed := int64(0)
		end := func(what string, c *client) {
			t.Helper()
			c.closed()
			check.want("MGET pwned kept", `[(nil) "1"]`)
			if closed++; n.srv.Stats().Foreign.Load() != closed {
				t.Fatalf("%s: %d connections are counted; want %d", what, n.srv.Stats().Foreign.Load(), closed)
			}
		}
		for what, opening := range openings {
			c := n.dial()
			c.send([]byte(opening + body))
			end(what, c)

			c = n.dial() // each byte by itself, up to where it is closed
			_ = c.nc.SetNoDelay(true)
			for i := range len(opening + body) {
				if _, err := c.nc.Write([]byte((opening + body)[i : i+1])); err != nil {
					break
				}
			}
			end(what+" in pieces", c)

			c = n.dial()
			login(c)
			c.send([]byte("SET " + "a 1\r\nGET a\r\n" + opening + body))
			c.expect("OK", `"1"`)
			end(what+" behind commands", c)

			c = n.dial()
			login(c)
			c.send([]byte("MULTI\r\nSET b 1\r\n" + opening + body + "EXEC\r\n"))
			c.expect("OK", "QUEUED")
			end(what+" in a transaction", c)
			check.want("EXISTS b", "(integer) 0")
		}
		check.want("INFO stats", fmt.Sprintf("…foreign_protocol_connections:%d…", closed))
		if got := strings.Count(log.String(), "speaks another protocol"); got < 1 || got > 10 {
			t.Errorf("%d lines in the log for %d connections; want few:\n%s", got, closed, log.String())
		}
	}
}

// Behind a write that fails, an opening is seen twice and counted once.
func TestForeignBehindFailure(t *testing.T) {
	n := start(t)
	n.journal.FailNext(errFull)
	c := n.dial()
	c.send([]byte("SET a 1\r\nGET a\r\nPOST / HTTP/1.1\r\n" + body))
	c.expect(misconf, "(nil)")
	c.closed()
	if got := n.srv.Stats().Foreign.Load(); got != 1 {
		t.Errorf("%d connections are counted; want 1", got)
	}
}

// What is a command, or only a wrong one, is no opening.
func TestNotForeign(t *testing.T) {
	n := start(t)
	c := n.dial()
	for _, line := range []string{"GET key", "GET /", "get HTTP/1.1", "SET k HTTP/1.1", "SET /k HTTP/1.1", "LPUSH /l HTTP/1.1",
		"SET post host:", "SET POST 1", "GET POST", "COPY a HTTP/1.1", "GET a b", "HEAD", "PUT /k", "DELETE k", "OPTIONS",
		"CONNECT example.com", "TRACE x", "PATCH", "SET k v EX 100", "APPEND k 12", "SET k 1 2 3 4 5 6", "CAS a 1", "\xc3\xa9t\xc3\xa9"} {
		c.send([]byte(line + "\r\nPING\r\n"))
		if got := c.next(); got == "PONG" {
			t.Errorf("%s has no answer", line)
		}
		c.expect("PONG")
	}
	c.send(encode("GET / HTTP/1.1", "SET k 0 0 5", "HEAD / HTTP/1.1", "SUBSCRIBE /a HTTP/1.1"))
	c.expect("(error) ERR wrong number of arguments …", "(error) ERR syntax error", "(error) ERR unknown command …",
		"…/a…", "…HTTP/1.1…")
	if got := n.srv.Stats().Foreign.Load(); got != 0 {
		t.Errorf("%d connections are counted; want none", got)
	}
}
