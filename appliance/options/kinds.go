package options

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fits is the check of a kind whose values are all good, or are looked at when
// they are parsed.
func fits(*Config) error { return nil }

// text is any text that a check has nothing against; check may be nil.
func text(at func(*Config) *string, check func(string) error) value {
	v := value{
		parse: func(c *Config, s string) error { *at(c) = s; return nil },
		show:  func(c *Config) string { return *at(c) },
		none:  func(c *Config) bool { return *at(c) == "" },
		check: fits,
	}
	if check != nil {
		v.check = func(c *Config) error {
			if *at(c) == "" {
				return nil
			}
			return check(*at(c))
		}
	}
	return v
}

// choice is one of some words.
func choice(at func(*Config) *string, words ...string) value {
	check := func(s string) error {
		if !slices.Contains(words, s) {
			return fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
		}
		return nil
	}
	v := text(at, check)
	v.words = words
	v.parse = func(c *Config, s string) error {
		*at(c) = s
		if s == "" { // no choice, which check takes for one that was not made
			return check(s)
		}
		return nil
	}
	return v
}

// span is a duration between two bounds; most 0 is no upper bound.
func span(at func(*Config) *time.Duration, least, most time.Duration) value {
	return value{
		parse: func(c *Config, s string) (err error) { *at(c), err = ParseDuration(s); return err },
		show:  func(c *Config) string { return at(c).String() },
		none:  func(c *Config) bool { return *at(c) == 0 },
		check: func(c *Config) error {
			switch d := *at(c); {
			case d == 0:
			case most == 0 && d < least:
				return fmt.Errorf("%s is below %s", short(d), short(least))
			case most != 0 && (d < least || d > most):
				return fmt.Errorf("%s is not between %s and %s", short(d), short(least), short(most))
			}
			return nil
		},
	}
}

// orZero lets a kind have a zero that is written, too.
func (v value) orZero(at func(*Config) *time.Duration) value {
	parse := v.parse
	v.parse = func(c *Config, s string) error {
		if d, err := time.ParseDuration(s); err == nil && d == 0 {
			*at(c) = 0
			return nil
		}
		return parse(c, s)
	}
	return v
}

// short leaves out the zeros at the end of a duration.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// count is a whole number between two bounds.
func count(at func(*Config) *int, least, most int) value {
	parse := ParseCount
	if least == 0 {
		parse = parseCap
	}
	return value{
		parse: func(c *Config, s string) (err error) { *at(c), err = parse(s); return err },
		show:  func(c *Config) string { return strconv.Itoa(*at(c)) },
		none:  func(c *Config) bool { return *at(c) == 0 },
		check: func(c *Config) error { return within(int64(*at(c)), int64(least), int64(most)) },
	}
}

// size is a number of bytes between two bounds.
func size(at func(*Config) *int64, least, most int64) value {
	return value{
		parse: func(c *Config, s string) (err error) { *at(c), err = parseSize(s); return err },
		show:  func(c *Config) string { return strconv.FormatInt(*at(c), 10) },
		none:  func(c *Config) bool { return *at(c) == 0 },
		check: func(c *Config) error { return within(*at(c), least, most) },
	}
}

// zeroIsNone lets a size be written as 0, which is none.
func (v value) zeroIsNone(at func(*Config) *int64) value {
	parse := v.parse
	v.parse = func(c *Config, s string) error {
		if s == "0" {
			*at(c) = 0
			return nil
		}
		return parse(c, s)
	}
	return v
}

// within checks a number, of which 0 says that it has not been set.
func within(v, least, most int64) error {
	if v != 0 && (v < least || v > most) {
		return fmt.Errorf("%d is not between %d and %d", v, least, most)
	}
	return nil
}
