package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The file is in the form of buntdb's own: commands of RESP, of which there are two.
// It is read here and not by buntdb, which takes the lengths in it at their word and
// so can be made to take any amount of memory, or to panic, by a flipped bit.

func appendSet(b []byte, k, sealed string) []byte { return appendCommand(b, "set", k, sealed) }

func appendDelete(b []byte, k string) []byte { return appendCommand(b, "del", k) }

func appendCommand(b []byte, parts ...string) []byte {
	b = fmt.Appendf(b, "*%d\r\n", len(parts))
	for _, p := range parts {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(p), p)
	}
	return b
}

// errTorn says that the file ends within a command, as it does when the process or
// the machine was stopped while it was written.
var errTorn = errors.New("it ends within a command")

// change is a command of the file.
type change struct {
	key    string
	sealed string // of a row that is put
	delete bool
}

// scan tells of each command of a file. It returns how many bytes of it are good; the
// error is nil at its end, errTorn, or says what is wrong after them.
func scan(r io.Reader, tell func(change) error) (good int64, err error) {
	br := bufio.NewReader(r)
	for {
		if _, err := br.Peek(1); err == io.EOF {
			return good, nil
		}
		c, n, err := readCommand(br)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTorn
		}
		if err == nil {
			err = tell(c)
		}
		if err != nil {
			return good, err
		}
		good += n
	}
}

func readCommand(r *bufio.Reader) (c change, n int64, err error) {
	parts, n, err := readLength(r, '*', 3)
	if err != nil {
		return c, n, err
	}
	var text [3]string
	for i := range parts {
		most := []int{3, MaxKey, sealBytes + MaxValue}[i]
		long, m, err := readLength(r, '$', most)
		if err != nil {
			return c, n, err
		}
		b := make([]byte, long+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return c, n, err
		}
		if !bytes.HasSuffix(b, []byte("\r\n")) {
			return c, n, errors.New("a text has no end")
		}
		text[i] = string(b[:long])
		n += m + int64(len(b))
	}
	c = change{key: text[1], sealed: text[2], delete: text[0] == "del"}
	switch {
	case !strings.Contains(c.key, ":"):
		return c, n, fmt.Errorf("row %q is of no table", c.key)
	case text[0] == "del" && parts == 2:
	case text[0] != "set" || parts != 3:
		return c, n, fmt.Errorf("%q is no command of the store", text[0])
	case !sealed(c.key, c.sealed):
		return c, n, fmt.Errorf("the checksum of row %q does not match", c.key)
	}
	return c, n, nil
}

// readLength reads a line of a kind with a number between 0 and most.
func readLength(r *bufio.Reader, kind byte, most int) (length int, n int64, err error) {
	var line []byte
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		b, err := r.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		if line = append(line, b); len(line) > 12 {
			break
		}
	}
	if line[0] != kind || !bytes.HasSuffix(line, []byte("\r\n")) {
		return 0, 0, fmt.Errorf("%q is no length", line)
	}
	length, err = strconv.Atoi(string(line[1 : len(line)-2]))
	if err != nil || length < 0 || length > most {
		return 0, 0, fmt.Errorf("%q is not a length up to %d", line, most)
	}
	return length, int64(len(line)), nil
}

// commandMark is what each command of the file has after its first two bytes.
const commandMark = "\r\n$3\r\n"

// mostSalvaged bounds the places of a file at which commands are looked for.
const mostSalvaged = 1000

// salvage tells of the whole commands in what comes after a beginning that is none, and
// returns how many they are: one row that is damaged does not cost those after it.
func salvage(rest []byte, tell func(change) error) (found int) {
	for range mostSalvaged {
		if len(rest) <= len(commandMark) {
			break
		}
		at := bytes.Index(rest[3:], []byte(commandMark)) // later than in a command that begins here
		if at < 0 {
			break
		}
		rest = rest[at+1:]
		good, err := scan(bytes.NewReader(rest), func(c change) error {
			found++
			return tell(c)
		})
		if err == nil || errors.Is(err, ErrFull) {
			break
		}
		rest = rest[good:]
	}
	return found
}

// tornInZeros reports whether the rest of a file, of which the beginning is no
// command, is one that was being written: a power cut may leave zeros in place of
// what had not reached the disk.
func tornInZeros(rest []byte) bool {
	cut := bytes.TrimRight(rest, "\x00")
	if len(cut) == len(rest) {
		return false
	}
	good, err := scan(bytes.NewReader(cut), func(change) error { return nil })
	return good == 0 && (err == nil || errors.Is(err, errTorn))
}
