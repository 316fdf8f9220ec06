package options

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"ledge/replay/writer"
	"ledge/respd/hub"
)

// Options that are of no common kind, and checks of single ones.

// snapshotEvery is a size or a duration, each with a field of its own.
func snapshotEvery() value {
	return value{
		parse: func(c *Config, s string) (err error) {
			if d, err := time.ParseDuration(s); err == nil && d > 0 {
				c.SnapshotEvery, c.SnapshotBytes = d, 0
				return nil
			}
			c.SnapshotEvery = 0
			if c.SnapshotBytes, err = parseSize(s); err != nil {
				return fmt.Errorf("%q is neither a size like 256MiB nor a duration like 1h", s)
			}
			return nil
		},
		show: func(c *Config) string {
			if c.SnapshotEvery != 0 {
				return c.SnapshotEvery.String()
			}
			return fmt.Sprint(c.SnapshotBytes)
		},
		none: func(c *Config) bool { return c.SnapshotBytes == 0 && c.SnapshotEvery == 0 },
		check: func(c *Config) error {
			if c.SnapshotEvery != 0 && c.SnapshotEvery < time.Second {
				return fmt.Errorf("%s is shorter than 1s", c.SnapshotEvery)
			}
			return within(c.SnapshotBytes, minSnapshot, maxSize)
		},
	}
}

// reserve is a size, and none is a negative one.
func reserve() value {
	v := size(func(c *Config) *int64 { return &c.Reserve }, minReserve, maxSize)
	parse := v.parse
	v.parse = func(c *Config, s string) error {
		if s == "0" {
			c.Reserve = -1
			return nil
		}
		return parse(c, s)
	}
	v.check = func(c *Config) error {
		if c.Reserve > 0 && c.Reserve < minReserve {
			return fmt.Errorf("%d is neither 0 nor at least %d", c.Reserve, minReserve)
		}
		return nil
	}
	return v
}

func logLevel() value {
	return value{
		parse: func(c *Config, s string) error {
			switch strings.ToLower(s) {
			case "debug", "info", "warn", "error":
				return c.LogLevel.UnmarshalText([]byte(s))
			}
			return fmt.Errorf("%q is none of debug, info, warn, error", s)
		},
		show:  func(c *Config) string { return strings.ToLower(c.LogLevel.String()) },
		none:  func(c *Config) bool { return c.LogLevel == 0 },
		check: fits,
		words: []string{"debug", "info", "warn", "error"},
	}
}

const (
	formatText = "text"
	formatJSON = "json"
)

func logFormat() value {
	return choice(func(c *Config) *string { return &c.LogFormat }, formatText, formatJSON)
}

// appendFsyncs are what Redis calls the sync modes.
var appendFsyncs = map[string]string{SyncAlways: "always", SyncInterval: "everysec", SyncOff: "no"}

func appendFsync(c *Config) string { return appendFsyncs[c.Sync] }

func ofAppendFsync(v string) (string, error) {
	for mode, name := range appendFsyncs {
		if strings.EqualFold(v, name) {
			return mode, nil
		}
	}
	return "", errors.New("argument(s) must be one of the following: everysec, always, no")
}

// ofSeconds writes a whole number of seconds as a duration.
func ofSeconds(v string) (string, error) {
	n, err := parseCap(v)
	return strconv.Itoa(n) + "s", err
}

func checkPassword(p string) error {
	if len(p) > mostPassword {
		return fmt.Errorf("it has %d bytes; the most that a client can say is %d", len(p), mostPassword)
	}
	return nil
}

func checkEvents(s string) error {
	if _, ok := hub.ParseEvents(s); !ok {
		return fmt.Errorf("%q has other letters than Ag$lshzxeKEtmdn", s)
	}
	return nil
}

func checkName(name string) error {
	if len(name) > 64 || name != CleanName(name) {
		return fmt.Errorf("%q may have letters, digits, - and _ only, and at most 64 of them", name)
	}
	return nil
}

// CleanName replaces what a node's name may not have, which is what can't be a
// token of a NATS subject.
func CleanName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, name)
}

// DefaultName is what a node is called when nobody says.
func DefaultName() string {
	host, _ := os.Hostname()
	host, _, _ = strings.Cut(host, ".")
	if host = CleanName(host); len(host) > 64 {
		host = host[:64]
	}
	if host == "" {
		return "ledge"
	}
	return host
}

// What clashes with other options.

func clashSyncInterval(c *Config) error {
	if c.SyncInterval == 0 || c.Sync == SyncInterval {
		return nil
	}
	switch c.Sync {
	case "":
		return errors.New("has no meaning with sync " + SyncAlways)
	case SyncAlways, SyncOff:
		return &besideError{"has no meaning with ", "sync", " " + c.Sync}
	}
	return nil // that is wrong by itself
}

func clashPasswordFile(c *Config) error {
	if c.Password != "" && c.PasswordFile != "" {
		return &besideError{"has no meaning beside ", "password", ""}
	}
	return nil
}

func clashResume(c *Config) error {
	if c.ResumeAuto == string(writer.ResumeNone) && (c.ResumeInterval != 0 || c.ResumeMaxAttempts != 0) {
		other := "resume-interval"
		if c.ResumeInterval == 0 {
			other = "resume-max-attempts"
		}
		return &besideError{"none leaves ", other, " without a meaning"}
	}
	return nil
}

func clashLag(c *Config) error {
	if c.MinReplicasLag != 0 && c.MinReplicas == 0 {
		return fmt.Errorf("%s has no meaning without min-replicas", short(c.MinReplicasLag))
	}
	return nil
}
