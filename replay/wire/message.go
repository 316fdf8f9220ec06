package wire

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"ledge/journal/fault"
)

// Message is what a JSON Message is decoded into.
type Message interface {
	// Check reports what is missing, or does not add up.
	Check() error
}

// Decode reads a JSON message that should be of a kind.
func Decode(m *nats.Msg, into Message) error { return DecodeUpTo(m, into, MaxJSON) }

// DecodeUpTo is Decode of a message that may have so many bytes.
func DecodeUpTo(m *nats.Msg, into Message, most int) error {
	err := fmt.Errorf("%d bytes; want at most %d", len(m.Data), most)
	if len(m.Data) <= most {
		if err = json.Unmarshal(m.Data, into); err == nil {
			err = into.Check()
		}
	}
	if err != nil {
		return fault.With(fault.Refused, fmt.Errorf("%T: not what it should be: %s", into, Clip(err.Error(), MaxText)))
	}
	return nil
}
