package scripts

import (
	"container/list"
	"crypto/sha1"
	"encoding/hex"
	"sync"
	"sync/atomic"

	"ledge/respd/lua"
	"ledge/respd/resp"
)

// The script cache is bounded in what its scripts' texts take and in their
// number. What has not been used for longest goes first, scripts that came
// with EVAL before those of SCRIPT LOAD: a client that loaded a script counts
// on it, and one that evaluates sends the text again.
const (
	maxScripts     = 8192
	maxScriptBytes = 32 << 20
	// cacheShare is the part that the texts may take of what one script may have.
	// Compiled they take several times as much.
	cacheShare = 8
)

// cache has the scripts by the SHA-1 of their text.
type cache struct {
	mu     sync.Mutex
	byText map[string]*list.Element // mu; spares EVAL the SHA-1
	bySHA  map[string]*list.Element // mu; SHA-1 in lower case
	evals  *list.List               // mu; latest used first
	loaded *list.List               // mu
	bytes  int                      // mu
	most   atomic.Int64             // that bytes may be
	// trimmed counts the scripts that were forgotten to make room. Whoever keeps
	// anything for scripts forgets it when that changes.
	trimmed atomic.Int64
}

// script is a compiled script.
type script struct {
	sha    string
	text   string
	proto  *lua.Proto
	flags  scriptFlags
	loaded bool
}

func newCache() *cache {
	c := new(cache)
	c.most.Store(maxScriptBytes)
	c.flush()
	return c
}

// flush forgets all scripts.
func (c *cache) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byText, c.bySHA = make(map[string]*list.Element), make(map[string]*list.Element)
	c.evals, c.loaded = list.New(), list.New()
	c.bytes = 0
}

// find returns the script of that SHA-1, in lower case, or nil.
func (c *cache) find(sha []byte) *script {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usedLocked(c.bySHA[string(sha)])
}

// usedLocked notes that a script is used, and returns it.
func (c *cache) usedLocked(el *list.Element) *script {
	if el == nil {
		return nil
	}
	s := el.Value.(*script)
	c.listOf(s).MoveToFront(el)
	return s
}

func (c *cache) listOf(s *script) *list.List {
	if s.loaded {
		return c.loaded
	}
	return c.evals
}

// get returns the script of that text, which is compiled if it is not there
// yet. load says that a client wants it to stay.
func (c *cache) get(text []byte, load bool) (*script, error) {
	c.mu.Lock()
	el := c.byText[string(text)]
	s := c.usedLocked(el)
	if s != nil && load && !s.loaded {
		c.evals.Remove(el)
		s.loaded = true
		c.enterLocked(s, c.loaded)
	}
	c.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := newScript(string(text))
	if err != nil {
		return nil, err
	}
	s.loaded = load
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.bySHA[s.sha]; el != nil { // somebody was faster
		return c.usedLocked(el), nil
	}
	c.bytes += len(s.text)
	c.enterLocked(s, c.listOf(s))
	c.trimLocked(s)
	return s, nil
}

func (c *cache) enterLocked(s *script, l *list.List) {
	el := l.PushFront(s)
	c.byText[s.text], c.bySHA[s.sha] = el, el
}

// trimLocked makes room, but keeps s.
func (c *cache) trimLocked(keep *script) {
	for len(c.bySHA) > maxScripts || int64(c.bytes) > c.most.Load() {
		l := c.evals
		if l.Len() == 0 || l.Back().Value == keep {
			l = c.loaded
		}
		el := l.Back()
		if el == nil || el.Value == keep {
			return
		}
		s := l.Remove(el).(*script)
		delete(c.byText, s.text)
		delete(c.bySHA, s.sha)
		c.bytes -= len(s.text)
		c.trimmed.Add(1)
	}
}

func newScript(text string) (*script, error) {
	flags, body, err := shebang(text)
	if err != nil {
		return nil, err
	}
	proto, err := lua.Compile(body, "@user_script")
	if err != nil {
		return nil, compileError("Error compiling script (new function): ", err)
	}
	return &script{sha: sha1hex(text), text: text, proto: proto, flags: flags}, nil
}

func compileError(doing string, err error) error {
	return resp.Error("ERR " + doing + err.Error())
}

func sha1hex(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// protos are compiled function libraries. Each Lua state loads them anew, but
// they are compiled once.
type protos struct {
	mu     sync.Mutex
	byCode map[string]*lua.Proto // mu
}

// maxProtos is how many compiled libraries are kept.
const maxProtos = 256

func (p *protos) get(code, body string) (*lua.Proto, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if proto := p.byCode[code]; proto != nil {
		return proto, nil
	}
	proto, err := lua.Compile(body, "@user_function")
	if err != nil {
		return nil, err
	}
	if p.byCode == nil || len(p.byCode) >= maxProtos {
		p.byCode = make(map[string]*lua.Proto)
	}
	p.byCode[code] = proto
	return proto, nil
}
