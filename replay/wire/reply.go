// Package wire is what nodes have in common that speak with each other over NATS, be they a
// leader and its replica or the leaders of two shards: a connection that is not mended and
// bounds what the other side may announce, types that hold only what was looked at, replies
// that carry an error with its class, and what is said of a cluster's nodes.
package wire

import (
	"errors"

	"github.com/nats-io/nats.go"

	"ledge/journal/fault"
)

// Headers of a reply that carries an error.
const (
	HeaderClass = "Ledge-Class"
	HeaderError = "Nats-Service-Error"
	HeaderCode  = "Nats-Service-Error-Code"
)

// codes are the HTTP-like codes of the classes.
var codes = map[fault.Class]string{
	fault.Refused: "400", fault.Retryable: "503", fault.Operator: "409", fault.Fatal: "500",
}

// Failure makes the reply that carries an error.
func Failure(err error) *nats.Msg {
	m := nats.NewMsg("")
	class := fault.Of(err)
	m.Header.Set(HeaderError, err.Error())
	m.Header.Set(HeaderCode, codes[class])
	m.Header.Set(HeaderClass, class.String())
	return m
}

// Failed returns the error that a reply carries, or nil. One that is Fatal for the other
// side, which is named by who, is for the operator here.
func Failed(m *nats.Msg, who string) error {
	text := m.Header.Get(HeaderError)
	if text == "" {
		return nil
	}
	class := fault.Operator
	for _, c := range []fault.Class{fault.Refused, fault.Retryable} {
		if m.Header.Get(HeaderClass) == c.String() {
			class = c
		}
	}
	return fault.As(class, who, errors.New(Clip(text, MaxText)))
}
