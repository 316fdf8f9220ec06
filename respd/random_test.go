package respd_test

// Random clients against a model. Each has keys of its own and sends pipelines
// of random commands cut at random places; every reply is known beforehand. At
// the end the state is what the models say and what the journal adds up to.

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

var seed = flag.Uint64("respd.seed", 0, "seed of the random tests; 0 draws one")

// randomSeed returns the seed that was asked for, or draws one, and says which.
func randomSeed(t *testing.T) uint64 {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d; again with -respd.seed=%d", s, s)
	return s
}

func TestRandom(t *testing.T) {
	s := randomSeed(t)
	clients, pipelines := 8, 60
	if testing.Short() {
		pipelines = 20
	}
	n := start(t)
	models := make([]*model, clients)
	parallel(clients, func(i int) {
		m := newModel(rand.New(rand.NewPCG(s, uint64(i))), fmt.Sprint("c", i, ":"))
		models[i] = m
		c := n.dial()
		for range pipelines {
			m.in, m.wants = nil, nil
			for range 1 + m.rnd.IntN(1<<m.rnd.IntN(8)) {
				m.command()
			}
			m.send(c)
			for j, want := range m.wants {
				if got := c.next(); got != want {
					t.Errorf("client %d: reply %d = %.200s; want %.200s", i, j, got, want)
					return
				}
			}
		}
	})
	c := n.dial()
	for db := range dbs {
		c.want(fmt.Sprint("SELECT ", db), "OK")
		keys := 0
		for _, m := range models {
			keys += len(m.dbs[db])
			for k, v := range m.dbs[db] {
				c.want("GET "+k, strconv.Quote(v))
			}
		}
		c.want("DBSIZE", fmt.Sprintf("(integer) %d", keys))
	}
}

// dbs is how many databases the clients use.
const dbs = 3

// model knows what one client's keys hold, and what it will be answered.
type model struct {
	rnd    *rand.Rand
	prefix string
	dbs    [dbs]map[string]string
	db     int
	in     []byte
	wants  []string
	// The open transaction: what was queued, and whether a key that is
	// watched has been changed.
	multi   bool
	queue   []func() string
	watched map[[2]string]bool
	dirty   bool
}

func newModel(rnd *rand.Rand, prefix string) *model {
	m := &model{rnd: rnd, prefix: prefix, watched: make(map[[2]string]bool)}
	for i := range m.dbs {
		m.dbs[i] = make(map[string]string)
	}
	return m
}

// send sends what has been gathered, in pieces.
func (m *model) send(c *client) {
	for in := m.in; len(in) > 0; {
		k := min(len(in), 1+m.rnd.IntN(1+len(m.in)))
		c.send(in[:k])
		in = in[k:]
		if m.rnd.IntN(4) == 0 {
			// Not to wait for anything: pieces arrive at random, too.
			time.Sleep(time.Duration(m.rnd.IntN(300)) * time.Microsecond)
		}
	}
}

// command adds a random command and the reply to it.
func (m *model) command() {
	switch m.rnd.IntN(24) {
	case 0:
		m.control("MULTI", m.begin)
	case 1, 2, 3:
		m.control("EXEC", m.exec)
	case 4:
		m.control("DISCARD", m.discard)
	case 5, 6:
		k := m.key()
		m.control("WATCH "+k, func() string { return m.watch(k) })
	default:
		m.data()
	}
}

func (m *model) key() string { return m.prefix + strconv.Itoa(m.rnd.IntN(5)) }

func (m *model) control(line string, run func() string) {
	m.in = append(m.in, encode(line)...)
	m.wants = append(m.wants, run())
}

func (m *model) begin() string {
	if m.multi {
		return "(error) ERR MULTI calls can not be nested"
	}
	m.multi = true
	return "OK"
}

func (m *model) end() {
	m.multi, m.queue, m.dirty = false, nil, false
	clear(m.watched)
}

func (m *model) discard() string {
	if !m.multi {
		return "(error) ERR DISCARD without MULTI"
	}
	m.end()
	return "OK"
}

func (m *model) watch(k string) string {
	if m.multi {
		return "(error) ERR WATCH inside MULTI is not allowed"
	}
	m.watched[[2]string{strconv.Itoa(m.db), k}] = true
	return "OK"
}

func (m *model) exec() string {
	if !m.multi {
		return "(error) ERR EXEC without MULTI"
	}
	queue, dirty := m.queue, m.dirty
	m.end()
	if dirty {
		return "(nil array)"
	}
	var replies []string
	for _, run := range queue {
		replies = append(replies, run())
	}
	return "[" + strings.Join(replies, " ") + "]"
}

// data adds a command that may be queued.
func (m *model) data() {
	k, k2 := m.key(), m.key()
	val := strconv.Itoa(m.rnd.IntN(1000))
	if m.rnd.IntN(3) == 0 {
		val = strings.Repeat("x", m.rnd.IntN(3000)+1)
	}
	var line string
	var run func() string
	switch m.rnd.IntN(11) {
	case 0, 1:
		line, run = "SET "+k+" "+val, func() string { return m.set(k, val, "OK") }
	case 2, 3:
		line, run = "GET "+k, func() string { return m.get(k) }
	case 4, 5:
		line, run = "INCR "+k, func() string { return m.incr(k) }
	case 6:
		line, run = "APPEND "+k+" 7", func() string {
			v := m.dbs[m.db][k] + "7"
			return m.set(k, v, fmt.Sprintf("(integer) %d", len(v)))
		}
	case 7:
		line, run = "DEL "+k+" "+k2, func() string { return m.del(k, k2) }
	case 8:
		line, run = "GETSET "+k+" "+val, func() string { return m.set(k, val, m.get(k)) }
	case 9:
		db := m.rnd.IntN(dbs)
		line, run = fmt.Sprint("SELECT ", db), func() string { m.db = db; return "OK" }
	case 10:
		line, run = "KEYS "+k, func() string { return m.keys(k) }
	}
	m.in = append(m.in, encode(line)...)
	if m.multi {
		m.queue = append(m.queue, run)
		m.wants = append(m.wants, "QUEUED")
		return
	}
	m.wants = append(m.wants, run())
}

func (m *model) get(k string) string {
	if v, ok := m.dbs[m.db][k]; ok {
		return strconv.Quote(v)
	}
	return "(nil)"
}

func (m *model) set(k, v, reply string) string {
	m.dbs[m.db][k] = v
	m.touch(k)
	return reply
}

func (m *model) incr(k string) string {
	v, ok := m.dbs[m.db][k]
	n, err := strconv.ParseInt(v, 10, 64)
	if ok && (err != nil || strconv.FormatInt(n, 10) != v) || n == 1<<63-1 {
		if n == 1<<63-1 && err == nil {
			return "(error) ERR increment or decrement would overflow"
		}
		return "(error) ERR value is not an integer or out of range"
	}
	return m.set(k, strconv.FormatInt(n+1, 10), fmt.Sprintf("(integer) %d", n+1))
}

func (m *model) del(ks ...string) string {
	n := 0
	for _, k := range ks {
		if _, ok := m.dbs[m.db][k]; ok {
			delete(m.dbs[m.db], k)
			m.touch(k)
			n++
		}
	}
	return fmt.Sprintf("(integer) %d", n)
}

func (m *model) keys(k string) string {
	if _, ok := m.dbs[m.db][k]; ok {
		return `["` + k + `"]`
	}
	return "[]"
}

func (m *model) touch(k string) {
	if m.watched[[2]string{strconv.Itoa(m.db), k}] {
		m.dirty = true
	}
}
