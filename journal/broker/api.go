package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ledge/journal/blocks"
	"ledge/journal/fault"
)

// How long it is waited for an answer until the question is asked again: at first,
// and at most. A stream is asked for once, and that is waited for longer: its files have
// to come onto the disk.
const (
	apiTimeout     = 5 * time.Second
	apiTimeoutMost = time.Minute
	createTimeout  = 30 * time.Second
)

// request calls the JetStream API and decodes the answer into out. The API answers
// when the disk does, so it is waited for until ctx ends. The question is asked
// again now and then, which does no harm: an answer that is lost must not be waited
// for.
func (s *Stream) request(ctx context.Context, verb string, in, out any) error {
	name := "$JS.API.STREAM." + verb + "." + blocks.Stream
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	wait := apiTimeout
	if verb == "CREATE" {
		wait = createTimeout
	}
	for ; ; wait = min(2*wait, apiTimeoutMost) {
		err := s.try(ctx, wait, name, body, out)
		late := errors.Is(err, context.DeadlineExceeded)
		switch {
		case err == nil:
			return nil
		case late && ctx.Err() == nil && verb != "CREATE":
			continue
		}
		err = fmt.Errorf("%s: %w", name, err)
		if late {
			err = fault.With(fault.Retryable, err) // slow is not failed
		}
		return err
	}
}

// try asks once.
func (s *Stream) try(ctx context.Context, wait time.Duration, name string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	msg, err := s.nc.RequestWithContext(ctx, name, body)
	if err != nil {
		return err
	}
	var failed server.ApiResponse
	if err := json.Unmarshal(msg.Data, &failed); err != nil {
		return err
	}
	if failed.Error != nil {
		return failed.Error
	}
	return json.Unmarshal(msg.Data, out)
}
