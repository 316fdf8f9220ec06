package options

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bounds of what clients may have.
const (
	minOutput    = 64 << 10
	maxIdle      = 10 * 365 * 24 * time.Hour
	maxKeepAlive = 32767 * time.Second // the most that Linux takes
)

// OutputLimit bounds what waits for one client that does not read: Hard bytes at any
// time, and Soft bytes for longer than SoftFor. Hard 0 is what all clients together may
// have, and Soft 0 is none.
type OutputLimit struct {
	Hard, Soft int64
	SoftFor    time.Duration
}

// OutputLimits bound replies that wait (Normal) and messages that do (PubSub).
type OutputLimits struct{ Normal, PubSub OutputLimit }

// DefaultOutput are the limits that hold when nobody says others.
var DefaultOutput = OutputLimits{
	Normal: OutputLimit{Hard: 256 << 20},
	PubSub: OutputLimit{Hard: 32 << 20, Soft: 8 << 20, SoftFor: time.Minute},
}

const defaultOutputText = "normal 256mb 0 0 pubsub 32mb 8mb 60"

var (
	errOutputWords = errors.New("wants CLASS HARD SOFT SECONDS, once for each class")
	errOutputClass = errors.New("there are the classes normal and pubsub; replica has 0 0 0 alone")
	errOutputValue = errors.New("HARD and SOFT are sizes like 32mb, or 0, and SECONDS is a whole number")
	errOutputOther = errors.New("replicas fetch the journal by themselves, so nothing waits for them: 0 0 0 is all there is")
)

// outputLimits are Redis's client-output-buffer-limit: some classes, each with its
// limits. Classes that are not named stay as they are.
func outputLimits() value {
	at := func(c *Config) *OutputLimits { return &c.Output }
	return value{
		parse: func(c *Config, s string) error {
			l := *at(c)
			if l == (OutputLimits{}) {
				l = DefaultOutput
			}
			words := strings.Fields(s)
			if len(words) == 0 || len(words)%4 != 0 {
				return errOutputWords
			}
			for ; len(words) > 0; words = words[4:] {
				if err := l.take(words[0], words[1:4]); err != nil {
					return err
				}
			}
			*at(c) = l
			return nil
		},
		show: func(c *Config) string {
			l := at(c)
			return fmt.Sprintf("normal %s slave 0 0 0 pubsub %s", l.Normal, l.PubSub)
		},
		none:  func(c *Config) bool { return *at(c) == OutputLimits{} },
		check: func(c *Config) error { return errors.Join(at(c).Normal.check(), at(c).PubSub.check()) },
	}
}

// take reads the limits of one class.
func (l *OutputLimits) take(class string, words []string) error {
	var o OutputLimit
	var err error
	for i, to := range []*int64{&o.Hard, &o.Soft} {
		if words[i] == "0" {
			continue
		}
		if *to, err = parseSize(words[i]); err != nil {
			return errOutputValue
		}
	}
	n, err := parseCap(words[2])
	if err != nil || n > math.MaxInt32 {
		return errOutputValue
	}
	o.SoftFor = time.Duration(n) * time.Second
	switch strings.ToLower(class) {
	case "normal":
		l.Normal = o
	case "pubsub":
		l.PubSub = o
	case "replica", "slave":
		if o != (OutputLimit{}) {
			return errOutputOther
		}
	default:
		return errOutputClass
	}
	return nil
}

// String writes limits as Redis does.
func (o OutputLimit) String() string {
	return fmt.Sprintf("%d %d %d", o.Hard, o.Soft, int64(o.SoftFor/time.Second))
}

func (o OutputLimit) check() error {
	for _, n := range []int64{o.Hard, o.Soft} {
		if err := within(n, minOutput, maxSize); err != nil {
			return err
		}
	}
	return nil
}

// wholeSeconds is a span that Redis counts in seconds. A 0 is kept as zero.
func wholeSeconds(at func(*Config) *time.Duration, most, zero time.Duration) value {
	v := span(at, time.Second, most)
	parse, check := v.parse, v.check
	v.parse = func(c *Config, s string) error {
		if d, err := time.ParseDuration(s); err == nil && d == 0 {
			*at(c) = zero
			return nil
		}
		return parse(c, s)
	}
	v.show = func(c *Config) string { return max(0, *at(c)).String() }
	v.check = func(c *Config) error {
		switch d := *at(c); {
		case d == zero:
			return nil
		case d%time.Second != 0:
			return fmt.Errorf("%s is not a whole number of seconds", d)
		}
		return check(c)
	}
	return v
}

// inSecondsParam is a parameter that shows a duration as Redis does, and can be set.
func inSecondsParam(name string, at func(*Config) *time.Duration) []Param {
	return []Param{{Name: name, Live: true, read: ofSeconds,
		show: func(c *Config) string { return strconv.FormatInt(int64(max(0, *at(c))/time.Second), 10) }}}
}

func idleTimeout(c *Config) *time.Duration  { return &c.IdleTimeout }
func tcpKeepAlive(c *Config) *time.Duration { return &c.TCPKeepAlive }
